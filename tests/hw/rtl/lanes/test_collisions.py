"""Nothing depends on what a memory gives of a word that is written in the same cycle.

Memories marked `no_rw_check` are replaced by ones that then give every bit inverted, as block RAM
may, and the engine has to compute the same.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from sordino.arch import Config
from sordino.codec import encode_matrices
from sordino.rtl.shared.attributes import UNCHECKED
from sordino.testing.benches.colliding import InvertingMemory
from sordino.testing.benches.matvec import ArrayBench, rtl_matvec


@pytest.fixture
def inverting(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("lane", "decoder", "directory"):
        monkeypatch.setattr(
            f"sordino.rtl.lanes.{module}.memory", SimpleNamespace(Memory=InvertingMemory)
        )


def config(rows: int) -> Config:
    return Config(
        lanes=4, group=2, x_fifo=8, state_bits=5, value_slots=2, lane_words=256, group_words=256,
        rows_per_lane=rows, accumulator_bits=24, activation_words=128, matrices=2,
    )  # fmt: skip


@pytest.mark.usefixtures("inverting")
@pytest.mark.parametrize("zeros", [0.0, 0.6])
@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_products_are_the_same(rows: int, zeros: float) -> None:
    """With few rows every accumulator is read while the sum before is on its way to it."""
    rng = np.random.default_rng(rows)
    slots = rng.integers(-128, 128, (rows, 4, 60))
    slots = np.where(rng.random(slots.shape) < zeros, 0, slots).astype(np.int8)
    x = rng.integers(-128, 128, 60).astype(np.int8)
    machine = config(rows)
    result = rtl_matvec(slots, x, machine, bench=ArrayBench(machine))
    assert not result.error
    np.testing.assert_array_equal(result.accumulators, slots.astype(np.int64) @ x)


@pytest.mark.usefixtures("inverting")
def test_a_row_is_drained_while_it_is_cleared() -> None:
    """A read in the cycle of the write gives the old sum, two cycles later the new one."""
    bench = ArrayBench(config(3))
    drain, found = bench.array.drain, []

    async def job(ctx) -> None:
        await bench.fill(ctx, 0, 3, 5)
        ctx.set(drain.write.lanes, ~0)
        ctx.set(drain.write.row, 1)
        ctx.set(drain.write.value, -7)
        ctx.set(drain.row, 1)
        for _ in range(3):
            await ctx.tick()
            ctx.set(drain.write.lanes, 0)
            found.append(ctx.get(drain.accumulators[0]))

    bench.run(job)
    assert (found[0], found[2]) == (5, -7)
    assert found[1] not in (5, -7), "the memory that inverts is in place"


@pytest.mark.usefixtures("inverting")
def test_the_other_table_slot_and_matrix_are_written_meanwhile() -> None:
    rng = np.random.default_rng(1)
    machine = config(5)
    slots = [rng.integers(-n, n + 1, (5, 4, 80)).astype(np.int8) for n in (100, 3)]
    slots[1][:, :, ::2] = 0
    encoded = encode_matrices(slots, machine)
    assert encoded.run_tables[0] != encoded.run_tables[1]
    assert encoded.value_tables[0] != encoded.value_tables[1]
    x = rng.integers(-128, 128, 80).astype(np.int8)
    bench = ArrayBench(machine)
    results = []

    async def job(ctx) -> None:
        await bench.load(ctx, encoded)
        first, second = (
            [encoded.tables[n] for n in (encoded.run_tables[k], encoded.value_tables[k])]
            for k in range(2)
        )
        await bench.table(ctx, first[0], slot=0, runs=True)
        await bench.table(ctx, first[1], slot=0)
        bench.set_x(ctx, x)
        for bank in range(2):
            await bench.fill(ctx, bank, 5)
        await bench.start(ctx, rows=5, columns=80, matrix=0, slot=0, bank=0)
        await bench.table(ctx, second[0], slot=1, runs=True)
        await bench.table(ctx, second[1], slot=1)
        for _ in range(1000):
            if ctx.get(bench.array.unit.done):
                break
            await ctx.tick()
        assert not ctx.get(bench.array.unit.error)
        results.append(await bench.bank(ctx, 0, 5))
        result = await bench.matvec(ctx, rows=5, columns=80, matrix=1, slot=1, run_slot=1, bank=1)
        results.append(result.accumulators)

    bench.run(job)
    for matrix, accumulators in zip(slots, results, strict=True):
        np.testing.assert_array_equal(accumulators, matrix.astype(np.int64) @ x)


def test_the_attribute_is_the_one_that_yosys_knows() -> None:
    assert UNCHECKED == {"no_rw_check": 1}
