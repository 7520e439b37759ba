"""Which weights of a matrix become zero together, so that lanes skip them at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Groups"]


@dataclass(frozen=True)
class Groups:
    """The parts of a matrix (outputs, inputs) that become zero together: a column in several rows.

    They are `group` rows: those of one residue modulo `stride` where `stride` is above 1 (then
    there are `group` times `stride` rows), else neighbours; the last group may be smaller.
    """

    group: int = 1
    stride: int = 1

    def members(self, rows: int) -> NDArray[np.int64]:
        """The number of each row's group, int64 (rows,)."""
        every = np.arange(rows)
        return every % self.stride if self.stride > 1 else every // self.group

    def energies(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum of squares of each group in each column, (groups, inputs)."""
        member = self.members(len(weight))
        energy = np.zeros((int(member.max()) + 1, weight.shape[1]))
        np.add.at(energy, member, weight**2)
        return energy
