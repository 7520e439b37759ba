"""The values that a matrix loses least with, when it may have few.

S. Lloyd, "Least squares quantization in PCM", 1982; J. Max, "Quantizing for minimum distortion",
1960: values are the means of the weights that are nearest to them. Zero is always one of them, and
stays where it is, since the machine steps over it.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["clustered", "lloyd_max", "nearest"]

_ROUNDS = 1000
_BINS = 1024
_Floats = NDArray[np.float64]


def lloyd_max(
    weights: NDArray[np.floating], count: int, previous: NDArray[np.floating] | None = None
) -> _Floats:
    """The Lloyd-Max values of weights: at most `count` (2 or more), ascending, zero among them.

    Weights of any shape; with so few different ones, these are the values and nothing is lost.
    Values that once were good, `previous`, are tried first: weights that gather around some of them
    would draw others there, too.
    """
    sorted_weights = np.sort(weights.astype(np.float64), axis=None)
    sorted_weights = sorted_weights[sorted_weights != 0]
    distinct = np.unique(sorted_weights)
    if len(distinct) < count:
        return np.union1d(distinct, 0.0)
    top = np.abs(distinct).max()
    even = np.linspace(-top, top, count - 1 + count % 2)
    starts = [_companded(sorted_weights, count - 1), even[even != 0]]
    if previous is not None and len(previous) <= count:
        starts.insert(0, previous[previous != 0].astype(np.float64))
    found = [_settle(sorted_weights, start) for start in starts]
    return min(found, key=lambda values: _error(sorted_weights, values))


def _error(weights: _Floats, values: _Floats) -> float:
    return float(((weights - values[nearest(weights, values)]) ** 2).sum())


def _settle(sorted_weights: _Floats, start: _Floats) -> _Floats:
    """Lloyd's rounds from `start`, to which zero is added: the error falls with each."""
    zero = int(np.searchsorted(start, 0.0))
    values = np.insert(start, zero, 0.0)
    sums = np.concatenate(([0.0], np.cumsum(sorted_weights)))
    for _ in range(_ROUNDS):
        cuts = np.searchsorted(sorted_weights, (values[1:] + values[:-1]) / 2)
        edges = np.concatenate(([0], cuts, [len(sorted_weights)]))
        members = np.diff(edges)
        means = np.diff(sums[edges]) / np.maximum(members, 1)
        moved = np.where(members > 0, means, values)
        moved[zero] = 0.0
        if np.array_equal(moved, values):
            break
        values = moved
    return np.unique(values)


def _companded(sorted_weights: _Floats, count: int) -> _Floats:
    """`count` values, not zero, closer to each other where there are more weights.

    As the cube root of the density has it (P. Panter and W. Dite, "Quantization distortion in
    pulse-count modulation with nonuniform spacing of levels", 1951); rounded, since processors
    differ in its last bits.
    """
    counts, edges = np.histogram(sorted_weights, bins=_BINS)
    mass = np.concatenate(([0.0], np.cumsum(np.round(np.cbrt(counts), 6))))
    places = np.interp((np.arange(count) + 0.5) / count * mass[-1], mass, edges)
    return np.asarray(np.unique(np.where(places == 0, edges[1] - edges[0], places)))


def nearest(weights: NDArray[np.floating], values: _Floats) -> NDArray[np.int64]:
    """Number of the value nearest to each weight; in the middle, the lower one."""
    return np.searchsorted((values[1:] + values[:-1]) / 2, weights, side="left")


def clustered(weight: _Floats, bits: int) -> _Floats:
    """The weights, each moved to the nearest of the matrix's 2^bits Lloyd-Max values."""
    values = lloyd_max(weight, 1 << bits)
    return np.asarray(values[nearest(weight, values)])
