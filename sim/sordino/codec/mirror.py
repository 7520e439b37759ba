"""Covers of weights by magnitude: rare levels share a symbol with their negatives.

Weights are nearly as often negative as positive, and the levels of a pruned or quantised layer lie
some distance apart, so that neighbours would waste raw bits. Dynamic programming over magnitudes:
at each one stand either a symbol of each sign, or one mirrored symbol with a raw bit for the sign.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.codec.frequencies import LOG2_UNIT, log2_fixed
from sordino.image.tans import MAX_VALUE_EXTRA_BITS

__all__ = ["SymbolSpan", "mirrored_cover", "span_costs"]

_LOG2_E = round(1.4426950408889634 * LOG2_UNIT)
_TOP = 127
_Ints = NDArray[np.int64]
_Sides = tuple[_Ints, _Ints]
"""How often each magnitude occurs, positive and negative; zeros in both."""
_Step = tuple[int, int, bool]
"""Magnitude, its raw bits (-1: it does not occur), mirrored."""


@dataclass(frozen=True)
class SymbolSpan:
    """Values of one symbol: base, raw bits, and whether the first of these is a sign."""

    base: int
    extra: int
    mirrored: bool = False

    def count(self, low: int, counts: _Ints) -> int:
        """The sum of the `counts` of its values; `counts` begins at the value `low`."""
        size = 1 << self.extra - self.mirrored
        starts = [self.base - low]
        if self.mirrored:
            starts.append(1 - self.base - size - low)
        return sum(int(counts[max(0, at) : max(0, at + size)].sum()) for at in starts)


def span_costs(counts: _Ints, extra: int, total: int, state_bits: int) -> _Ints:
    """What `counts` values of one symbol out of `total` take, in units of 1 / LOG2_UNIT bit."""
    usual = counts * (int(log2_fixed(total)) - log2_fixed(np.maximum(counts, 1)))
    missing = total - (counts << state_bits)
    return np.asarray(np.where(missing > 0, _rare(counts, total, state_bits), usual)) + counts * (
        extra * LOG2_UNIT
    )


def _rare(counts: _Ints, total: int, state_bits: int) -> _Ints:
    """What symbols with a single state cost; states that they lack or spare, others gain or pay."""
    missing = total - (counts << state_bits)
    return np.asarray(counts * (state_bits * LOG2_UNIT) + (missing * _LOG2_E >> state_bits))


def mirrored_cover(low: int, counts: _Ints, state_bits: int, price: int) -> list[SymbolSpan]:
    """The cheapest symbols where each costs `price` beside its bits; mirrored ones last.

    `counts` (int64) says how often each value from `low` on occurs, all within int8.
    """
    whole = np.zeros(2 * _TOP + 3, np.int64)  # from -128 to 128
    whole[low + _TOP + 1 :][: len(counts)] = counts
    sides = whole[_TOP + 1 :], whole[_TOP + 1 :: -1]
    present = (sides[0] > 0) | (sides[1] > 0)
    steps = _steps(sides, int(counts.sum()), state_bits, price)
    size = int(np.flatnonzero(present).max()) + 1
    best: list[int | None] = [None, 0] + [None] * size
    came: list[_Step | None] = [None] * (size + 2)
    for start in range(1, size):
        so_far = best[start]
        if so_far is None:
            continue
        ways: list[tuple[int, int, _Step]] = [(start + 1, so_far, (start, -1, False))]
        if present[start]:
            ways = [
                (min(size, start + (1 << extra)), so_far + cost[start], (start, extra, mirrored))
                for extra, mirrored, cost in steps
                if start + (1 << extra) - 1 <= _TOP or (extra == 0 and not mirrored)
            ]
        for end, bits, way in ways:
            known = best[end]
            if known is None or bits < known:
                best[end], came[end] = bits, way
    return _spans(came, size, sides)


def _steps(
    sides: _Sides, total: int, state_bits: int, price: int
) -> list[tuple[int, bool, list[int]]]:
    """Raw bits of the magnitude, mirrored or not, and what the symbols cost at each magnitude."""
    steps = []
    for extra in range(MAX_VALUE_EXTRA_BITS + 1):
        positive, negative = (_windows(side, 1 << extra) for side in sides)
        apart = np.zeros(len(positive), np.int64)
        for count in (positive, negative):
            bits = span_costs(count, extra, total, state_bits) + price
            apart += np.where(count > 0, bits, 0)
        both = positive + negative
        mirrored = _rare(both, total, state_bits) + both * ((extra + 1) * LOG2_UNIT) + price
        steps += [(extra, False, apart.tolist()), (extra, True, mirrored.tolist())]
    return steps


def _windows(counts: _Ints, size: int) -> _Ints:
    """Sum of each count and the `size` - 1 after it."""
    sums = np.concatenate(([0], np.cumsum(counts)))
    ends = np.minimum(np.arange(len(counts)) + size, len(counts))
    return np.asarray(sums[ends] - sums[:-1])


def _spans(came: Sequence[_Step | None], size: int, sides: _Sides) -> list[SymbolSpan]:
    positive, negative = sides
    plain = [SymbolSpan(0, 0)] if positive[0] else []
    mirrored = []
    end = size
    while end > 1:
        step = came[end]
        assert step is not None
        start, extra, both = step
        if both:
            mirrored.append(SymbolSpan(start, extra + 1, mirrored=True))
        elif extra >= 0:
            width = 1 << extra
            if positive[start : start + width].any():
                plain.append(SymbolSpan(start, extra))
            if negative[start : start + width].any():
                plain.append(SymbolSpan(1 - start - width, extra))
        end = start
    return sorted(plain, key=lambda span: span.base) + mirrored[::-1]
