"""The vector unit's arithmetic: four requantisers, the recurrent cells, and what shares them."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import (
    ACTIVATION,
    BIAS_BITS,
    CELL_STATE,
    HIDDEN,
    MAX_REQUANTISE_SHIFT,
    MULTIPLIER_BITS,
    PREACTIVATION,
)
from sordino.isa import timing
from sordino.rtl.shared.rounding import saturated
from sordino.rtl.vector.cell import Cell
from sordino.rtl.vector.fetch import SCALAR
from sordino.rtl.vector.registry import KINDS
from sordino.rtl.vector.stages.requantise import Requantise

__all__ = ["Arithmetic"]


class Arithmetic(wiring.Component):
    """Compute results from operands, one set a cycle, without flow control.

    Single values take the way of gate `SCALAR`, whose requantiser and tanh units use too, and
    share with units that keep h what makes int8 of Q0.15. Each result belongs to the operands of a
    fixed number of cycles before, given below. Its twins are those in `sordino.golden.cells`,
    `sordino.golden.vector.drain` and `sordino.golden.vector.add`.

    Members
    -------
    multiplier, shift, rectify, sigmoid, kind
        Settings, held still from the first operand until the last result; `kind` is 0 if no units
        are at work.
    operands, biases
        Those for the gates, 0 to 3.
    previous
        Sum of the unit whose operands came `VALUE` cycles before, or h of that before `PREVIOUS`,
        as the kind keeps it.
    value
        sat16(rq(operand + bias)) of `SCALAR`, after `VALUE` cycles.
    narrow
        The same as sat8, no less than 0 with `rectify`, after `VALUE` cycles.
    squashed
        hidden_int8 of tanh(value), or with `sigmoid` of sigmoid(value), after `CURVE` cycles.
    state
        The unit's new state: the sum, after `STATE` cycles, or h, Q0.15, after `HIDDEN`.
    hidden
        h of the unit as int8, after `HIDDEN` cycles.
    """

    VALUE = timing.REQUANTISE
    CURVE = VALUE + timing.CELL_CANDIDATE
    STATE = VALUE + timing.CELL_STATE
    HIDDEN = VALUE + timing.CELL_HIDDEN
    PREVIOUS = VALUE + timing.CELL_LATE

    def __init__(self, config: Config) -> None:
        self._bits = config.accumulator_bits
        super().__init__(
            {
                "multiplier": In(MULTIPLIER_BITS),
                "shift": In(range(MAX_REQUANTISE_SHIFT + 1)),
                "rectify": In(1),
                "sigmoid": In(1),
                "kind": In(range(len(KINDS))),
                "operands": In(data.ArrayLayout(signed(self._bits), 4)),
                "biases": In(data.ArrayLayout(signed(BIAS_BITS), 4)),
                "previous": In(signed(CELL_STATE.bits)),
                "value": Out(signed(PREACTIVATION.bits)),
                "narrow": Out(signed(ACTIVATION.bits)),
                "squashed": Out(signed(ACTIVATION.bits)),
                "state": Out(signed(CELL_STATE.bits)),
                "hidden": Out(signed(HIDDEN.bits)),
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
        value = cell.preactivations[SCALAR]
        m.d.comb += [
            cell.previous.eq(self.previous),
            cell.sigmoid.eq(self.sigmoid),
            cell.kind.eq(self.kind),
            self.value.eq(value),
            # Rectifying after rounding is the same as before: neither changes the sign.
            self.narrow.eq(Mux(self.rectify & (value < 0), 0, saturated(value, ACTIVATION.bits))),
            self.squashed.eq(cell.squashed),
            self.state.eq(cell.state),
            self.hidden.eq(cell.hidden),
        ]
        return m
