"""The quietest input of a recording: what stands for silence behind its end."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sordino.speech.features import FeatureDefinition

__all__ = ["Quiet"]


class Quiet:
    """The input vector whose frames are the least loud, by their first cepstra."""

    def __init__(self, definition: FeatureDefinition | None) -> None:
        self._width = 0 if definition is None else definition.dim // definition.stack
        self._level: int | None = None
        self._vector: NDArray[np.int8] | None = None

    def add(self, vector: NDArray[np.int8]) -> None:
        """Hear a vector (1, dim)."""
        if not self._width:
            return
        level = int(vector[0, :: self._width].astype(np.int64).sum())
        if self._level is None or level < self._level:
            self._level, self._vector = level, vector.copy()

    def vectors(self, count: int) -> Iterator[NDArray[np.int8]]:
        """Return so many vectors of silence, (1, dim) each; none where none is known."""
        for _ in range(count if self._vector is not None else 0):
            assert self._vector is not None
            yield self._vector
