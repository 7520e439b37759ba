"""Counts of symbols to frequencies that sum to the number of states.

Logarithms are rounded to integers in units of 2^-16 bit, so that choices between them come out
the same on every machine.
"""

from collections.abc import Sequence
from heapq import heapify, heapreplace

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LOG2_UNIT", "coded_bits", "log2_fixed", "normalise"]

LOG2_UNIT = 1 << 16
"""One bit, in the units of `log2_fixed`."""


def log2_fixed(numbers: ArrayLike) -> NDArray[np.int64]:
    """log2 of positive integers in units of 1 / LOG2_UNIT bit, rounded."""
    bits = np.log2(np.asarray(numbers, np.float64))
    return np.asarray(np.rint(bits * LOG2_UNIT), np.int64)


def normalise(counts: Sequence[int], states: int) -> list[int]:
    """The frequencies, 1 or more and `states` in all, that code these counts in fewest bits.

    The cost, sum of count * log2(states / frequency), is convex in every frequency, so handing
    out the states one by one to the symbol that gains most is optimal. Ties go to the first.
    Raises ValueError where there are no counts or more than states.
    """
    if not 1 <= len(counts) <= states:
        raise ValueError(f"wanted 1 to {states} symbols, got {len(counts)}")
    gains = np.diff(log2_fixed(np.arange(1, states + 2))).tolist()
    frequencies = [1] * len(counts)
    heap = [(-count * gains[0], number) for number, count in enumerate(counts)]
    heapify(heap)
    for _ in range(states - len(counts)):
        number = heap[0][1]
        frequencies[number] += 1
        heapreplace(heap, (-counts[number] * gains[frequencies[number] - 1], number))
    return frequencies


def coded_bits(counts: Sequence[int], frequencies: Sequence[int]) -> int:
    """State bits for these counts, in units of 1 / LOG2_UNIT bit."""
    lengths = log2_fixed(sum(frequencies)) - log2_fixed(frequencies)
    return int(np.asarray(counts, np.int64) @ lengths)
