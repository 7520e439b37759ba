"""All recurrent cells as one pipeline: one unit a cycle."""

from collections.abc import Sequence
from functools import partial
from operator import mul
from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.arith import CELL_STATE, GATE, HIDDEN, PREACTIVATION
from sordino.isa import timing
from sordino.rtl.shared.rounding import round_shifted, saturated
from sordino.rtl.vector.kind import ALIGN, SUM_SHIFT, Keeps, Kind, of_kind
from sordino.rtl.vector.registry import KINDS
from sordino.rtl.vector.stages.curve import either, sigmoid, tanh

__all__ = ["Cell", "delayed", "outcome"]


def delayed(m: Module, value: Value, cycles: int, *, name: str) -> Value:
    """`value` of `cycles` cycles before."""
    for cycle in range(cycles):
        later = Signal(value.shape(), name=f"{name}_{cycle + 1}")
        m.d.sync += later.eq(value)
        value = later
    return value


def outcome(
    m: Module,
    kinds: Sequence[Kind],
    kind: Value,
    tanh: Value,
    product: Value,
    total: Value,
    candidate: Value,
) -> tuple[Value, Value, Value]:
    """What a cell gives, by the number of its kind: int8 of h or of a candidate, state, h.

    `tanh` and `product` are a unit's second tanh and the product with gate 3, a cycle before its h;
    `total` is the rounded sum.
    """
    states, wide, results = [], [], []
    for number, each in enumerate(kinds):
        keeps_hidden = each.keeps is Keeps.HIDDEN
        result = Signal(signed((GATE if keeps_hidden else HIDDEN).bits), name=f"h_{number}")
        m.d.sync += result.eq(each.result(tanh, product))
        states.append(result if keeps_hidden else total)
        wide.append(result if keeps_hidden else candidate)
        results.append(result)
    squashed = Signal(signed(HIDDEN.bits))
    m.d.comb += squashed.eq(
        saturated(round_shifted(of_kind(kind, wide), GATE.fraction - HIDDEN.fraction), HIDDEN.bits)
    )
    narrow = [
        squashed if each.keeps is Keeps.HIDDEN else result
        for each, result in zip(kinds, results, strict=True)
    ]
    return squashed, of_kind(kind, states), of_kind(kind, narrow)


class Cell(wiring.Component):
    """Two sums of products, each followed by a rounding, with a tanh between them.

    Gates 0, 1 and 3 are the sigmoids of their pre-activations, gate 2 is a tanh. The first sum is
    gate 1 times the kind's factor, plus its addend. The second tanh is of that, or of what the kind
    makes of it. Gate 3 multiplies that tanh, less the kind's offset, and the kind makes h of it.
    There is no flow control: what is given by its latency belongs to the pre-activations of so many
    cycles before. Its twin is `sordino.golden.cells`, with a step for each kind; that of `squashed`
    is `sordino.arith.hidden_int8`.

    Parameters
    ----------
    kinds : those that there are, by their numbers

    Members
    -------
    preactivations
        Those of the gates, Q3.12.
    previous
        The unit's state before: with its pre-activations if the kind keeps the sum, if h,
        `PREVIOUS_LATENCY` cycles after them.
    kind
        Number of the kind; held still.
    sigmoid
        Make gate 2 a sigmoid; held still, and low for units.
    squashed
        Gate 2 as int8, `CANDIDATE_LATENCY`; of a kind that keeps h, that as int8.
    state
        The new state, int16: `STATE_LATENCY` if the kind keeps the sum, if h, `LATENCY`.
    hidden
        h as int8, `LATENCY`.
    """

    CANDIDATE_LATENCY = timing.CELL_CANDIDATE
    STATE_LATENCY = timing.CELL_STATE
    LATENCY = timing.CELL_HIDDEN
    PREVIOUS_LATENCY = timing.CELL_LATE

    def __init__(self, kinds: Sequence[Kind] = KINDS) -> None:
        self._kinds = kinds
        super().__init__(
            {
                "preactivations": In(data.ArrayLayout(signed(PREACTIVATION.bits), 4)),
                "previous": In(signed(CELL_STATE.bits)),
                "kind": In(range(len(kinds))),
                "sigmoid": In(1),
                "squashed": Out(signed(HIDDEN.bits)),
                "state": Out(signed(CELL_STATE.bits)),
                "hidden": Out(signed(HIDDEN.bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m, kinds, of = Module(), self._kinds, partial(of_kind, self.kind)
        m.submodules.gate_i = gate_i = sigmoid()
        m.submodules.gate_f = gate_f = sigmoid()
        m.submodules.gate_g = gate_g = either()
        m.submodules.gate_o = gate_o = sigmoid()
        m.submodules.squash = squash = tanh()
        sums, curves = tuple(self.preactivations), (gate_i, gate_f, gate_g, gate_o)
        for z, gate in zip(sums, curves, strict=True):
            m.d.comb += gate.z.eq(z)
        m.d.comb += gate_g.second.eq(self.sigmoid)
        gates = tuple(gate.value for gate in curves)

        hold = partial(delayed, m, cycles=timing.CURVE)
        factor = hold(of([kind.factor(sums, self.previous) for kind in kinds]), name="factor")
        addend = of([kind.addend(sums, gates, partial(hold, name="held"), mul) for kind in kinds])
        added = Signal(addend.shape())
        kept = Signal(signed(GATE.bits + CELL_STATE.bits))
        exact = kept.shift_left(ALIGN) + added
        total = Signal(exact.shape())
        rounded = Signal(signed(CELL_STATE.bits))
        m.d.sync += [
            kept.eq(gates[1] * factor),
            added.eq(addend),
            total.eq(exact),
            rounded.eq(saturated(round_shifted(total, SUM_SHIFT), CELL_STATE.bits)),
        ]
        m.d.comb += squash.z.eq(of([kind.argument(rounded) for kind in kinds]))

        output = delayed(m, gates[3], timing.CELL_UPDATE + timing.CURVE, name="output")
        offset = Signal(signed(GATE.bits))
        tanh_then = Signal.like(squash.value)
        product = Signal(signed(2 * GATE.bits + 1))
        m.d.sync += [
            offset.eq(of([kind.offset(self.previous) for kind in kinds])),
            product.eq(output * (squash.value - offset)),
            tanh_then.eq(squash.value),
        ]
        squashed, state, hidden = outcome(
            m, kinds, self.kind, tanh_then, product, rounded, gates[2]
        )
        m.d.comb += [
            self.squashed.eq(squashed),
            self.state.eq(state),
            self.hidden.eq(hidden),
        ]
        return m
