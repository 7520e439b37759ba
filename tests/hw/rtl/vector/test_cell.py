"""The cells against `arith`, at once and serial; and one that the test declares by itself."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.hdl import Signal, Value

from sordino import arith
from sordino.isa import timing
from sordino.isa.instruction import Instruction
from sordino.isa.operations import CELLS
from sordino.rtl.shared.rounding import round_shifted
from sordino.rtl.vector.cell import Cell
from sordino.rtl.vector.gru import Gru
from sordino.rtl.vector.kind import SUM_SHIFT, Hold, Keeps, Kind, Multiply
from sordino.rtl.vector.lstm import Lstm
from sordino.rtl.vector.registry import KINDS
from sordino.rtl.vector.serial_cell import GATES, SerialCell, only_product
from sordino.stimuli.simulate import simulate

LOW, HIGH = -(1 << 15), (1 << 15) - 1
Unit = tuple[tuple[int, int, int, int], int]


def exact(unit: Unit) -> tuple[int, int, int]:
    """tanh of gate g as int8, c' and h."""
    (i, f, g, o), c = unit
    candidate = arith.tanh(g)
    state = arith.cell_state(arith.sigmoid(i), arith.sigmoid(f), candidate, c)
    squashed = arith.tanh(arith.joint_preactivation(state))
    return arith.hidden_int8(candidate), state, arith.cell_hidden(arith.sigmoid(o), squashed)


def number(kind: type[Kind], kinds: Sequence[Kind] = KINDS) -> int:
    return [type(one) for one in kinds].index(kind)


def run_cell(
    kind: type[Kind], units: list[Unit], kinds: Sequence[Kind] = KINDS
) -> list[tuple[int, int, int]]:
    """What is squashed of gate 2 or of h, the new state, and h."""
    dut = Cell(kinds)
    keeps_hidden = kind.keeps is Keeps.HIDDEN

    async def drive(ctx: Any) -> None:
        ctx.set(dut.kind, number(kind, kinds))
        for gates, _ in units:
            ctx.set(dut.preactivations, list(gates))
            await ctx.tick()

    async def remember(ctx: Any) -> None:
        if keeps_hidden:
            await ctx.tick().repeat(Cell.PREVIOUS_LATENCY)
        for _, state in units:
            ctx.set(dut.previous, state)
            await ctx.tick()

    def watch(port: Any, latency: int, values: list[int]) -> Any:
        async def job(ctx: Any) -> None:
            await ctx.tick().repeat(latency)
            for _ in units:
                values.append(ctx.get(port))
                await ctx.tick()

        return job

    found: list[list[int]] = [[], [], []]
    simulate(
        dut,
        drive,
        remember,
        watch(dut.squashed, Cell.LATENCY if keeps_hidden else Cell.CANDIDATE_LATENCY, found[0]),
        watch(dut.state, Cell.LATENCY if keeps_hidden else Cell.STATE_LATENCY, found[1]),
        watch(dut.hidden, Cell.LATENCY, found[2]),
        timeout=len(units) + Cell.LATENCY + 2,
    )
    return list(zip(*found, strict=True))


def run_serial(
    kind: type[Kind], units: list[Unit], kinds: Sequence[Kind] = KINDS
) -> list[tuple[int, int, int]]:
    """The same of a serial cell; of kinds that keep the sum, h stands for what is squashed."""
    dut, period = SerialCell(kinds), timing.SERIAL_UNIT
    keeps_hidden = kind.keeps is Keeps.HIDDEN
    first = (
        period - len(GATES) + 1
    )  # the last pre-activation of unit n is in cycle period * (n + 1)
    cycles = period * len(units) + SerialCell.LATENCY + 2
    state_latency = SerialCell.LATENCY if keeps_hidden else SerialCell.STATE_LATENCY
    found: list[list[int]] = [[], [], []]

    async def drive(ctx: Any) -> None:
        ctx.set(dut.kind, number(kind, kinds))
        ctx.set(dut.units, 1)
        rng = random.Random(1)
        for cycle in range(cycles):
            ctx.set(dut.step, (SerialCell.VALUE_STEP + cycle) % period)
            unit, place = divmod(cycle - first, period)
            value = rng.randint(LOW, HIGH)
            if 0 <= unit < len(units) and place < len(GATES):
                value = units[unit][0][GATES[place]]
            ctx.set(dut.value, value)
            late = cycle - (SerialCell.PREVIOUS_LATENCY if keeps_hidden else 0)
            unit, rest = divmod(late, period)
            wanted = not rest and 0 < unit <= len(units)
            ctx.set(dut.state, units[unit - 1][1] if wanted else rng.randint(LOW, HIGH))
            for port, latency, values in (
                (dut.squashed if keeps_hidden else dut.hidden, SerialCell.LATENCY, found[0]),
                (dut.new_state, state_latency, found[1]),
                (dut.hidden, SerialCell.LATENCY, found[2]),
            ):
                unit, rest = divmod(cycle - latency, period)
                if not rest and 0 < unit <= len(units):
                    values.append(ctx.get(port))
            await ctx.tick()

    simulate(dut, drive, timeout=cycles + 2)
    return list(zip(*found, strict=True))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bits", [16, 13, 9])
def test_random_units(bits: int, seed: int) -> None:
    """Pre-activations of a few sizes: gates in their curved part, and saturated ones."""
    rng = random.Random(seed)
    high = (1 << (bits - 1)) - 1
    units: list[Unit] = []
    for _ in range(500):
        i, f, g, o = (rng.randint(-high - 1, high) for _ in range(4))
        units.append(((i, f, g, o), rng.randint(LOW, HIGH)))
    assert run_cell(Lstm, units) == [exact(unit) for unit in units]


def test_corners() -> None:
    """Every combination of extreme gates and states: c' saturates at both ends."""
    ends = (LOW, LOW + 1, 0, HIGH)
    units: list[Unit] = [
        ((i, f, g, o), c)
        for i in ends
        for f in ends
        for g in ends
        for o in (LOW, HIGH)
        for c in (LOW, -1, 0, 1, HIGH)
    ]
    found = run_cell(Lstm, units)
    assert found == [exact(unit) for unit in units]
    assert {LOW, HIGH} <= {state for _, state, _ in found}
    assert {127} <= {hidden for _, _, hidden in found}


def exact_gru(unit: Unit) -> tuple[int, int, int]:
    """h' as int8, h' and the same as int8 again."""
    (n_h, r, n_x, z), h = unit
    n = arith.tanh(arith.gru_candidate(n_x, arith.sigmoid(r), n_h))
    h = arith.gru_hidden(arith.sigmoid(z), n, h)
    return arith.hidden_int8(h), h, arith.hidden_int8(h)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bits", [16, 13, 9])
def test_random_units_of_a_gru(bits: int, seed: int) -> None:
    rng = random.Random(seed)
    high = (1 << (bits - 1)) - 1
    units: list[Unit] = []
    for _ in range(500):
        n_h, r, n_x, z = (rng.randint(-high - 1, high) for _ in range(4))
        units.append(((n_h, r, n_x, z), rng.randint(LOW, HIGH)))
    assert run_cell(Gru, units) == [exact_gru(unit) for unit in units]


def test_corners_of_a_gru() -> None:
    """Every combination of extreme sums and states: the candidate saturates at both ends."""
    ends = (LOW, LOW + 1, 0, HIGH)
    units: list[Unit] = [
        ((n_h, r, n_x, z), h)
        for n_h in ends
        for r in (LOW, 0, HIGH)
        for n_x in ends
        for z in ends
        for h in (LOW, -1, 0, 1, HIGH)
    ]
    found = run_cell(Gru, units)
    assert found == [exact_gru(unit) for unit in units]
    states = [state for _, state, _ in found]
    assert min(states) < -32700
    assert max(states) > 32700


# A cell that the test declares by itself.


class Coupled(Kind):
    """A GRU's h' of n = tanh(sat16(round(x + f*x_f))), where x_f is the pre-activation of f."""

    operation = Instruction
    keeps = Keeps.HIDDEN

    def factor(self, sums: Sequence[Value], state: Value) -> Any:
        return sums[1]

    def addend(
        self, sums: Sequence[Value], gates: Sequence[Value], hold: Hold, multiply: Multiply
    ) -> Any:
        return hold(sums[0]).shift_left(SUM_SHIFT)

    def argument(self, total: Value) -> Any:
        return total

    def offset(self, state: Value) -> Any:
        return state

    def result(self, tanh: Value, product: Value) -> Any:
        return tanh - round_shifted(product, arith.GATE.fraction)


def exact_coupled(unit: Unit) -> tuple[int, int, int]:
    (x, f, _, z), h = unit
    return exact_gru(((f, f, x, z), h))


@pytest.mark.parametrize("kind", [Lstm, Gru, Coupled])
def test_another_cell_leaves_the_others_as_they_are(kind: type[Kind]) -> None:
    wanted = {Lstm: exact, Gru: exact_gru, Coupled: exact_coupled}[kind]
    rng = random.Random(7)
    units: list[Unit] = []
    for _ in range(500):
        a, b, c, d = (rng.randint(-9000, 9000) for _ in range(4))
        units.append(((a, b, c, d), rng.randint(LOW, HIGH)))
    found = run_cell(kind, units, (*KINDS, Coupled()))
    assert found == [wanted(unit) for unit in units]
    serial = run_serial(kind, units, (*KINDS, Coupled()))
    assert [unit[1:] for unit in serial] == [unit[1:] for unit in found]
    assert all(unit[0] == unit[2] for unit in serial)


def test_a_serial_cell_refuses_another_product() -> None:
    gates, product = [Signal(16) for _ in GATES], Signal(32)
    multiply = only_product(gates, product)
    assert multiply(gates[0], gates[2]) is multiply(gates[2], gates[0]) is product
    for one, other in ((0, 0), (0, 1), (3, 2)):
        with pytest.raises(ValueError, match="wanted a product of gates 0 and 2"):
            multiply(gates[one], gates[other])


@pytest.mark.parametrize("bits", [16, 13, 9])
@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_serial_units(kind: type[Kind], bits: int) -> None:
    """One unit after the other, ends of the ranges among them."""
    rng, high = random.Random(bits), (1 << (bits - 1)) - 1
    wanted = {Lstm: exact, Gru: exact_gru}[kind]
    ends = (-high - 1, -high, 0, high)
    units: list[Unit] = []
    for _ in range(500):
        a, b, c, d = (rng.choice((rng.randint(-high - 1, high), rng.choice(ends))) for _ in "ifgo")
        units.append(((a, b, c, d), rng.choice((rng.randint(LOW, HIGH), LOW, HIGH))))
    assert [unit[1:] for unit in run_serial(kind, units)] == [wanted(unit)[1:] for unit in units]


def test_every_operation_has_its_kind() -> None:
    assert [kind.operation for kind in KINDS] == list(CELLS)
