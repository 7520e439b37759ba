"""Places where a group stops, and the position symbols that lead from one to the next.

Place (row, column) has the index column * rows + row; a walk starts at column 0, row -1. A run
n leads to the place n + 1 further, at most MAX_WRAPS columns on; a padding place moves exactly
MAX_WRAPS columns on in the same row and stands for no weights.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.arch import MAX_WRAPS
from sordino.image.tans import MAX_EXTRA_BITS

__all__ = ["PADDING", "Walk", "longest_run", "walk_group"]

PADDING = -1
"""Stands for a padding place among runs."""


@dataclass(frozen=True)
class Walk:
    """One group's way through a matrix.

    `rows` and `columns` are the places in order, `symbols` (int64) the runs to them with PADDING
    in between: len(symbols) - len(rows) padding places.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    symbols: NDArray[np.int64]

    @property
    def padding(self) -> int:
        """The number of padding places."""
        return len(self.symbols) - len(self.rows)


def longest_run(rows: int, state_bits: int) -> int:
    """The longest run that a walk over so many rows may use.

    8 * rows - 1 reaches MAX_WRAPS columns on from anywhere. With less than 7 state bits and many
    rows an alphabet could not cover so many runs, one symbol being left for padding.
    """
    return min((MAX_WRAPS + 1) * rows, ((1 << state_bits) - 1) << MAX_EXTRA_BITS) - 1


def walk_group(occupied: NDArray[np.bool_], longest: int) -> Walk:
    """Walk the places of `occupied` (rows, columns) that are true, with runs up to `longest`.

    Where neither a run nor padding can bridge a gap, because `longest` is below 8 * rows - 1,
    the walk also stops at unoccupied places.
    """
    rows = occupied.shape[0]
    places = np.flatnonzero(occupied.T)
    if longest < (MAX_WRAPS + 1) * rows - 1:
        places = _with_stops(places, longest + 1)
    before = np.concatenate(([-1], places[:-1]))[: len(places)]
    row_before = before % rows
    row_before[:1] = -1
    runs = places - before - 1
    wraps = (row_before + runs + 1) // rows
    # The fewest paddings that leave 1 to MAX_WRAPS wraps to the run.
    padding = np.maximum(0, (wraps - 1) // MAX_WRAPS)
    symbols = np.full(len(places) + int(padding.sum()), PADDING, np.int64)
    symbols[np.cumsum(padding + 1) - 1] = runs - padding * (MAX_WRAPS * rows)
    return Walk(places % rows, places // rows, symbols)


def _with_stops(places: NDArray[np.int64], reach: int) -> NDArray[np.int64]:
    """Insert places so that none is more than `reach` after the one before it."""
    before = np.concatenate(([-1], places[:-1]))[: len(places)]
    steps = -(-(places - before) // reach)
    last = np.cumsum(steps)
    left = np.repeat(last, steps) - np.arange(1, int(steps.sum()) + 1)
    return np.asarray(np.repeat(places, steps) - left * reach)
