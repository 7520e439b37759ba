"""The LSTM cell and the GRU against `arith`, one unit a cycle."""

import random
from typing import Any

import pytest

from sordino import arith
from sordino.rtl.vector.cell import Cell
from sordino.stimuli.simulate import simulate

LOW, HIGH = -(1 << 15), (1 << 15) - 1
Unit = tuple[tuple[int, int, int, int], int]


def exact(unit: Unit) -> tuple[int, int, int]:
    """tanh of gate g, c' and h."""
    (i, f, g, o), c = unit
    candidate = arith.tanh(g)
    state = arith.cell_state(arith.sigmoid(i), arith.sigmoid(f), candidate, c)
    squashed = arith.tanh(arith.joint_preactivation(state))
    return candidate, state, arith.cell_hidden(arith.sigmoid(o), squashed)


def rtl_cell(units: list[Unit]) -> list[tuple[int, int, int]]:
    dut = Cell()

    async def drive(ctx: Any) -> None:
        for gates, c in units:
            ctx.set(dut.preactivations, list(gates))
            ctx.set(dut.previous, c)
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
        watch(dut.candidate, Cell.CANDIDATE_LATENCY, found[0]),
        watch(dut.state, Cell.STATE_LATENCY, found[1]),
        watch(dut.hidden, Cell.LATENCY, found[2]),
        timeout=len(units) + Cell.LATENCY + 2,
    )
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
    assert rtl_cell(units) == [exact(unit) for unit in units]


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
    found = rtl_cell(units)
    assert found == [exact(unit) for unit in units]
    assert {LOW, HIGH} <= {state for _, state, _ in found}
    assert {127} <= {hidden for _, _, hidden in found}


def exact_gru(unit: Unit) -> int:
    (n_h, r, n_x, z), h = unit
    n = arith.tanh(arith.gru_candidate(n_x, arith.sigmoid(r), n_h))
    return int(arith.gru_hidden(arith.sigmoid(z), n, h))


def rtl_gru(units: list[Unit]) -> list[int]:
    """h' of each; h of a unit comes later than its pre-activations."""
    dut, found = Cell(), list[int]()

    async def drive(ctx: Any) -> None:
        ctx.set(dut.gru, 1)
        for gates, _ in units:
            ctx.set(dut.preactivations, list(gates))
            await ctx.tick()

    async def remember(ctx: Any) -> None:
        await ctx.tick().repeat(Cell.PREVIOUS_LATENCY)
        for _, h in units:
            ctx.set(dut.previous, h)
            await ctx.tick()

    async def watch(ctx: Any) -> None:
        await ctx.tick().repeat(Cell.LATENCY)
        for _ in units:
            found.append(ctx.get(dut.gru_hidden))
            await ctx.tick()

    simulate(dut, drive, remember, watch, timeout=len(units) + Cell.LATENCY + 2)
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bits", [16, 13, 9])
def test_random_units_of_a_gru(bits: int, seed: int) -> None:
    rng = random.Random(seed)
    high = (1 << (bits - 1)) - 1
    units: list[Unit] = []
    for _ in range(500):
        n_h, r, n_x, z = (rng.randint(-high - 1, high) for _ in range(4))
        units.append(((n_h, r, n_x, z), rng.randint(LOW, HIGH)))
    assert rtl_gru(units) == [exact_gru(unit) for unit in units]


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
    found = rtl_gru(units)
    assert found == [exact_gru(unit) for unit in units]
    assert min(found) < -32700
    assert max(found) > 32700
