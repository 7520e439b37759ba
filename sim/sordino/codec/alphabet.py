"""The symbol of a table that stands for a value, and its raw bits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sordino.codec.walk import PADDING
from sordino.image.tans import Symbol

__all__ = ["Alphabet"]

_Ints = NDArray[np.int64]


class Alphabet:
    """The symbols of a table, searched by value; PADDING is the value of the padding symbol."""

    def __init__(self, symbols: Sequence[Symbol]) -> None:
        parts = [_values(symbol) for symbol in symbols]
        self._low = min(int(values.min()) for values, _ in parts)
        size = max(int(values.max()) for values, _ in parts) - self._low + 1
        self._numbers = np.full(size, -1, np.int64)
        self._raw = np.zeros(size, np.int64)
        for number, (values, raw) in enumerate(parts):
            self._numbers[values - self._low] = number
            self._raw[values - self._low] = raw

    def split(self, values: _Ints) -> tuple[_Ints, _Ints]:
        """Symbol number and raw bits of every value; ValueError where one has no symbol."""
        at = values - self._low
        outside = (at < 0) | (at >= len(self._numbers))
        numbers = np.where(outside, -1, self._numbers[np.where(outside, 0, at)])
        unknown = numbers < 0
        if unknown.any():
            raise ValueError(f"no symbol stands for {int(values[unknown][0])}")
        return numbers, self._raw[at]


def _values(symbol: Symbol) -> tuple[_Ints, _Ints]:
    """All values of a symbol and their raw bits."""
    if symbol.padding:
        return np.array([PADDING]), np.zeros(1, np.int64)
    raw = np.arange(symbol.span)
    if not symbol.mirrored:
        return symbol.base + raw, raw
    positive = symbol.base + raw
    return np.concatenate((positive, -positive)), np.concatenate((2 * raw, 2 * raw + 1))
