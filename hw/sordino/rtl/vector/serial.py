"""The arithmetic of a serial vector unit: one requantiser, one curve, one more multiplier."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import (
    ACTIVATION,
    BIAS_BITS,
    CELL_STATE,
    HIDDEN,
    JOINT,
    MAX_REQUANTISE_SHIFT,
    MULTIPLIER_BITS,
    PREACTIVATION,
)
from sordino.isa.fields import REGISTER_BITS
from sordino.rtl.shared.rounding import saturated
from sordino.rtl.vector.registry import KINDS
from sordino.rtl.vector.serial_cell import SerialCell, Steps
from sordino.rtl.vector.stages.serial_requantise import SerialRequantise

__all__ = ["SerialArithmetic"]


class SerialArithmetic(wiring.Component):
    """Compute what `sordino.rtl.vector.arithmetic.Arithmetic` does, with four multipliers.

    Single values come one a cycle, of units a gate a cycle.

    Members
    -------
    multiplier, shift, rectify, sigmoid, kind
        Settings, held still.
    start, units
        An instruction begins; units are at work.
    gate, last
        Of the unit whose addresses are presented: which gate's count in this cycle; whether it is
        the last of them, as it always is without units.
    operand, bias, added, multiplies
        What is requantised: the operand plus its bias, or what is added, where the others are 0;
        if it multiplies, a product.
    previous, activation
        Words of the memories, as they are read, whose product may be an operand.
    number, stride, product
        Two numbers, with `start`, and their product two cycles later.
    value, narrow, squashed, state, hidden
        As there. The cycles of units count from the operand of their last gate.
    """

    def __init__(self, config: Config) -> None:
        self._bits = config.accumulator_bits
        super().__init__(
            {
                "multiplier": In(MULTIPLIER_BITS),
                "shift": In(range(MAX_REQUANTISE_SHIFT + 1)),
                "rectify": In(1),
                "sigmoid": In(1),
                "kind": In(range(len(KINDS))),
                "start": In(1),
                "units": In(1),
                "gate": Out(2),
                "last": Out(1),
                "operand": In(signed(self._bits)),
                "bias": In(signed(BIAS_BITS)),
                "added": In(signed(JOINT.bits)),
                "multiplies": In(1),
                "previous": In(signed(CELL_STATE.bits)),
                "activation": In(signed(ACTIVATION.bits)),
                "number": In(REGISTER_BITS),
                "stride": In(16),
                "product": Out(32),
                "value": Out(signed(PREACTIVATION.bits)),
                "narrow": Out(signed(ACTIVATION.bits)),
                "squashed": Out(signed(ACTIVATION.bits)),
                "state": Out(signed(CELL_STATE.bits)),
                "hidden": Out(signed(HIDDEN.bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.steps = steps = Steps()
        m.submodules.cell = cell = SerialCell()
        m.submodules.requantise = requantise = SerialRequantise(accumulator_bits=self._bits)
        other = Signal(signed(self._bits))
        m.d.comb += [
            steps.start.eq(self.start),
            steps.units.eq(self.units),
            self.gate.eq(steps.gate),
            self.last.eq(steps.last),
            other.eq(Mux(self.multiplies, cell.product[: self._bits].as_signed(), self.added)),
            requantise.accumulator.eq(self.operand | other),
            requantise.bias.eq(self.bias),
            requantise.multiplier.eq(self.multiplier),
            requantise.shift.eq(self.shift),
            cell.value.eq(requantise.value),
            cell.units.eq(self.units),
            cell.step.eq(steps.step),
            cell.kind.eq(self.kind),
            cell.sigmoid.eq(self.sigmoid),
            cell.state.eq(self.previous),
            cell.activation.eq(self.activation),
            cell.load.eq(self.start),
            cell.number.eq(self.number),
            cell.stride.eq(self.stride),
            self.product.eq(cell.product),
            self.value.eq(requantise.value),
            # As in Arithmetic.
            self.narrow.eq(
                Mux(
                    self.rectify & (requantise.value < 0),
                    0,
                    saturated(requantise.value, ACTIVATION.bits),
                )
            ),
            self.squashed.eq(cell.squashed),
            self.state.eq(cell.new_state),
            self.hidden.eq(cell.hidden),
        ]
        return m
