"""Multiplier and shift that scale an accumulator to the format of a result."""

import math

from sordino.arith import MAX_REQUANTISE_SHIFT, MULTIPLIER_BITS
from sordino.errors import CompileError

__all__ = ["multiplier_shift"]


def multiplier_shift(ratio: float, name: str) -> tuple[int, int]:
    """The requantisation nearest to `ratio`: multiplier / 2^shift.

    The multiplier is normalised to [2^15, 2^16) except below 2^-48, where the shift ends. Raises
    CompileError for ratios of 2^15 and more, naming the layer.
    """
    mantissa, exponent = math.frexp(ratio)
    multiplier, shift = round(mantissa * (1 << MULTIPLIER_BITS)), MULTIPLIER_BITS - exponent
    if multiplier == 1 << MULTIPLIER_BITS:
        multiplier, shift = multiplier // 2, shift - 1
    if shift < 1:
        raise CompileError(
            f"{name}: weights are too large, one accumulator unit is {ratio:g} units of the "
            "result; scale the model down"
        )
    if shift > MAX_REQUANTISE_SHIFT:
        return round(ratio * 2.0**MAX_REQUANTISE_SHIFT), MAX_REQUANTISE_SHIFT
    return multiplier, shift
