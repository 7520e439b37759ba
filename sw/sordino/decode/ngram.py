"""Word n-grams with interpolated modified Kneser–Ney smoothing.

S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language modeling",
1998. Orders below the highest count the words that an n-gram was seen after, not how often it was
seen; from every count a discount for 1, 2, and 3 or more is taken, and the mass that this frees
goes to the next lower order, in the end to all words alike, among them the unknown one.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sordino.errors import InputError

__all__ = ["BEGIN", "DIGITS", "END", "NEVER", "UNKNOWN", "UNKNOWNS", "NgramModel", "estimate"]

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
UNKNOWNS = (UNKNOWN, "<UNK>")
"""What tools, and files of theirs, call the unknown word."""
DIGITS = 7
"""Decimals of logarithms, here and in files: what is written is what was estimated."""
NEVER = -99.0
"""Logarithm that ARPA files give to what is never said, such as the begin of a sentence."""
_MARKS = (BEGIN, END, *UNKNOWNS)
_FALLBACK = (0.5, 1.0, 1.5)
"""Discounts where there are too few counts to estimate any, as in KenLM."""
_LEAST_PROBABILITY = 10.0**NEVER

Gram = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class NgramModel:
    """A back-off model.

    order      longest n-gram
    logs       log10 P(last word | words before) of every n-gram there is
    backoffs   log10 of what a context multiplies the next shorter one's probabilities with; 0
               where it is not there
    """

    order: int
    logs: Mapping[Gram, float]
    backoffs: Mapping[Gram, float]

    @property
    def words(self) -> list[str]:
        """All words but the marks, sorted."""
        return sorted(g[0] for g in self.logs if len(g) == 1 and g[0] not in _MARKS)

    def context(self, words: Sequence[str]) -> Gram:
        """The latest words that the model may use, at most order - 1 of them."""
        return tuple(words[max(0, len(words) - self.order + 1) :])

    def _known(self, words: Sequence[str]) -> Gram:
        return tuple(word if (word,) in self.logs else UNKNOWN for word in words)

    def log10(self, word: str, context: Sequence[str]) -> float:
        """log10 P(word | context); unknown words, also in the context, are the unknown word."""
        word, *_ = self._known([word])
        before, penalty = self._known(self.context(context)), 0.0
        while before and (*before, word) not in self.logs:
            penalty += self.backoffs.get(before, 0.0)
            before = before[1:]
        return penalty + self.logs.get((*before, word), NEVER)

    def perplexity(self, sentences: Iterable[Sequence[str]]) -> float:
        """Perplexity of words and ends of sentences, unknown words among them.

        Each sentence is a sequence of words; InputError for a text, and where there are none.
        """
        total, count = 0.0, 0
        for sentence in sentences:
            _check_sentence(sentence)
            padded = [BEGIN, *sentence, END]
            for place in range(1, len(padded)):
                total += self.log10(padded[place], padded[:place])
                count += 1
        if not count:
            raise InputError("wanted sentences to measure the perplexity of, got none")
        with np.errstate(over="ignore"):
            return float(np.power(10.0, -total / count))


def estimate(sentences: Iterable[Sequence[str]], order: int = 3) -> NgramModel:
    """A model of sentences, each a sequence of words.

    Raises InputError for an order below 1, without words, and for a word that is a mark or has
    white space in it.
    """
    if order < 1:
        raise InputError(f"wanted an order of at least 1, got {order}")
    counts = _adjusted(_raw_counts(sentences, order))
    if len(counts[0]) < 2:  # the end alone
        raise InputError("wanted sentences with words in them, got none")
    vocabulary = [*(gram[0] for gram in counts[0]), UNKNOWN]
    probabilities: dict[Gram, float] = {}
    freed: dict[Gram, float] = {}
    uniform = 1.0 / len(vocabulary)
    for length, grams in enumerate(counts, start=1):
        discounts = _discounts(grams.values())
        totals, discounted = Counter[Gram](), defaultdict[Gram, float](float)
        for gram, count in grams.items():
            totals[gram[:-1]] += count
            discounted[gram[:-1]] += discounts[min(count, 3) - 1]
        for context, total in totals.items():
            freed[context] = discounted[context] / total
        if length == 1:
            probabilities[UNKNOWN,] = freed[()] * uniform
        for gram, count in grams.items():
            shorter = probabilities[gram[1:]] if length > 1 else uniform
            kept = (count - discounts[min(count, 3) - 1]) / totals[gram[:-1]]
            probabilities[gram] = kept + freed[gram[:-1]] * shorter
    logs = {gram: _log(p) for gram, p in probabilities.items()}
    logs[BEGIN,] = NEVER
    backoffs = {context: _log(mass) for context, mass in freed.items() if context}
    return NgramModel(order, logs, backoffs)


def _check_sentence(sentence: Sequence[str]) -> None:
    if isinstance(sentence, str):
        raise InputError(f"wanted sentences as sequences of words, got {sentence!r}; split it")


def _log(probability: float) -> float:
    return round(math.log10(max(probability, _LEAST_PROBABILITY)), DIGITS)


def _raw_counts(sentences: Iterable[Sequence[str]], order: int) -> list[Counter[Gram]]:
    """How often each n-gram of 1 to `order` words is there, the begin alone not among them."""
    counts = [Counter[Gram]() for _ in range(order)]
    for sentence in sentences:
        _check_sentence(sentence)
        for word in sentence:
            if word in _MARKS or word.split() != [word]:
                raise InputError(
                    f"wanted words without white space and marks, got {word!r}; take it out"
                )
        padded = (BEGIN, *sentence, END)
        for length in range(1, order + 1):
            for end in range(max(2, length), len(padded) + 1):
                counts[length - 1][padded[end - length : end]] += 1
    return counts


def _adjusted(counts: list[Counter[Gram]]) -> list[dict[Gram, int]]:
    """Counts with, below the highest order, the number of words seen before each n-gram.

    Nothing stands before a sentence, so n-grams with its begin keep their number.
    """
    adjusted: list[dict[Gram, int]] = []
    for grams, longer in pairwise(counts):
        before = Counter(gram[1:] for gram in longer)
        adjusted.append({g: n if g[0] == BEGIN else before[g] for g, n in grams.items()})
    return [*adjusted, dict(counts[-1])]


def _discounts(counts: Iterable[int]) -> tuple[float, ...]:
    """The discounts of counts of 1, of 2, and of 3 or more; equation 26 there."""
    numbers = Counter(min(count, 5) for count in counts)
    if not all(numbers[n] for n in (1, 2, 3, 4)):
        return _FALLBACK
    share = numbers[1] / (numbers[1] + 2 * numbers[2])
    found = tuple(n - (n + 1) * share * numbers[n + 1] / numbers[n] for n in (1, 2, 3))
    return found if all(0 <= d <= n for n, d in enumerate(found, start=1)) else _FALLBACK
