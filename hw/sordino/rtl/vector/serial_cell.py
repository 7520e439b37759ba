"""All recurrent cells with one curve and one multiplier: a unit in `timing.SERIAL_UNIT` cycles."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arith import ACTIVATION, CELL_STATE, GATE, HIDDEN, PREACTIVATION
from sordino.isa import timing
from sordino.isa.fields import REGISTER_BITS
from sordino.rtl.shared.rounding import round_shifted, saturated
from sordino.rtl.vector.cell import delayed, outcome
from sordino.rtl.vector.kind import ALIGN, SUM_SHIFT, Kind, Multiply, of_kind
from sordino.rtl.vector.registry import KINDS
from sordino.rtl.vector.stages.curve import either

__all__ = ["GATES", "SerialCell", "Steps", "only_product"]

GATES = (1, 0, 2, 3)
"""The order in which a unit's gates come."""


def only_product(gates: Sequence[Value], product: Value) -> Multiply:
    """What multiplies gates 0 and 2, whose product there is; ValueError for other values."""

    def multiply(one: Value, other: Value) -> Value:
        if {id(one), id(other)} != {id(gates[0]), id(gates[2])}:
            raise ValueError("wanted a product of gates 0 and 2, got one of other values")
        return product

    return multiply


class Steps(wiring.Component):
    """Where the cycles stand within units: 0 to SERIAL_UNIT - 1, from the cycle after `start` on.

    Of each unit the addresses are presented in all of them; those of gate GATES[k] count in step
    k + 1. Without units it is step 0 all the time.

    Members
    -------
    start
        Begin anew in the next cycle.
    units
        Units are at work.
    step
        The step.
    gate
        Whose addresses count.
    last
        The unit's last step, or no units are at work.
    """

    start: In(1)
    units: In(1)
    step: Out(range(timing.SERIAL_UNIT))
    gate: Out(2)
    last: Out(1)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ends = self.step == timing.SERIAL_UNIT - 1
        m.d.comb += self.last.eq(~self.units | ends)
        m.d.sync += self.step.eq(self.step + 1)
        with m.If(self.start | self.last):
            m.d.sync += self.step.eq(0)
        with m.Switch(self.step):
            for step, gate in enumerate(GATES, 1):
                with m.Case(step):
                    m.d.comb += self.gate.eq(gate)
        return m


class SerialCell(wiring.Component):
    """The stages of `sordino.rtl.vector.cell.Cell`, one after the other.

    A unit's pre-activations come one a cycle. The curve takes them, and in the fifth cycle the sum
    of the unit before, for its second tanh. The multiplier takes gate 1 and its factor, then gates
    0 and 2, later gate 3 and the second tanh. Without units at work the curve takes single values,
    one a cycle, and the multiplier a word of state memory times one of activation memory, or what
    `load` gives it. All latencies of units count from their last pre-activation.

    Parameters
    ----------
    kinds : those that there are, by their numbers

    Members
    -------
    value
        A pre-activation, Q3.12: in the order of GATES, the last when `step` is `VALUE_STEP`.
    units, step, kind
        Units are at work, and in which step; the number of their kind, held still.
    sigmoid
        Make a single value a sigmoid; held still, and low for units.
    state
        A word of state memory; a unit's with its last pre-activation if the kind keeps the sum, if
        h, `PREVIOUS_LATENCY` cycles after it.
    activation
        A word of activation memory.
    load, number, stride
        Two factors that take precedence in this cycle.
    product
        The product of the factors of two cycles before.
    squashed
        A single value's curve as int8, `CANDIDATE_LATENCY`; of a kind that keeps h, that as int8.
    new_state
        The new state, int16: `STATE_LATENCY` if the kind keeps the sum, if h, `LATENCY`.
    hidden
        h as int8, `LATENCY`.
    """

    VALUE_STEP = (timing.SERIAL_UNIT - 1 + timing.VECTOR_VALUE) % timing.SERIAL_UNIT
    CANDIDATE_LATENCY = timing.CURVE
    STATE_LATENCY = timing.SERIAL_STATE - timing.VECTOR_VALUE
    LATENCY = timing.SERIAL_CELL - timing.VECTOR_VALUE
    PREVIOUS_LATENCY = timing.SERIAL_LATE - timing.VECTOR_VALUE

    def __init__(self, kinds: Sequence[Kind] = KINDS) -> None:
        self._kinds = kinds
        super().__init__(
            {
                "value": In(signed(PREACTIVATION.bits)),
                "units": In(1),
                "step": In(range(timing.SERIAL_UNIT)),
                "kind": In(range(len(kinds))),
                "sigmoid": In(1),
                "state": In(signed(CELL_STATE.bits)),
                "activation": In(signed(ACTIVATION.bits)),
                "load": In(1),
                "number": In(REGISTER_BITS),
                "stride": In(16),
                "product": Out(signed(2 * GATE.bits + 2)),
                "squashed": Out(signed(HIDDEN.bits)),
                "new_state": Out(signed(CELL_STATE.bits)),
                "hidden": Out(signed(HIDDEN.bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m, kinds, of = Module(), self._kinds, partial(of_kind, self.kind)

        def at(latency: int) -> Value:
            """Whether it is so many cycles after a unit's last pre-activation."""
            return self.units & (self.step == (self.VALUE_STEP + latency) % timing.SERIAL_UNIT)

        m.submodules.curve = curve = either(varying=True)
        rounded = Signal(signed(CELL_STATE.bits))
        squashes = Signal()
        m.d.comb += [
            squashes.eq(at(self.STATE_LATENCY)),
            curve.z.eq(Mux(squashes, of([kind.argument(rounded) for kind in kinds]), self.value)),
            curve.second.eq(Mux(self.units, ~squashes & ~at(-1), self.sigmoid)),
        ]
        # What came one a cycle, side by side: sums with the last one, gates with the last of these.
        sums = self._together(m, self.value, "sum")
        gates = self._together(m, curve.value, "gate")
        hold = partial(delayed, m, cycles=timing.CURVE)

        product = self.product
        kept, output = Signal(signed(GATE.bits + CELL_STATE.bits)), Signal.like(curve.value)
        with m.If(at(timing.CURVE - 2)):
            m.d.sync += kept.eq(product)
        with m.If(at(timing.CURVE)):
            m.d.sync += output.eq(curve.value)

        multiply = only_product(gates, product[: 2 * GATE.bits].as_signed())
        addends = [kind.addend(sums, gates, partial(hold, name="held"), multiply) for kind in kinds]
        total = Signal(signed(GATE.bits + CELL_STATE.bits + ALIGN + 1))
        m.d.sync += [
            total.eq(kept.shift_left(ALIGN) + of(addends)),
            rounded.eq(saturated(round_shifted(total, SUM_SHIFT), CELL_STATE.bits)),
        ]
        self._multiply(m, at, curve.value, output, of([k.factor(sums, self.state) for k in kinds]))
        tanh = Signal.like(curve.value)
        m.d.sync += tanh.eq(curve.value)
        squashed, state, hidden = outcome(
            m, kinds, self.kind, tanh, product[:-1].as_signed(), rounded, curve.value
        )
        m.d.comb += [
            self.squashed.eq(squashed),
            self.new_state.eq(state),
            self.hidden.eq(hidden),
        ]
        return m

    def _together(self, m: Module, value: Value, name: str) -> list[Value]:
        """Values of the last cycles by the number of their gate, when the last of them is there."""
        found: dict[int, Value] = {}
        for gate in reversed(GATES):
            found[gate] = value
            value = delayed(m, value, 1, name=f"{name}_{gate}")
        return [found[gate] for gate in range(len(GATES))]

    def _multiply(self, m: Module, at: Any, curve: Value, output: Value, factor: Value) -> None:
        """Two factors, the first from the curve or from memory, and their product."""
        of, kinds = partial(of_kind, self.kind), self._kinds
        offset, word = Signal(signed(GATE.bits)), Signal(signed(GATE.bits + 1))
        first, second = Signal(signed(GATE.bits + 1)), Signal(signed(GATE.bits + 1))
        m.d.sync += [offset.eq(0), word.eq(self.activation)]
        with m.If(at(self.PREVIOUS_LATENCY)):
            m.d.sync += offset.eq(of([kind.offset(self.state) for kind in kinds]))
        with m.If(at(timing.CURVE - 2)):
            m.d.sync += second.eq(curve)
        with m.Elif(at(self.PREVIOUS_LATENCY)):
            m.d.sync += second.eq(output)
        with m.Else():
            m.d.sync += second.eq(factor)
        with m.If(self.load):
            m.d.sync += [word.eq(self.stride), second.eq(self.number)]
        m.d.comb += first.eq(Mux(self.units, curve - offset, word))
        m.d.sync += self.product.eq(first * second)
