"""Stacking in time between two encoder layers, which then run at a fraction of the frame rate.

As StackTime of the MLPerf RNN-T: outputs of `factor` frames side by side, earliest first, are one
input of the next layer. Where the input ends inside a group, the missing outputs are zeros, so T
frames become ceil(T / factor).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.meta.table import EncoderMeta

__all__ = ["TimeReduction"]

_KEY = "time_reduction"


@dataclass(frozen=True)
class TimeReduction:
    """`factor` outputs of the first `after` layers are one input of the rest.

    Without a reduction all layers are the rest: after 0, factor 1.
    """

    after: int = 0
    factor: int = 1

    @classmethod
    def from_meta(cls, encoder: EncoderMeta, layers: int) -> "TimeReduction":
        """What `encoder.time_reduction` of a meta that has been read says of so many layers.

        Raises InputError where there are too few of them.
        """
        given = encoder.time_reduction
        if given is None:
            return cls()
        if layers < 2:
            raise InputError(
                f"wanted two encoder layers or more for meta encoder.{_KEY}, got {layers}; "
                "leave it out"
            )
        if given.after >= layers:
            raise InputError(
                f"wanted meta encoder.{_KEY}.after as a whole number from 1 to {layers - 1}, "
                f"got {given.after}; correct it"
            )
        return cls(given.after, given.factor)

    def width(self, number: int, before: int) -> int:
        """Inputs of layer `number` when the layer before has `before` outputs."""
        return before * self.factor if number == self.after else before

    def stack(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """(ceil(T / factor), factor · hidden) from (T, hidden)."""
        missing = -len(states) % self.factor
        padded = np.pad(states, ((0, missing), (0, 0)))
        return padded.reshape(-1, self.factor * states.shape[1])
