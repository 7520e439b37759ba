"""Word error rate, and whether a difference between two of them means anything."""

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

from sordino.errors import InputError

__all__ = ["Wer", "paired_bootstrap", "word_error_rate"]


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

    Words are what white space separates; case counts; empty hypotheses are all deletions. Raises
    `InputError` where the numbers of utterances differ or no reference has a word.
    """
    if len(references) != len(hypotheses):
        raise InputError(
            f"wanted a hypothesis for each of {len(references)} references, got {len(hypotheses)}"
        )
    wanted, got = ([" ".join(text.split()) for text in texts] for texts in (references, hypotheses))
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
