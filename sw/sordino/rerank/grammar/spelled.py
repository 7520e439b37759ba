"""Names that are spelled, a letter a word: those of a list, or any with letters as those have."""

import math
from bisect import bisect_left
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.files import read_lines

__all__ = ["MOST_WEIGHT", "LetterNgram", "NameList", "Spelled", "read_names"]

MOST_WEIGHT = 1e12
_LAST = chr(0x10FFFF)
_MOST_NAMES, _MOST_LETTERS, _MOST_ALPHABET = 1 << 20, 64, 64


class Spelled(Protocol):
    """What comes next in a name: its letters so far are known, and any sum of chances is 1."""

    @property
    def letters(self) -> frozenset[str]:
        """All letters there are."""

    def following(self, prefix: str) -> tuple[Mapping[str, float], float]:
        """The chances of each letter after these, 0 for others, and that the name ends here."""

    def after(self, prefix: str, letter: str) -> str:
        """The letters so far, with one more, as far as what follows depends on them; not none."""


def read_names(path: Path) -> dict[str, float]:
    """A file of names: one a line, how often it is there after a space (1, where nothing is said).

    Raises InputError for what is no such file, for a name twice, and for numbers that are none.
    """
    found: dict[str, float] = {}
    for number, line in enumerate(read_lines(path, "names"), start=1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        name, count = fields[0], _count(fields[1:], f"line {number} of {path}")
        if name in found or len(name) > _MOST_LETTERS:
            kind = "twice" if name in found else f"with more than {_MOST_LETTERS} letters"
            raise InputError(
                f"wanted each name once, and short, got {name[:40]!r} {kind} in line {number} of "
                f"{path}; take it out"
            )
        found[name] = count
        if len(found) > _MOST_NAMES:
            raise InputError(f"wanted at most {_MOST_NAMES:,} names, got more in {path}")
    if not any(found.values()):
        raise InputError(f"wanted names with a weight above 0, got none in {path}; add some")
    return found


def _count(fields: list[str], where: str) -> float:
    try:
        count = float(fields[0]) if fields else 1.0
    except ValueError:
        count = math.nan
    if len(fields) > 1 or not 0 <= count <= MOST_WEIGHT:
        raise InputError(
            f"wanted a name and how often it is there, got {' '.join(fields)[:40]!r} after the "
            f"name in {where}; correct it"
        )
    return count


class NameList:
    """The names of a list, each as often as it is there."""

    def __init__(self, names: Mapping[str, float]) -> None:
        self._names = sorted(name for name, count in names.items() if count > 0)
        counts = [names[name] for name in self._names]
        self._sums = np.concatenate([[0.0], np.cumsum(counts)])
        self.letters = frozenset("".join(self._names))
        self._known: dict[str, tuple[Mapping[str, float], float]] = {}

    def following(self, prefix: str) -> tuple[Mapping[str, float], float]:
        """The chances of what comes next; none, nor an end, after what no name begins with."""
        if prefix not in self._known:
            self._known[prefix] = self._count(prefix)
        return self._known[prefix]

    def after(self, prefix: str, letter: str) -> str:
        """All letters so far: a list depends on each."""
        return prefix + letter

    def _mass(self, low: int, high: int) -> float:
        return float(self._sums[high] - self._sums[low])

    def _count(self, prefix: str) -> tuple[Mapping[str, float], float]:
        low = bisect_left(self._names, prefix)
        end = bisect_left(self._names, prefix + _LAST)
        if low == end:
            return {}, 0.0
        place, whole = low, self._mass(low, end)
        ends = 0.0
        if self._names[place] == prefix:
            ends, place = self._mass(place, place + 1) / whole, place + 1
        found: dict[str, float] = {}
        while place < end:
            letter = self._names[place][len(prefix)]
            after = bisect_left(self._names, prefix + letter + _LAST, place, end)
            found[letter] = self._mass(place, after) / whole
            place = after
        return found, ends


class LetterNgram:
    """Letters as the names of a list have them, with Witten and Bell's smoothing.

    Each name counts once, however often it is there: the more frequent ones are on the list.
    `order` is 1 to 4: the next letter depends on so many less one before it. Every letter of the
    list may follow every other, and a name has at least one letter.
    """

    def __init__(self, names: Mapping[str, float], order: int) -> None:
        self.letters = frozenset("".join(names))
        if len(self.letters) > _MOST_ALPHABET:
            raise InputError(
                f"wanted names of at most {_MOST_ALPHABET} different letters, got "
                f"{len(self.letters)}; take the foreign ones out"
            )
        self._order, self._names = order, list(names)
        self._alphabet = sorted(self.letters)
        self._numbers = {letter: n for n, letter in enumerate(self._alphabet, start=1)}
        self._known: dict[tuple[str, bool], tuple[Mapping[str, float], float]] = {}

    @cached_property
    def _tables(self) -> list[NDArray[np.float32]]:
        """The chances of the end (0) and of each letter, by the number of letters before."""
        size = len(self._alphabet) + 1
        places = [
            [0] * self._order + [self._numbers[letter] for letter in name] + [0]
            for name in self._names
        ]
        flat = np.concatenate([np.array(each, np.int64) for each in places])
        ends = np.cumsum([len(each) for each in places])
        inside = np.ones(len(flat), bool)
        for back in range(self._order):
            inside[np.concatenate([[0], ends[:-1]]) + back] = False
        last = np.flatnonzero(inside)
        lower = np.full((1, size), 1.0 / size)
        tables = []
        for order in range(1, self._order + 1):
            key = np.zeros(len(last), np.int64)
            for back in range(order - 1, -1, -1):
                key = key * size + flat[last - back]
            counts = np.bincount(key, minlength=size**order).reshape(-1, size).astype(np.float64)
            kinds, totals = np.count_nonzero(counts, axis=1)[:, None], counts.sum(axis=1)[:, None]
            shorter = lower if order == 1 else np.tile(lower, (size, 1))
            lower = (counts + kinds * shorter) / np.maximum(totals + kinds, 1)
            lower = np.where(totals > 0, lower, shorter)
            tables.append(lower.astype(np.float32))
        return tables

    def following(self, prefix: str) -> tuple[Mapping[str, float], float]:
        """The chances of each letter after these, and that the name ends here."""
        before = prefix[max(0, len(prefix) - self._order + 1) :]
        key = (before, bool(prefix))
        if key not in self._known:
            self._known[key] = self._count(prefix, before)
        return self._known[key]

    def after(self, prefix: str, letter: str) -> str:
        """The latest letters, so many that what follows is the same, however long a name is."""
        return (prefix + letter)[-max(1, self._order - 1) :]

    def _count(self, prefix: str, before: str) -> tuple[Mapping[str, float], float]:
        size = len(self._alphabet) + 1
        place = 0
        for letter in before:
            place = place * size + self._numbers[letter]
        chances = self._tables[-1][place].astype(np.float64)
        if not prefix:
            chances[0] = 0.0
        chances /= chances.sum()
        letters = dict(zip(self._alphabet, map(float, chances[1:]), strict=True))
        return letters, float(chances[0])
