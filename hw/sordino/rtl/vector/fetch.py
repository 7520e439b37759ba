"""The vector unit's operands, from the memories to its arithmetic."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import ACTIVATION, BIAS_BITS, JOINT
from sordino.isa import timing
from sordino.rtl.shared.rounding import saturated
from sordino.rtl.vector.cell import delayed
from sordino.rtl.vector.plan import Order

__all__ = ["SCALAR", "WIDEN", "Fetch", "fetched"]

WIDEN = JOINT.fraction - ACTIVATION.fraction
"""Activations are taken times 2 to this beside state words."""
SCALAR = 2
"""Gate whose path single values take, since the curve that others share follows in it."""


def fetched(config: Config) -> dict[str, Any]:
    """What a fetch is told of an element, and what the memories read, as members of a signature."""
    accumulator = signed(config.accumulator_bits)
    return {
        "order": In(Order),
        "indexed": In(1),
        "from_activation": In(1),
        "alone": In(1),
        "row": In(range(config.rows_per_lane)),
        "quad": In(range(config.quads)),
        "phase": In(4),
        "accumulators": In(data.ArrayLayout(accumulator, config.lanes)),
        "parameters": In(4 * BIAS_BITS),
        "a": In(signed(JOINT.bits)),
        "b": In(signed(JOINT.bits)),
        "activation": In(signed(ACTIVATION.bits)),
    }


class Fetch(wiring.Component):
    """Four accumulators with their biases, in the order of the gates, one set a cycle.

    The place of an element is given in the cycle in which the memories get its addresses, what they
    read one cycle later. That stands in registers in the cycle after, and the operands follow
    `LATENCY` cycles after the place.

    * UNITS: gate k stands on lane (k + row) mod 4 of the quad; the parameter word holds the four
      biases.
    * SLOTS: `SCALAR` gets lane `phase` mod 4 of the quad and the bias of the same number in the
      word. With `indexed` the word holds two entries of bias and index instead.
    * ELEMENTS: `SCALAR` gets sat16(a + b) of the two state words and no bias. With
      `from_activation` 16 times the activation takes the place of a, with `alone` 0 that of b.
    * PRODUCTS: `SCALAR` gets b times the activation and no bias.

    Its twins are `sordino.golden.vector.unit_lanes`, `sordino.golden.vector.index_words`,
    `sordino.arith.joint_activation` and `sordino.arith.add_joint`.

    Members
    -------
    order, indexed, from_activation, alone
        Held still for all elements of an instruction.
    row, quad, phase
        Place of an element.
    accumulators, parameters, a, b, activation
        What the memories read.
    operands, biases
        Those for the gates, 0 to 3.
    index
        Index of an entry, with `indexed`.
    embedded, slot
        Byte number `phase` of the parameter word, and in order SLOTS the accumulator; a cycle
        before the operands.
    """

    LATENCY = timing.FETCH
    SCALAR = SCALAR

    def __init__(self, config: Config) -> None:
        self._bits = config.accumulator_bits
        accumulator = signed(config.accumulator_bits)
        super().__init__(
            {
                **fetched(config),
                "operands": Out(data.ArrayLayout(accumulator, 4)),
                "biases": Out(data.ArrayLayout(signed(BIAS_BITS), 4)),
                "index": Out(signed(BIAS_BITS)),
                "embedded": Out(signed(8)),
                "slot": Out(accumulator),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # Of what the memories read, only the quad is chosen before it stands in a register: their
        # words come late in the cycle. `turn` is the lane of gate 0.
        units = self.order == Order.UNITS
        quad = delayed(m, self.quad, 1, name="quad")
        phase = delayed(m, self.phase, 2, name="phase")
        turn = delayed(m, Mux(units, self.row, self.phase - SCALAR)[:2], 2, name="turn")
        lanes, parameters = Signal(4 * self._bits), Signal.like(self.parameters)
        a, b, activation = (
            Signal.like(port, name=f"word_{name}")
            for port, name in ((self.a, "a"), (self.b, "b"), (self.activation, "activation"))
        )
        m.d.sync += [
            lanes.eq(Value.cast(self.accumulators).word_select(quad, 4 * self._bits)),
            parameters.eq(self.parameters),
            a.eq(self.a),
            b.eq(self.b),
            activation.eq(self.activation),
        ]
        m.d.comb += [
            self.embedded.eq(parameters.word_select(phase, 8)),
            self.slot.eq(lanes.word_select((turn + SCALAR)[:2], self._bits)),
        ]
        for k in range(4):
            lane = (turn + k)[:2]
            m.d.sync += [
                self.operands[k].eq(lanes.word_select(lane, self._bits)),
                self.biases[k].eq(parameters.word_select(k, BIAS_BITS)),
            ]
        entry = Signal(data.StructLayout({"bias": BIAS_BITS, "index": signed(BIAS_BITS)}))
        m.d.comb += entry.eq(parameters.word_select(phase[0], 2 * BIAS_BITS))
        m.d.sync += self.index.eq(entry.index)
        first, second = Signal.like(self.a), Signal.like(self.b)
        m.d.comb += [
            first.eq(Mux(self.from_activation, activation << WIDEN, a)),
            second.eq(Mux(self.alone, 0, b)),
        ]
        with m.Switch(self.order):
            with m.Case(Order.SLOTS):
                bias = parameters.word_select(phase[:2], BIAS_BITS)
                m.d.sync += self.biases[SCALAR].eq(Mux(self.indexed, entry.bias, bias))
            with m.Case(Order.ELEMENTS):
                m.d.sync += [
                    self.operands[SCALAR].eq(saturated(first + second, JOINT.bits)),
                    self.biases[SCALAR].eq(0),
                ]
            with m.Case(Order.PRODUCTS):
                m.d.sync += [
                    self.operands[SCALAR].eq(b * activation),
                    self.biases[SCALAR].eq(0),
                ]
        return m
