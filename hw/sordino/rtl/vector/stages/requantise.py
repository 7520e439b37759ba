"""Requantising: an accumulator plus its bias, scaled, rounded once, saturated."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arith import BIAS_BITS, MAX_REQUANTISE_SHIFT, MULTIPLIER_BITS, PREACTIVATION
from sordino.isa import timing
from sordino.rtl.shared.rounding import saturated

__all__ = ["Requantise"]


class Requantise(wiring.Component):
    """value = sat16(rq(accumulator + bias)), one a cycle.

    There is no flow control: `value` belongs to the `accumulator` and `bias` of `LATENCY` cycles
    before. A shift of 0 does not occur; its value is not specified. Its twin is
    `sordino.arith.gate_preactivation`.

    Parameters
    ----------
    accumulator_bits : width of the accumulator, at most 32

    Members
    -------
    accumulator, bias
        The sum to scale.
    multiplier, shift
        Settings, not data: held still from the first operand until the last value. The shift is
        1 to 63.
    value
        The value, int16.
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
        # One more bit for the sum, 16 for the product. A product's magnitude is at most
        # 2^32 * (2^16 - 1) < 2^48, so that taking 1 from a negative one cannot overflow.
        total = Signal(signed(BIAS_BITS + 1))
        product = Signal(signed(BIAS_BITS + 1 + MULTIPLIER_BITS))
        m.d.sync += [
            total.eq(self.accumulator + self.bias),
            product.eq(total * self.multiplier),
        ]
        # floor((p + 2^(s-1) - [p<0]) / 2^s) = (floor((p - [p<0]) / 2^(s-1)) + 1) >> 1: the
        # variable shift comes first, and the rounding adder always adds 1.
        amount = Signal(self.shift.shape())
        lowered, coarse, fine = (Signal.like(product) for _ in range(3))
        m.d.sync += [
            amount.eq(self.shift - 1),
            lowered.eq(product - product[-1]),
            coarse.eq(lowered >> Cat(C(0, 3), amount[3:])),
            fine.eq(coarse >> amount[:3]),
            self.value.eq(saturated((fine + 1) >> 1, PREACTIVATION.bits)),
        ]
        return m
