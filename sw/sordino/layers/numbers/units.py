"""The grid that weights are rounded to, and the accumulator's unit that rounding costs least with.

A matrix of b bits takes the 2^b - 1 values that lie evenly between plus and minus its largest
weight; zero is one of them. The top value is the largest weight, so weights that already lie on
such a grid keep it. W and U of an LSTM share an accumulator, whose unit divides both: W's step
times the scale of x, and U's step times the scale of h, are that unit times powers of two, the
shifts of the two MATVECs. To meet that condition, values are rounded to multiples of their steps
in int8; the unit is the one that rounds both matrices least.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.arith import BIAS_BITS, MAX_X_SHIFT, WEIGHT

__all__ = [
    "int_bias",
    "largest_magnitude",
    "least_unit",
    "round_weight",
    "shared_unit",
    "top_level",
]

_BINS = 2048
_Floats = NDArray[np.float64]


def top_level(bits: int) -> int:
    """The number of the grid's top value: b bits have as many values above zero."""
    return (1 << (bits - 1)) - 1


def largest_magnitude(weight: _Floats) -> float:
    """The magnitude of a tensor's largest weight."""
    return float(np.abs(weight).max())


def _codebook(largest: float, step: float, bits: int) -> NDArray[np.int64]:
    """The int8 values that the grid's levels become in steps of `step`."""
    levels = np.arange(top_level(bits) + 1)
    positive = np.unique(np.floor(levels * (largest / (top_level(bits) * step)) + 0.5))
    positive = positive[positive <= WEIGHT.high]
    return np.concatenate([-positive[:0:-1], positive]).astype(np.int64)


def _nearest(weight: _Floats, codebook: NDArray[np.int64], step: float) -> NDArray[np.int64]:
    """The codebook value nearest to each weight; in the middle, the one nearer to zero."""
    half = codebook[codebook >= 0]
    middles = (half[1:] + half[:-1]) / 2
    return np.asarray(half[np.searchsorted(middles, np.abs(weight) / step)] * np.sign(weight))


def round_weight(weight: _Floats, step: float, bits: int) -> NDArray[np.int8]:
    """A matrix in whole steps, int8 of the same shape: each weight the nearest grid value."""
    codebook = _codebook(largest_magnitude(weight), step, bits)
    return _nearest(weight, codebook, step).astype(np.int8)


@dataclass(frozen=True, eq=False)
class _Histogram:
    """A matrix for the search: the mean magnitude in each bin and how many weights are there."""

    means: _Floats
    counts: _Floats
    largest: float

    @classmethod
    def of(cls, weight: _Floats) -> "_Histogram":
        largest = largest_magnitude(weight)
        magnitude = np.abs(weight).ravel()
        bins = np.minimum((magnitude / (largest or 1.0) * _BINS).astype(np.int64), _BINS - 1)
        counts = np.bincount(bins, minlength=_BINS).astype(np.float64)
        sums = np.bincount(bins, magnitude, _BINS)
        used = counts > 0
        return cls(sums[used] / counts[used], counts[used], largest)

    def error(self, step: float, bits: int) -> float:
        """Share of the matrix's energy that rounding in these steps costs."""
        energy = self._sum(self.means)
        if not energy:
            return 0.0
        rounded = _nearest(self.means, _codebook(self.largest, step, bits), step) * step
        return self._sum(rounded - self.means) / energy

    def _sum(self, values: _Floats) -> float:
        """Sum of the squares over all weights, the same bits on every processor."""
        return math.fsum((self.counts * values**2).tolist())


def least_unit(bias: _Floats, accumulator_bits: int) -> float:
    """The smallest accumulator unit: below it the biases would take more than half of the range."""
    return largest_magnitude(bias) / 2.0 ** (min(accumulator_bits, BIAS_BITS) - 2)


def _power_above(ratio: float) -> int:
    """The smallest power of two that is at least `ratio`, but for rounding of the ratio itself."""
    return math.ceil(math.log2(ratio) - 1e-9) if ratio else 0


def shared_unit(
    weights: Sequence[_Floats], scales: Sequence[float], bits: Sequence[int], least: float
) -> tuple[float, tuple[int, ...]]:
    """Accumulator unit and shift of each matrix, such that rounding costs least.

    Candidates make one matrix's largest weight 64 to 127 steps; each other matrix then has the
    smallest power of two at which its largest weight is 127 steps at most.
    """
    histograms = [_Histogram.of(weight) for weight in weights]
    products = [h.largest * scale for h, scale in zip(histograms, scales, strict=True)]
    best: tuple[float, float, tuple[int, ...]] | None = None
    for anchor in products:
        for top in range(WEIGHT.high, WEIGHT.high // 2, -1):
            unit = anchor / top
            if not unit:
                break
            # The least shift may be negative: then the unit is that much smaller.
            shifts = [_power_above(p / (unit * WEIGHT.high)) if p else 0 for p in products]
            low = min(s for s, p in zip(shifts, products, strict=True) if p)
            unit *= 2.0**low
            shifts = [s - low if p else 0 for s, p in zip(shifts, products, strict=True)]
            # Further apart than MAX_X_SHIFT: the smaller matrix makes do with fewer steps.
            excess = max(0, max(shifts) - MAX_X_SHIFT)
            if unit:
                excess = max(excess, _power_above(least / unit))
            unit *= 2.0**excess
            taken = tuple(max(0, s - excess) for s in shifts)
            cost = sum(
                h.error(unit * 2.0**s / scale, b)
                for h, s, scale, b in zip(histograms, taken, scales, bits, strict=True)
            )
            if best is None or cost < best[0]:
                best = (cost, unit, taken)
    if best is None:
        return max(least, scales[0] * 2.0**-WEIGHT.bits), (0,) * len(weights)
    return best[1], best[2]


def int_bias(bias: _Floats, unit: float) -> NDArray[np.int64]:
    """Biases in accumulator units, rounded half away from zero."""
    return np.asarray(np.sign(bias) * np.floor(np.abs(bias) / unit + 0.5)).astype(np.int64)
