"""Number formats of the vectors between layers: where a vector lies, and what its numbers mean."""

from dataclasses import dataclass
from enum import Enum

from sordino.arith import HIDDEN, JOINT, PREACTIVATION, WEIGHT

__all__ = [
    "HIDDEN_FORMAT",
    "PREACTIVATION_STEP",
    "SUMS_FORMAT",
    "SUM_FORMAT",
    "Held",
    "VectorFormat",
    "embedded",
    "features",
]


class Held(Enum):
    """Where a layer's result is held."""

    ACTIVATION = "activation memory"
    """int8, which a matrix can multiply."""
    STATE = "state memory"
    """int16, for what is added or compared."""
    SUMS = "accumulators"
    """The sums themselves, for a head."""


@dataclass(frozen=True)
class VectorFormat:
    """The numbers of a vector.

    held  where it is
    step  what 1 stands for
    most  the largest magnitude that a number can have
    """

    held: Held
    step: float
    most: int


HIDDEN_FORMAT = VectorFormat(Held.ACTIVATION, 2.0**-HIDDEN.fraction, -HIDDEN.low)
"""Hidden states and the results of tanh: int8 with 7 fraction bits."""
SUM_FORMAT = VectorFormat(Held.STATE, 2.0**-JOINT.fraction, -JOINT.low)
"""Sums that an element-wise layer takes: int16 in state memory."""

PREACTIVATION_STEP = 2.0**-PREACTIVATION.fraction
"""What 1 stands for in front of a tanh."""
SUMS_FORMAT = VectorFormat(Held.SUMS, 0.0, 0)
"""Sums that stay in their bank: `QuantisedLayer.unit` says what 1 stands for."""


def features(fraction: int) -> VectorFormat:
    """The format of an input vector: int8 with so many fraction bits."""
    return VectorFormat(Held.ACTIVATION, 2.0**-fraction, -HIDDEN.low)


def embedded(step: float) -> VectorFormat:
    """The format of an embedding's row: int8 in steps of its own, -127 at least."""
    return VectorFormat(Held.ACTIVATION, step, WEIGHT.high)
