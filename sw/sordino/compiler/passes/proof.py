"""Proof that no accumulator overflows, whatever the input.

Of every output row, Σ |w| · max|x| · 2^shift over all matrices that add up in one accumulator,
plus |bias|, is less than 2^(accumulator_bits - 1): so are all partial sums, in any order.
"""

from dataclasses import dataclass

import numpy as np

from sordino.arith import BIAS_BITS
from sordino.compiler.limits.errors import CompileError
from sordino.layers.base.integers import QuantisedLayer

__all__ = ["AccumulatorBound", "bits_needed", "prove"]


@dataclass(frozen=True)
class AccumulatorBound:
    """The largest magnitude an accumulator of the layer can reach, and the row (output) it is."""

    value: int
    row: int


def _bound(layer: QuantisedLayer) -> AccumulatorBound:
    reach = np.abs(layer.bias)
    for matrix in layer.matrices:
        sums = np.abs(matrix.values.astype(np.int64)).sum(axis=1)
        reach = reach + (sums * matrix.x_max << matrix.shift)
    row = int(reach.argmax())
    return AccumulatorBound(int(reach[row]), row)


def bits_needed(layer: QuantisedLayer) -> int:
    """How many bits an accumulator needs that holds whatever the layer can reach."""
    return _bound(layer).value.bit_length() + 1


def prove(layer: QuantisedLayer, accumulator_bits: int) -> AccumulatorBound:
    """The layer's bound; CompileError, naming the layer, if the accumulator could overflow."""
    bound, needed = _bound(layer), bits_needed(layer)
    row = bound.row
    if needed > accumulator_bits:
        raise CompileError(
            f"{layer.name}: row {row} can reach {bound.value:,}, which needs an accumulator of "
            f"{needed} bits, the machine has {accumulator_bits}; "
            + (
                f"raise accumulator_bits to {needed}"
                if needed <= BIAS_BITS
                else "split the layer or scale it down"
            )
        )
    if int(np.abs(layer.bias).max()) >> (BIAS_BITS - 1):
        raise CompileError(f"{layer.name}: a bias does not fit {BIAS_BITS} bits; scale it down")
    return bound
