"""The vector unit's arithmetic: four requantisers, LSTM cell and GRU, and what shares them."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import (
    ACTIVATION,
    BIAS_BITS,
    CELL_STATE,
    GATE,
    GRU_STATE,
    HIDDEN,
    MAX_REQUANTISE_SHIFT,
    MULTIPLIER_BITS,
    PREACTIVATION,
)
from sordino.isa import timing
from sordino.rtl.shared.rounding import round_shifted, saturated
from sordino.rtl.vector.cell import Cell
from sordino.rtl.vector.fetch import SCALAR
from sordino.rtl.vector.requantise import Requantise

__all__ = ["Arithmetic"]


class Arithmetic(wiring.Component):
    """Compute results from operands, one set a cycle, without flow control.

    Single values take the way of gate `SCALAR`, whose requantiser and tanh LSTM units use too, and
    share with a GRU's h what makes int8 of Q0.15.
    Each result belongs to the operands of a fixed number of cycles before, given below. Its twins
    are `sordino.golden.vector.cell`, `sordino.golden.vector.gru`, `sordino.golden.vector.drain`
    and `sordino.golden.vector.add`.

    Members
    -------
    multiplier, shift, rectify, sigmoid, gru
        Settings, held still from the first operand until the last result.
    operands, biases
        Those for the gates i f g o, or n_h r n_x z.
    previous
        c of the unit whose operands came `VALUE` cycles before, or h of that before `PREVIOUS`.
    value
        sat16(rq(operand + bias)) of `SCALAR`, after `VALUE` cycles.
    narrow
        The same as sat8, no less than 0 with `rectify`, after `VALUE` cycles.
    squashed
        hidden_int8 of tanh(value), or with `sigmoid` of sigmoid(value), after `CURVE` cycles; with
        `gru` hidden_int8 of h', after `HIDDEN` cycles.
    state
        c' of the unit, after `STATE` cycles.
    hidden
        h of the unit, after `HIDDEN` cycles.
    gru_hidden
        h' of a GRU's unit, Q0.15, after `HIDDEN` cycles.
    """

    VALUE = timing.REQUANTISE
    CURVE = VALUE + timing.CELL_CANDIDATE
    STATE = VALUE + timing.CELL_STATE
    HIDDEN = VALUE + timing.CELL_HIDDEN
    PREVIOUS = VALUE + timing.GRU_PREVIOUS

    def __init__(self, config: Config) -> None:
        self._bits = config.accumulator_bits
        super().__init__(
            {
                "multiplier": In(MULTIPLIER_BITS),
                "shift": In(range(MAX_REQUANTISE_SHIFT + 1)),
                "rectify": In(1),
                "sigmoid": In(1),
                "gru": In(1),
                "operands": In(data.ArrayLayout(signed(self._bits), 4)),
                "biases": In(data.ArrayLayout(signed(BIAS_BITS), 4)),
                "previous": In(signed(CELL_STATE.bits)),
                "value": Out(signed(PREACTIVATION.bits)),
                "narrow": Out(signed(ACTIVATION.bits)),
                "squashed": Out(signed(ACTIVATION.bits)),
                "state": Out(signed(CELL_STATE.bits)),
                "hidden": Out(signed(HIDDEN.bits)),
                "gru_hidden": Out(signed(GRU_STATE.bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.cell = cell = Cell()
        for k, gate in enumerate("ifgo"):
            requantise = Requantise(accumulator_bits=self._bits)
            m.submodules[f"requantise_{gate}"] = requantise
            m.d.comb += [
                requantise.accumulator.eq(self.operands[k]),
                requantise.bias.eq(self.biases[k]),
                requantise.multiplier.eq(self.multiplier),
                requantise.shift.eq(self.shift),
                cell.preactivations[k].eq(requantise.value),
            ]
        value, unit_range = cell.preactivations[SCALAR], Signal(signed(GATE.bits))
        m.d.comb += [
            cell.previous.eq(self.previous),
            cell.sigmoid.eq(self.sigmoid),
            cell.gru.eq(self.gru),
            unit_range.eq(Mux(self.gru, cell.gru_hidden, cell.candidate)),
            self.value.eq(value),
            # Rectifying after rounding is the same as before: neither changes the sign.
            self.narrow.eq(Mux(self.rectify & (value < 0), 0, saturated(value, ACTIVATION.bits))),
            self.squashed.eq(
                saturated(round_shifted(unit_range, GATE.fraction - HIDDEN.fraction), HIDDEN.bits)
            ),
            self.state.eq(cell.state),
            self.hidden.eq(cell.hidden),
            self.gru_hidden.eq(cell.gru_hidden),
        ]
        return m
