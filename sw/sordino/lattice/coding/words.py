"""The words of one lattice: as probable as the n-gram says, and as the lattice so far says.

Near the same place in an utterance the same few words compete, on many ways. Where a place is
says the number of words that still follow on its best continuation.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

from sordino.lattice.coding.range_coder import Coder
from sordino.lattice.coding.vocabulary import SCALE, SPELLED, Vocabulary

__all__ = ["Words"]

_NEAR = {0: 8, 1: 1, -1: 1}
"""What a word counts that was here, a place before, or a place after."""
_SHARE = 3 * SCALE
"""What the lattice says in all, the n-gram about SCALE."""
_AGAIN = 256
"""What a word that has been spelled counts everywhere."""


class Words:
    """Writes or reads words; those that were spelled once have a number from then on."""

    def __init__(self, coder: Coder, vocabulary: Vocabulary) -> None:
        self._coder, self._vocabulary = coder, vocabulary
        self._spelled: list[str] = []
        self._numbers: dict[str, int] = {}
        self._counts: dict[int, Counter[int]] = defaultdict(Counter)

    def add(self, word: str | None, left: int) -> None:
        """A word has been found where so many words are left on the best continuation."""
        self._counts[left][self._number(word)] += 1

    def code(
        self, word: str | None, before: str | None, others: Iterable[str | None], left: int
    ) -> str | None:
        """Write or read a word after `before`, none of `others`; None where the utterance ends."""
        ours = np.full(len(self._spelled), _AGAIN, np.int64)
        table = np.concatenate([self._vocabulary.after(before), ours])
        table += self._seen(len(table), left)
        for other in others:
            table[self._number(other)] = 0
        number = self._coder.symbol(table, self._number(word))
        if number == SPELLED:
            spelled = self._vocabulary.spell(self._coder, word or "")
            self._numbers[spelled] = len(self._vocabulary) + len(self._spelled)
            self._spelled.append(spelled)
            return spelled
        if number >= len(self._vocabulary):
            return self._spelled[number - len(self._vocabulary)]
        return self._vocabulary.word(number)

    def _number(self, word: str | None) -> int:
        number = self._vocabulary.number(word)
        return self._numbers.get(word, SPELLED) if number == SPELLED and word else number

    def _seen(self, size: int, left: int) -> np.ndarray:
        seen = np.zeros(size, np.int64)
        for distance, weight in _NEAR.items():
            for number, count in self._counts.get(left + distance, {}).items():
                seen[number] += weight * count
        return seen * _SHARE // max(int(seen.sum()), 1)
