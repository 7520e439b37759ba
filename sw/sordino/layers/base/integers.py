"""A layer in the machine's integers."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sordino.layers.base.formats import VectorFormat

__all__ = ["NO_BIAS", "Numbers", "QuantisedLayer", "QuantisedMatrix"]

NO_BIAS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Numbers:
    """What rounding depends on.

    bits              the bits of a weight of the matrix with this name
    accumulator_bits  of the machine
    """

    bits: Callable[[str], int]
    accumulator_bits: int


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantisedMatrix:
    """weight ≈ values · step.

    values  int8 (outputs, inputs)
    shift   of the MATVEC that multiplies it
    x_max   largest magnitude that its int8 input can have
    empty   rows that the layer has no weights for
    """

    name: str
    values: NDArray[np.int8]
    step: float
    shift: int = 0
    x_max: int
    empty: int = 0

    @property
    def weights(self) -> int:
        """The number of its weights."""
        return (len(self.values) - self.empty) * int(self.values.shape[1])


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantisedLayer:
    """A layer in integers; its matrices add up in one accumulator.

    kind               the `Layer` that it was, whose module stands above this one
    matrices           in the order of `Layer.WEIGHTS`
    result             the format of its result
    bias               int64 (outputs,), in accumulator units, within int32
    unit               what accumulator value 1 stands for
    multiplier, shift  to the result's format; 0 and 0 where the accumulator is compared as it is
    table              int8 (rows, width) that is looked up, not multiplied; None for most layers
    """

    name: str
    kind: object
    result: VectorFormat
    matrices: tuple[QuantisedMatrix, ...] = ()
    bias: NDArray[np.int64] = field(default_factory=lambda: NO_BIAS)
    unit: float = 1.0
    multiplier: int = 0
    shift: int = 0
    table: NDArray[np.int8] | None = None
