"""The LSTM cell as a pipeline: one unit a cycle."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.arith import CELL_STATE, GATE, HIDDEN, PREACTIVATION
from sordino.isa import timing
from sordino.rtl.shared.rounding import round_shifted, saturated
from sordino.rtl.vector.curve import either, sigmoid, tanh

__all__ = ["Cell", "delayed"]

# round(f*c + i*g): f*c has GATE + CELL_STATE fraction bits, i*g twice GATE's.
_ALIGN = GATE.fraction - CELL_STATE.fraction
_STATE_SHIFT = 2 * GATE.fraction - CELL_STATE.fraction
_HIDDEN_SHIFT = 2 * GATE.fraction - HIDDEN.fraction


def delayed(m: Module, value: Value, cycles: int, *, name: str) -> Value:
    """`value` of `cycles` cycles before."""
    for cycle in range(cycles):
        later = Signal(value.shape(), name=f"{name}_{cycle + 1}")
        m.d.sync += later.eq(value)
        value = later
    return value


class Cell(wiring.Component):
    """c' = sat16(round(f*c + i*g)), h = sat8(round(o*tanh(c'))), one unit a cycle.

    The gates i, f, o are sigmoids and g is the tanh of the four pre-activations. There is no flow
    control: `state` belongs to the operands of `STATE_LATENCY` cycles before, `hidden` to those of
    `LATENCY`, and `candidate` to those of `CANDIDATE_LATENCY`. The last lets others share the curve
    of gate g. Its twins are `sordino.arith.cell_state` and `sordino.arith.cell_hidden`.

    Members
    -------
    preactivations
        Those of the gates i f g o, Q3.12.
    previous
        c, Q4.11.
    sigmoid
        Make `candidate` a sigmoid; held still, and low for an LSTM.
    candidate
        The tanh of gate g, Q0.15, or its sigmoid.
    state
        c', Q4.11.
    hidden
        h, Q0.7.
    """

    CANDIDATE_LATENCY = timing.CELL_CANDIDATE
    STATE_LATENCY = timing.CELL_STATE
    LATENCY = timing.CELL_HIDDEN

    preactivations: In(data.ArrayLayout(signed(PREACTIVATION.bits), 4))
    previous: In(signed(CELL_STATE.bits))
    sigmoid: In(1)
    candidate: Out(signed(GATE.bits))
    state: Out(signed(CELL_STATE.bits))
    hidden: Out(signed(HIDDEN.bits))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.gate_i = gate_i = sigmoid()
        m.submodules.gate_f = gate_f = sigmoid()
        m.submodules.gate_g = gate_g = either()
        m.submodules.gate_o = gate_o = sigmoid()
        m.submodules.squash = squash = tanh()
        for k, gate in enumerate((gate_i, gate_f, gate_g, gate_o)):
            m.d.comb += gate.z.eq(self.preactivations[k])
        m.d.comb += [gate_g.second.eq(self.sigmoid), self.candidate.eq(gate_g.value)]

        previous = delayed(m, self.previous, timing.CURVE, name="previous")
        kept = Signal(signed(GATE.bits + CELL_STATE.bits))
        added = Signal(signed(2 * GATE.bits))
        total = Signal(signed(2 * GATE.bits + 1 + _ALIGN))
        m.d.sync += [
            kept.eq(gate_f.value * previous),
            added.eq(gate_i.value * gate_g.value),
            total.eq((kept << _ALIGN) + added),
            self.state.eq(saturated(round_shifted(total, _STATE_SHIFT), CELL_STATE.bits)),
        ]

        output = delayed(m, gate_o.value, timing.CELL_UPDATE + timing.CURVE, name="output")
        doubled = self.state << (PREACTIVATION.fraction - CELL_STATE.fraction)
        product = Signal(signed(2 * GATE.bits))
        m.d.comb += squash.z.eq(saturated(doubled, PREACTIVATION.bits))
        m.d.sync += [
            product.eq(output * squash.value),
            self.hidden.eq(saturated(round_shifted(product, _HIDDEN_SHIFT), HIDDEN.bits)),
        ]
        return m
