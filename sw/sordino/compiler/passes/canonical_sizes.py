"""The columns of a matrix whose numbers are of another size than the rest."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["OUTLIER", "uneven_shifts", "usual_sizes", "zero_columns"]

OUTLIER = 4.0
"""What nothing reads is cleared where it is so many times larger than all that is read."""
_UNEVEN = 8.0
_Floats = NDArray[np.float64]


def zero_columns(matrix: NDArray[Any]) -> NDArray[np.bool_]:
    """A mask (columns,) of the columns of a matrix (rows, columns) that hold only zeros."""
    return np.asarray(~np.any(matrix, axis=0))


def usual_sizes(matrix: _Floats) -> _Floats:
    """The median magnitude of each column's numbers that are not zero (columns,); 0 without any."""
    return np.array(
        [np.median(column[column > 0]) if column.any() else 0.0 for column in np.abs(matrix).T]
    )


def uneven_shifts(sizes: _Floats, others: _Floats) -> NDArray[np.int64]:
    """The power of two by which each column is too large for the column that it meets.

    `sizes` and `others` (columns,) are the `usual_sizes` of the two matrices. Where a column's
    size is _UNEVEN times the median of its side, shifting makes both columns stand out alike.
    """
    live = (sizes > 0) & (others > 0)
    if not live.any():
        return np.zeros(len(sizes), np.int64)
    here, there = (
        np.where(live, side, 1.0) / float(np.median(side[live])) for side in (sizes, others)
    )
    uneven = live & (np.maximum(here, there) > _UNEVEN)
    return np.asarray(np.rint(np.log2(np.where(uneven, here / there, 1.0)) / 2), np.int64)
