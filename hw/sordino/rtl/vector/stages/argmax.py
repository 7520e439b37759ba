"""Index of the largest of a sequence of values."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import BIAS_BITS
from sordino.isa import timing

__all__ = ["Argmax"]


class Argmax(wiring.Component):
    """Keep the index of the largest accumulator + bias since `clear`; one value a cycle.

    The sum is not cut off. Of equal sums the lowest index wins, whatever the order in which they
    come; a negative index marks a value that does not count; 0 stands for no value at all. `result`
    takes a value into account `LATENCY` cycles after it was given. Its twin is
    `sordino.golden.vector.argmax`.

    Members
    -------
    clear
        Forget all values, those on their way included.
    valid, accumulator, bias, index
        A value.
    result
        Low 16 bits of the index.
    """

    LATENCY = timing.ARGMAX

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
                "accumulator": In(signed(config.accumulator_bits)),
                "bias": In(signed(BIAS_BITS)),
                "index": In(signed(BIAS_BITS)),
                "result": Out(16),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        counts, found = Signal(), Signal()
        value, best = (Signal(signed(BIAS_BITS + 1), name=name) for name in ("value", "best"))
        index, winner = (Signal(BIAS_BITS - 1, name=name) for name in ("place", "winner"))
        m.d.comb += self.result.eq(winner)
        m.d.sync += [
            counts.eq(self.valid & (self.index >= 0)),
            value.eq(self.accumulator + self.bias),
            index.eq(self.index),
        ]
        # Of equal sums the lower index: one comparison of both, the sum first.
        better = Cat(~index, value).as_signed() > Cat(~winner, best).as_signed()
        with m.If(counts & (~found | better)):
            m.d.sync += [found.eq(1), best.eq(value), winner.eq(index)]
        with m.If(self.clear):
            m.d.sync += [counts.eq(0), found.eq(0), winner.eq(0)]
        return m
