"""Word error rate, and whether a difference between two of them means anything.

Words are as `sordino.speech.text` has them: what Unicode white space separates, in normal form C.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

from sordino.errors import InputError, warn
from sordino.speech.text import WORD_MARK, Speller, split_words

__all__ = [
    "Wer",
    "caseless_errors",
    "check_references",
    "paired_bootstrap",
    "transcript_errors",
    "warn_of_case",
    "word_error_rate",
]


@dataclass(frozen=True, kw_only=True)
class Wer:
    """Word errors (substitutions, deletions and insertions) over a set of utterances.

    `wer` is errors / words, a fraction that insertions can take above 1; errors are the sum of
    `substitutions`, `deletions` and `insertions`; `utterance_errors` and `utterance_words` (of the
    references) have one entry per utterance, in order.
    """

    errors: int
    substitutions: int
    deletions: int
    insertions: int
    words: int
    utterances: int
    wer: float
    utterance_errors: tuple[int, ...]
    utterance_words: tuple[int, ...]

    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of `wer`, as `paired_bootstrap` against no errors at all."""
        none = (0,) * self.utterances
        return paired_bootstrap(self.utterance_errors, none, self.utterance_words)


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> Wer:
    """Compare hypotheses with references, utterance by utterance.

    Case counts; empty hypotheses are all deletions. Raises `InputError` where the numbers of
    utterances differ or no reference has a word.
    """
    if len(references) != len(hypotheses):
        raise InputError(
            f"wanted a hypothesis for each of {len(references)} references, got {len(hypotheses)}"
        )
    wanted, got = ([" ".join(split_words(t)) for t in texts] for texts in (references, hypotheses))
    words = tuple(len(text.split()) for text in wanted)
    if sum(words) == 0:
        raise InputError("wanted references with words in them, got none; word errors need some")
    kinds = [_errors(w, g) for w, g in zip(wanted, got, strict=True)]
    errors = tuple(map(sum, kinds))
    substitutions, deletions, insertions = map(sum, zip(*kinds, strict=True))
    return Wer(
        errors=sum(errors),
        substitutions=substitutions,
        deletions=deletions,
        insertions=insertions,
        words=sum(words),
        utterances=len(words),
        wer=sum(errors) / sum(words),
        utterance_errors=errors,
        utterance_words=words,
    )


def transcript_errors(
    references: Sequence[str], hypotheses: Sequence[str], speller: Speller
) -> Wer:
    """Compare what a model wrote with what was said, as the model would write it.

    References are brought to the model's case where its tokens have only one. An InputWarning says
    what of them the tokens cannot spell, and where errors are of case alone. Raises `InputError` as
    `word_error_rate`.
    """
    wanted = check_references(references, speller)
    score = word_error_rate(wanted, hypotheses)
    warn_of_case(score.errors - caseless_errors(wanted, hypotheses), score.errors)
    return score


def check_references(references: Sequence[str], speller: Speller) -> list[str]:
    """References as the model would write them; InputWarnings say what it cannot."""
    wanted = [speller.adapt(text) for text in references]
    speller.check(
        [word for text in wanted for word in text.split()],
        "the transcripts",
        "each is an error, whatever is heard; spell them as the model does",
    )
    several = sum(" " in text for text in wanted)
    if several and speller.alphabet and not speller.separates:
        warn(
            f"{several:,} of {len(wanted):,} transcripts have several words, but no token of the "
            f"model has a space or {WORD_MARK} in it: all that it writes is one word; export the "
            f"model with tokens that have {WORD_MARK} where a word begins"
        )
    return wanted


def caseless_errors(references: Sequence[str], hypotheses: Sequence[str]) -> int:
    """Word errors where capitals and small letters are alike."""
    folded = ([text.casefold() for text in texts] for texts in (references, hypotheses))
    return word_error_rate(*folded).errors


def warn_of_case(of_case: int, errors: int) -> None:
    """Warn where so many of the word errors are of case alone."""
    if of_case:
        warn(
            f"{of_case:,} of {errors:,} word errors are of case alone: the model writes capitals "
            "and small letters, and so must transcripts; write them as the model does"
        )


def _errors(reference: str, hypothesis: str) -> tuple[int, int, int]:
    """Substitutions, deletions, insertions."""
    if not reference:
        return 0, 0, len(hypothesis.split())
    measured = jiwer.process_words(reference, hypothesis)
    return int(measured.substitutions), int(measured.deletions), int(measured.insertions)


def paired_bootstrap(
    errors_a: Sequence[int],
    errors_b: Sequence[int],
    words: Sequence[int],
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Confidence interval of WER a − WER b on the same utterances, as two fractions.

    Utterances are drawn with replacement, the same for a and b; all three sequences have one entry
    per utterance. Deterministic for a seed. An interval without 0 in it is a difference. Method:
    M. Bisani and H. Ney, "Bootstrap estimates for confidence intervals in ASR performance
    evaluation", ICASSP 2004. Raises `InputError` for lengths that differ or no words.
    """
    if not len(errors_a) == len(errors_b) == len(words):
        raise InputError(
            "wanted errors and words of the same utterances, "
            f"got {len(errors_a)}, {len(errors_b)} and {len(words)} of them"
        )
    if sum(words) == 0:
        raise InputError("wanted utterances with words in them, got none")
    difference, counts = np.subtract(errors_a, errors_b), np.asarray(words)
    random = np.random.default_rng(seed)
    share = np.full(len(words), 1 / len(words))
    rates = []
    for _ in range(resamples):
        drawn = random.multinomial(len(words), share)  # how often each utterance is drawn
        if total := int(drawn @ counts):
            rates.append(int(drawn @ difference) / total)
    low, high = np.quantile(rates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
