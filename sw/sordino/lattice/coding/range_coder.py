"""A range coder: symbols in as many bits as their probabilities say, by whole numbers alone.

G. N. N. Martin, "Range encoding: an algorithm for removing redundancy from a digitised message",
1979. What ends with zeros may end without them: a reader takes zeros for bytes that are not there.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_TOTAL", "Coder", "Reader", "Writer"]

_WHOLE, _LEAST = 1 << 32, 1 << 24
MOST_TOTAL = 1 << 21
"""The sum of a table's frequencies at the most."""
Table = NDArray[np.int64] | Sequence[int]


class Coder(Protocol):
    """One end of the line: what a writer is given, a reader finds."""

    def symbol(self, table: Table, symbol: int) -> int:
        """A symbol, by its place in a table of frequencies; a reader needs none to find it."""

    def uniform(self, count: int, value: int) -> int:
        """A number below `count`, all alike."""


class Writer:
    """The end that bytes are written at."""

    def __init__(self) -> None:
        self._low, self._range, self._length = 0, _WHOLE, 4

    def symbol(self, table: Table, symbol: int) -> int:
        """Write a symbol whose frequency is not 0."""
        symbol = int(symbol)  # not a bool, which numpy takes for a mask
        start = int(np.sum(table[:symbol]))
        self._narrow(start, int(table[symbol]), int(np.sum(table)))
        return symbol

    def uniform(self, count: int, value: int) -> int:
        """Write a number below `count`."""
        self._narrow(value, 1, count)
        return value

    def _narrow(self, start: int, size: int, total: int) -> None:
        assert 0 <= start < start + size <= total <= MOST_TOTAL
        part = self._range // total
        self._low += part * start
        self._range = part * size
        while self._range < _LEAST:
            self._low, self._range, self._length = (
                self._low << 8,
                self._range << 8,
                self._length + 1,
            )

    def finish(self) -> bytes:
        """The fewest bytes that say it all."""
        for dropped in range(self._length, -1, -1):
            value = -(-self._low >> 8 * dropped)
            if value << 8 * dropped < self._low + self._range:
                return value.to_bytes(self._length - dropped, "big")
        raise AssertionError("a range is never empty")


class Reader:
    """The end that bytes are read at."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0
        self._range, self._code = _WHOLE, 0
        for _ in range(4):
            self._code = self._code << 8 | self._next()

    def _next(self) -> int:
        self._place += 1
        return self._data[self._place - 1] if self._place <= len(self._data) else 0

    def symbol(self, table: Table, symbol: int = 0) -> int:
        """Read a symbol."""
        ends = np.cumsum(table)
        total = int(ends[-1])
        found = int(np.searchsorted(ends, self._value(total), side="right"))
        self._narrow(int(ends[found]) - int(table[found]), int(table[found]), total)
        return found

    def uniform(self, count: int, value: int = 0) -> int:
        """Read a number below `count`."""
        found = self._value(count)
        self._narrow(found, 1, count)
        return found

    def _value(self, total: int) -> int:
        return min(self._code // (self._range // total), total - 1)

    def _narrow(self, start: int, size: int, total: int) -> None:
        part = self._range // total
        self._code -= part * start
        self._range = part * size
        while self._range < _LEAST:
            self._range, self._code = self._range << 8, self._code << 8 | self._next()
