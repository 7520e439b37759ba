"""Group with x delivered by the test: late, in bursts, or at full speed."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from sordino.arch import Config
from sordino.codec import encode_matrices
from sordino.image.tans import EntryLayout, expand
from sordino.isa import timing
from sordino.isa.registers import LoadTarget
from sordino.rtl.lanes.group import Group
from sordino.stimuli.simulate import simulate

LATENCY = timing.DECODER_START + timing.DEPTH
"""From `begin` to the first place."""
"""Cycles from `begin` to the first place."""
STORED = 4
"""Cycles from a place to its sum in the accumulator."""


def config_of(group: int, x_fifo: int = 8) -> Config:
    return Config(
        lanes=4, group=group, x_fifo=x_fifo, state_bits=5, lane_words=128, group_words=128,
        rows_per_lane=16, matrices=3, activation_words=16, run_slots=3,
    )  # fmt: skip


def delivery(kind: str) -> Iterator[bool]:
    """Whether x is sent, cycle by cycle."""
    if kind == "none":
        return itertools.repeat(True)
    if kind == "fixed":
        return itertools.cycle([False] * 5 + [True] * 3)
    rng = np.random.default_rng(3)
    return (bool(rng.random() < 0.4) for _ in itertools.count())


def random_slots(rng, rows: int, columns: int, zeros: float) -> np.ndarray:
    slots = rng.integers(-128, 128, (rows, 4, columns))
    return np.where(rng.random(slots.shape) < zeros, 0, slots).astype(np.int8)


async def load(ctx, dut: Group, encoded) -> None:
    """Stream memories, directory and both tables of matrix 0, kept as matrix 2 of the directory."""
    index, group = dut.index, dut.config.group
    writes = [
        (LoadTarget.GROUP_DIRECTORY, index, 4, 0),
        (LoadTarget.GROUP_DIRECTORY, index, 5, encoded.matrices[0].places[index]),
    ]
    units = [(LoadTarget.POSITIONS, index, encoded.positions[index])]
    for unit in range(index * group, (index + 1) * group):
        writes.append((LoadTarget.LANE_DIRECTORY, unit, 2, 0))
        units.append((LoadTarget.VALUES, unit, encoded.values[unit]))
    for target, unit, contents in units:
        words = np.frombuffer(contents, "<u2").tolist()
        writes += [(target, unit, address, word) for address, word in enumerate(words)]
    # What is meant for others must not be taken.
    writes += [(target, unit + 100, address, 0xBAD) for target, unit, address, _ in writes]
    ctx.set(dut.load.valid, 1)
    for target, unit, address, value in writes:
        payload = {"target": target, "unit": unit, "address": address, "data": value}
        ctx.set(dut.load.payload, payload)
        await ctx.tick()
    ctx.set(dut.load.valid, 0)
    ctx.set(dut.table.valid, 1)
    for runs, slot in ((1, 2), (0, 1)):
        for state, entry in enumerate(expand(encoded.tables[1 - runs], 5)):
            bits = EntryLayout.from_bits(entry.encode())
            ctx.set(dut.table.payload, {"runs": runs, "slot": slot, "state": state, "entry": bits})
            await ctx.tick()
    ctx.set(dut.table.valid, 0)


def rtl_group(config: Config, index: int, slots, x, kind: str, shift: int = 0):
    """Accumulators (rows, G) of one group, cycles it was active and its event totals."""
    rows, _, columns = slots.shape
    encoded = encode_matrices([slots], config)
    dut = Group(config, index)
    totals = dict.fromkeys(("places", "padding", "wait_x", "useful"), 0)
    result: dict = {}

    async def monitor(ctx) -> None:
        async for sample in ctx.tick().sample(*(dut.events[name] for name in totals)):
            for name, value in zip(totals, sample[2:], strict=True):
                totals[name] += value

    async def testbench(ctx) -> None:
        await load(ctx, dut, encoded)
        ctx.set(
            dut.arguments,
            {
                **{"rows": rows, "columns": columns, "matrix": 2, "slot": 1, "run_slot": 2},
                **{"shift": shift, "bank": 1},
            },
        )
        drain = dut.drain
        ctx.set(drain.write.lanes, ~0)
        ctx.set(drain.write.bank, 1)
        for row in range(rows):
            ctx.set(drain.write.row, row)
            await ctx.tick()
        ctx.set(drain.write.lanes, 0)
        ctx.set(dut.busy, 1)
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        ctx.set(dut.begin, 1)
        await ctx.tick()
        ctx.set(dut.begin, 0)
        result["cycles"] = await columns_of_x(ctx)
        assert ctx.get(dut.x_ready)
        await ctx.tick().repeat(STORED - 1)
        ctx.set(dut.busy, 0)
        assert not ctx.get(dut.error)
        ctx.set(drain.bank, 1)
        found = []
        for row in range(rows):
            ctx.set(drain.row, row)
            await ctx.tick()
            found.append([ctx.get(lane) for lane in drain.accumulators])
        result["accumulators"] = np.array(found)

    async def columns_of_x(ctx) -> int:
        sending, sent = delivery(kind), 0
        cycle = 0
        while ctx.get(dut.active):
            send = sent < columns and ctx.get(dut.x_ready) and next(sending)
            ctx.set(dut.x_reserve, int(send))
            ctx.set(dut.x_write, int(send))
            ctx.set(dut.x, int(x[sent]) if send else 0)
            await ctx.tick()
            sent += send
            cycle += 1
        return cycle

    simulate(dut, testbench, timeout=20_000, background=(monitor,))
    return result["accumulators"], result["cycles"], totals


@pytest.mark.parametrize("kind", ["none", "fixed", "random"])
@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize(
    ("rows", "columns", "zeros"), [(1, 60, 0.9), (2, 30, 0.0), (3, 25, 0.5), (12, 10, 0.7)]
)
def test_equals_numpy_under_any_delivery(rows, columns, zeros, group, kind) -> None:
    rng = np.random.default_rng([rows, group])
    config = config_of(group)
    index = config.groups - 1
    slots = random_slots(rng, rows, columns, zeros)
    x = rng.integers(-128, 128, columns)
    x[rng.random(columns) < 0.3] = 0
    accumulators, cycles, totals = rtl_group(config, index, slots, x, kind, shift=5)
    mine = slots[:, index * group : (index + 1) * group].astype(int)
    np.testing.assert_array_equal(accumulators, (mine @ x) << 5)
    assert totals["places"] == (mine != 0).any(axis=1).sum()
    assert totals["useful"] == ((mine != 0) & (x != 0)).sum()
    symbols = totals["places"] + totals["padding"]
    assert cycles == symbols + totals["wait_x"] + LATENCY - 1
    if kind == "none" and zeros < 0.9:
        assert totals["wait_x"] == 0


@pytest.mark.parametrize("x_fifo", [8, 16])
def test_one_cycle_a_place(x_fifo) -> None:
    """A new column with every place is as fast as many places in one column."""
    rng = np.random.default_rng(0)
    for rows, columns in ((1, 200), (16, 13)):
        slots = random_slots(rng, rows, columns, 0.0)
        x = rng.integers(-128, 128, columns)
        _, cycles, totals = rtl_group(config_of(4, x_fifo), 0, slots, x, "none")
        assert totals["places"] > 190
        assert cycles == totals["places"] + LATENCY - 1
