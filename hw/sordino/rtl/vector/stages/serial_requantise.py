"""Requantising with less logic: what cannot be in the value is dropped as soon as possible."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arith import BIAS_BITS, MAX_REQUANTISE_SHIFT, MULTIPLIER_BITS, PREACTIVATION
from sordino.isa import timing

__all__ = ["SerialRequantise"]

_PRODUCT_BITS = BIAS_BITS + 1 + MULTIPLIER_BITS
_TAKEN_BITS = PREACTIVATION.bits + 1
"""Those of the value, and one below for rounding."""
_STEPS = (16, 8, 1)
"""The shift is made in three stages, by multiples of these."""


class SerialRequantise(wiring.Component):
    """value = sat16(rq(accumulator + bias)), as `requantise.Requantise` does beside it.

    Each stage of the shift keeps the bits that later ones can still shift to the value. Of those
    above it keeps whether one differs from the sign, which saturates, and of those below whether
    one is set, which decides how half of a negative number is rounded.

    Parameters
    ----------
    accumulator_bits : width of the accumulator, at most 32

    Members
    -------
    accumulator, bias, multiplier, shift, value
        As there.
    """

    LATENCY = timing.REQUANTISE

    def __init__(self, *, accumulator_bits: int) -> None:
        if not 1 <= accumulator_bits <= BIAS_BITS:
            raise ValueError(
                f"wanted accumulator_bits to be 1 to {BIAS_BITS}, got {accumulator_bits}"
            )
        super().__init__(
            {
                "accumulator": In(signed(accumulator_bits)),
                "bias": In(signed(BIAS_BITS)),
                "multiplier": In(MULTIPLIER_BITS),
                "shift": In(range(MAX_REQUANTISE_SHIFT + 1)),
                "value": Out(signed(PREACTIVATION.bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        total = Signal(signed(BIAS_BITS + 1))
        product = Signal(signed(_PRODUCT_BITS))
        # Shifted by one less than `shift`, so that the lowest bit is that of half.
        amount = Signal(self.shift.shape())
        m.d.sync += [
            total.eq(self.accumulator + self.bias),
            product.eq(total * self.multiplier),
            amount.eq(self.shift - 1),
        ]
        rest, sign = product, product[-1]
        above: Value = C(0, 1)
        below: Value = C(0, 1)
        most = MAX_REQUANTISE_SHIFT
        for stage, step in enumerate(_STEPS):
            by = amount[step.bit_length() - 1 : most.bit_length()]
            most = step - 1
            choices = range(1 << len(by))
            kept, left = _TAKEN_BITS + most, choices[-1] * step
            bits = Cat(rest, sign.replicate(max(0, kept + left - len(rest))))
            parts = [
                (bits[n * step :][:kept], bits[n * step + kept :], bits[: n * step])
                for n in choices
            ]
            shifted, over, under, minus = (
                Signal(kept, name=f"shifted_{stage}"),
                Signal(name=f"above_{stage}"),
                Signal(name=f"below_{stage}"),
                Signal(name=f"sign_{stage}"),
            )
            with m.Switch(by):
                for n, (middle, high, low) in zip(choices, parts, strict=True):
                    with m.Case(n):
                        m.d.sync += [
                            shifted.eq(middle),
                            over.eq(above | (high ^ sign.replicate(len(high))).any()),
                            under.eq(below | low.any()),
                        ]
            m.d.sync += minus.eq(sign)
            rest, sign, above, below = shifted, minus, over, under
        rounded = Signal(signed(_TAKEN_BITS))
        m.d.comb += rounded.eq(rest[1:].as_signed() + (rest[0] & (below | ~sign)))
        # A sum that is one too large is positive.
        beyond = above | (rest[-1] ^ sign)
        fits = ~beyond & (rounded == rounded[: PREACTIVATION.bits].as_signed())
        limit = Cat((~sign).replicate(PREACTIVATION.bits - 1), sign)
        m.d.sync += self.value.eq(Mux(fits, rounded[: PREACTIVATION.bits], limit))
        return m
