"""Saturation and rounding as expressions, equal to `sordino.arith` on the same integers."""

from amaranth.hdl import *

__all__ = ["round_shifted", "saturated"]


def saturated(value: Value, bits: int) -> Value:
    """The nearest signed integer of `bits` bits to the signed `value`.

    Its twin is `sordino.arith.saturate`.
    Looks only at the bits that are cut off: the value fits if they all equal its new sign.
    """
    if not value.shape().signed:
        raise TypeError(f"saturated() wants a signed value, not {value.shape()!r}")
    if len(value) <= bits:
        return value
    cut, sign = value[bits - 1 :], value[-1]
    limit = Cat((~sign).replicate(bits - 1), sign)
    return Mux(cut.all() | ~cut.any(), value[:bits], limit).as_signed()


def round_shifted(value: Value, shift: int) -> Value:
    """value / 2^shift, rounded half away from zero; shift >= 1.

    Its twin is `sordino.arith.round_shift`.
    """
    if shift < 1:
        raise ValueError(f"wanted shift to be a positive integer, got {shift}")
    # Half of a negative number stays below: only what is kept takes an adder.
    negative = value[-1] if value.shape().signed else C(0, 1)
    up = value[shift - 1] & (~negative | value[: shift - 1].any())
    return (value >> shift) + up
