"""Matrices as MATVEC uses them: decoded once, then one exact matrix product a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.golden.codec import DecodedMatrix, StreamError, decode_matrix
from sordino.image.image import Image
from sordino.image.tans import Symbol

__all__ = ["WeightStore", "Weights"]

_FLOAT32_EXACT = 1 << 24
_X_MAGNITUDE = 128


@dataclass(frozen=True)
class Weights:
    """One decoded matrix.

    `dense` is (rows * lanes, columns) in a floating-point type that holds every partial sum of a
    product exactly, in whatever order it is summed; `non_zeros` (columns,) counts each column's
    non-zero weights; `places` (padding not among them) and `padding` are summed over groups.
    """

    dense: NDArray[np.floating]
    non_zeros: NDArray[np.int64]
    places: int
    padding: int

    @classmethod
    def of(cls, decoded: DecodedMatrix) -> "Weights":
        """Weights made from the decoder's int8 (rows, lanes, columns)."""
        slots = decoded.slots.reshape(-1, decoded.slots.shape[2])
        largest = int(np.abs(slots.astype(np.int64)).sum(axis=1).max()) * _X_MAGNITUDE
        # 65,535 columns of int8 by int8 stay far below float64's 2^53.
        exact = np.float32 if largest < _FLOAT32_EXACT else np.float64
        return cls(
            slots.astype(exact),
            np.count_nonzero(slots, axis=0).astype(np.int64),
            decoded.places,
            decoded.padding,
        )

    def multiply(self, x: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """M x (rows * lanes,) and the number of products of two non-zero operands."""
        product = self.dense @ x.astype(self.dense.dtype)
        return product.astype(np.int64), int(self.non_zeros @ (x != 0))


class WeightStore:
    """The matrices of an image, each decoded when it is first used."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._decoded: dict[tuple[int, int, int, int, int], Weights | StreamError] = {}

    def get(self, matrix: int, runs: int, values: int, rows: int, columns: int) -> Weights:
        """Matrix `matrix` of the directory, decoded with tables `runs` and `values`.

        Raises StreamError where its streams do not describe `rows` by `columns`.
        """
        key = (matrix, runs, values, rows, columns)
        found = self._decoded.get(key)
        if found is None:
            found = self._decoded[key] = self._decode(*key)
        if isinstance(found, StreamError):
            raise StreamError(str(found))
        return found

    def _decode(
        self, matrix: int, runs: int, values: int, rows: int, columns: int
    ) -> Weights | StreamError:
        tables: Sequence[Sequence[Symbol]] = self._image.tables
        try:
            return Weights.of(
                decode_matrix(
                    self._image,
                    matrix,
                    rows=rows,
                    columns=columns,
                    runs=tables[runs],
                    values=tables[values],
                )
            )
        except StreamError as error:
            return error
