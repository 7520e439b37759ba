"""The LSTM cell and the GRU as one pipeline: one unit a cycle."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.arith import CELL_STATE, GATE, GRU_STATE, HIDDEN, PREACTIVATION
from sordino.isa import timing
from sordino.rtl.shared.rounding import round_shifted, saturated
from sordino.rtl.vector.curve import either, sigmoid, tanh

__all__ = ["Cell", "delayed"]

# round(f*c + i*g): f*c has GATE + CELL_STATE fraction bits, i*g twice GATE's.
_ALIGN = GATE.fraction - CELL_STATE.fraction
_STATE_SHIFT = 2 * GATE.fraction - CELL_STATE.fraction
_HIDDEN_SHIFT = 2 * GATE.fraction - HIDDEN.fraction
# round(x + r*h), r*h where f*c stands: x is as far left as makes the same shift leave Q3.12.
_CANDIDATE_ALIGN = GATE.fraction + _ALIGN
assert _CANDIDATE_ALIGN == _STATE_SHIFT


def delayed(m: Module, value: Value, cycles: int, *, name: str) -> Value:
    """`value` of `cycles` cycles before."""
    for cycle in range(cycles):
        later = Signal(value.shape(), name=f"{name}_{cycle + 1}")
        m.d.sync += later.eq(value)
        value = later
    return value


class Cell(wiring.Component):
    """c' = sat16(round(f*c + i*g)), h = sat8(round(o*tanh(c'))), one unit a cycle.

    The gates i, f, o are sigmoids and g is the tanh of the four pre-activations. With `gru` these
    are n_h, r, n_x and z, and h' = n + round(z*(h - n)) with n = tanh(sat16(round(n_x + r*n_h))):
    r and z take the ways of f and o, r*n_h that of f*c, n that of tanh(c'). There is no flow
    control: `state` belongs to the operands of `STATE_LATENCY` cycles before, `hidden` to those of
    `LATENCY`, and `candidate` to those of `CANDIDATE_LATENCY`. The last lets others share the curve
    of gate g. Its twins are `sordino.arith.cell_state`, `sordino.arith.cell_hidden`,
    `sordino.arith.gru_candidate` and `sordino.arith.gru_hidden`.

    Members
    -------
    preactivations
        Those of the gates i f g o, or n_h r n_x z, Q3.12.
    previous
        c, Q4.11, with the unit's pre-activations; of a GRU h, Q0.15, `PREVIOUS_LATENCY` cycles
        after them.
    gru
        The units are a GRU's; held still.
    sigmoid
        Make `candidate` a sigmoid; held still, and low for an LSTM.
    candidate
        The tanh of gate g, Q0.15, or its sigmoid.
    state
        c', Q4.11.
    hidden
        h, Q0.7.
    gru_hidden
        h' of a GRU, Q0.15, when an LSTM's `hidden` would be there.
    """

    CANDIDATE_LATENCY = timing.CELL_CANDIDATE
    STATE_LATENCY = timing.CELL_STATE
    LATENCY = timing.CELL_HIDDEN
    PREVIOUS_LATENCY = timing.GRU_PREVIOUS

    preactivations: In(data.ArrayLayout(signed(PREACTIVATION.bits), 4))
    previous: In(signed(CELL_STATE.bits))
    gru: In(1)
    sigmoid: In(1)
    candidate: Out(signed(GATE.bits))
    state: Out(signed(CELL_STATE.bits))
    hidden: Out(signed(HIDDEN.bits))
    gru_hidden: Out(signed(GRU_STATE.bits))

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

        n_h, _, n_x, _ = self.preactivations
        previous = delayed(m, Mux(self.gru, n_h, self.previous), timing.CURVE, name="previous")
        n_x = delayed(m, n_x, timing.CURVE, name="n_x")
        kept = Signal(signed(GATE.bits + CELL_STATE.bits))
        added = Signal(signed(PREACTIVATION.bits + _CANDIDATE_ALIGN))
        total = Signal(signed(2 * GATE.bits + 1 + _ALIGN))
        m.d.sync += [
            kept.eq(gate_f.value * previous),
            added.eq(gate_i.value * gate_g.value),
            total.eq((kept << _ALIGN) + added),
            self.state.eq(saturated(round_shifted(total, _STATE_SHIFT), CELL_STATE.bits)),
        ]
        with m.If(self.gru):
            m.d.sync += added.eq(n_x << _CANDIDATE_ALIGN)

        output = delayed(m, gate_o.value, timing.CELL_UPDATE + timing.CURVE, name="output")
        doubled = self.state << (PREACTIVATION.fraction - CELL_STATE.fraction)
        m.d.comb += squash.z.eq(Mux(self.gru, self.state, saturated(doubled, PREACTIVATION.bits)))
        # An LSTM's tanh is multiplied as it is, a GRU's less h, which is 0 in an LSTM.
        before, tanh_then = Signal(signed(GRU_STATE.bits)), Signal.like(squash.value)
        product = Signal(signed(2 * GATE.bits + 1))
        m.d.sync += [
            before.eq(Mux(self.gru, self.previous, 0)),
            product.eq(output * (squash.value - before)),
            self.hidden.eq(saturated(round_shifted(product, _HIDDEN_SHIFT), HIDDEN.bits)),
            # n - round(z*(n - h)) is n + round(z*(h - n)): halves go away from zero.
            tanh_then.eq(squash.value),
            self.gru_hidden.eq(tanh_then - round_shifted(product, GATE.fraction)),
        ]
        return m
