"""The operands of a serial vector unit, from the memories to its arithmetic."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import BIAS_BITS, JOINT
from sordino.isa import timing
from sordino.rtl.shared.rounding import saturated
from sordino.rtl.vector.cell import delayed
from sordino.rtl.vector.fetch import WIDEN, fetched
from sordino.rtl.vector.plan import Order

__all__ = ["SerialFetch"]


class SerialFetch(wiring.Component):
    """One accumulator with its bias, or a sum of two words, once a cycle.

    As `sordino.rtl.vector.fetch.Fetch`, but that of a unit's four accumulators the one of `gate`
    comes, and that a sum stands apart, so that what is chosen among is little. What the order does
    not name is 0.

    Members
    -------
    order, indexed, from_activation, alone
        Held still for all elements of an instruction.
    row, quad, phase
        Place of an element.
    gate
        Which of a unit's, in order UNITS.
    accumulators, parameters, a, b, activation
        What the memories read.
    operands, biases
        The accumulator and its bias, in orders UNITS and SLOTS.
    added
        sat16 of the sum of two words, in order ELEMENTS.
    index
        Index of an entry, with `indexed`.
    embedded, slot
        Byte number `phase` of the parameter word, and in order SLOTS the accumulator; a cycle
        before the operands.
    """

    LATENCY = timing.FETCH
    SCALAR = 0

    def __init__(self, config: Config) -> None:
        self._bits = config.accumulator_bits
        accumulator = signed(config.accumulator_bits)
        super().__init__(
            {
                **fetched(config),
                "gate": In(2),
                "operands": Out(data.ArrayLayout(accumulator, 1)),
                "biases": Out(data.ArrayLayout(signed(BIAS_BITS), 1)),
                "added": Out(signed(JOINT.bits)),
                "index": Out(signed(BIAS_BITS)),
                "embedded": Out(signed(8)),
                "slot": Out(accumulator),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        units, slots = self.order == Order.UNITS, self.order == Order.SLOTS
        # What the memories read is chosen among, one cycle later, and stands in registers in the
        # next: their words come late in the cycle.
        quad, byte = Signal.like(self.quad), delayed(m, self.phase[:2], 2, name="byte")
        lane, bias, entry = Signal(2), Signal(2), Signal()
        m.d.sync += [
            quad.eq(self.quad),
            lane.eq(Mux(units, self.gate + self.row, self.phase)),
            # With words of parameters that are no biases: the one with the byte.
            bias.eq(Mux(units, self.gate, Mux(slots, self.phase[:2], self.phase[2:]))),
            entry.eq(self.phase),
        ]
        with m.If(self.indexed):
            m.d.sync += bias.eq(Cat(C(0, 1), self.phase[0]))
        accumulator, word, index = Signal(self._bits), Signal(BIAS_BITS), Signal(BIAS_BITS)
        a, b, activation = (
            Signal.like(port, name=f"word_{name}")
            for port, name in ((self.a, "a"), (self.b, "b"), (self.activation, "activation"))
        )
        m.d.sync += [
            accumulator.eq(Value.cast(self.accumulators).word_select(Cat(lane, quad), self._bits)),
            word.eq(self.parameters.word_select(bias, BIAS_BITS)),
            index.eq(self.parameters.word_select(Cat(C(1, 1), entry), BIAS_BITS)),
            a.eq(self.a),
            b.eq(self.b),
            activation.eq(self.activation),
        ]
        m.d.comb += [self.embedded.eq(word.word_select(byte, 8)), self.slot.eq(accumulator)]

        m.d.sync += [
            self.operands[0].eq(accumulator),
            self.biases[0].eq(word),
            self.index.eq(index),
        ]
        with m.If(~units & ~slots):
            m.d.sync += [self.operands[0].eq(0), self.biases[0].eq(0)]
        first, second = Signal.like(self.a), Signal.like(self.b)
        m.d.comb += [
            first.eq(Mux(self.from_activation, activation << WIDEN, a)),
            second.eq(Mux(self.alone, 0, b)),
        ]
        m.d.sync += self.added.eq(saturated(first + second, JOINT.bits))
        with m.If(self.order != Order.ELEMENTS):
            m.d.sync += self.added.eq(0)
        return m
