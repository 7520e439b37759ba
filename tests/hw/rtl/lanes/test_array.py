"""MatvecArray against numpy, cycle counts against the formula, bad streams against the decoder."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import Config
from sordino.codec import EncodedMatrices, encode_matrices
from sordino.golden.codec import StreamError, decode_matrix
from sordino.image.image import MatrixStreams
from sordino.image.tans import Symbol
from sordino.isa import timing
from sordino.testing.benches.matvec import ArrayBench, MatvecResult, rtl_matvec


@cache
def bench(lanes: int, group: int, x_fifo: int = 8, state_bits: int = 5) -> ArrayBench:
    """One circuit for many tests: what one leaves behind must not matter to the next."""
    config = Config(
        lanes=lanes,
        group=group,
        x_fifo=x_fifo,
        state_bits=state_bits,
        value_slots=3,
        run_slots=3,
        lane_words=512,
        group_words=512,
        rows_per_lane=16,
        accumulator_bits=24,
        activation_words=128,
        matrices=4,
    )
    return ArrayBench(config)


def random_slots(rng, rows: int, lanes: int, columns: int, zeros: float, bits: int = 8):
    limit = 1 << (bits - 1)
    slots = rng.integers(-limit, limit, (rows, lanes, columns))
    return np.where(rng.random(slots.shape) < zeros, 0, slots).astype(np.int8)


def wrap(accumulators, bits: int = 24):
    return (accumulators + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def product(slots, x, shift: int = 0):
    return (slots.astype(np.int64) @ x.astype(np.int64)) << shift


def symbols_of(encoded: EncodedMatrices, matrix: int = 0) -> int:
    """Symbols of the busiest group."""
    return max(encoded.matrices[matrix].places)


async def prepare(ctx, bench: ArrayBench, encoded: EncodedMatrices, x, rows: int) -> None:
    """Streams, the tables of matrix k in slots k, x at 0, cleared banks."""
    await bench.load(ctx, encoded)
    for slot, number in enumerate(encoded.run_tables):
        await bench.table(ctx, encoded.tables[number], slot=slot, runs=True)
    for slot, number in enumerate(encoded.value_tables):
        await bench.table(ctx, encoded.tables[number], slot=slot)
    bench.set_x(ctx, x)
    for bank in range(2):
        await bench.fill(ctx, bank, rows)


def execute(bench: ArrayBench, encoded: EncodedMatrices, x, rows: int, columns: int, **more: int):
    """One MATVEC of matrix 0 on cleared banks."""
    results: list[MatvecResult] = []

    async def job(ctx) -> None:
        await prepare(ctx, bench, encoded, x, rows)
        results.append(await bench.matvec(ctx, rows=rows, columns=columns, **more))

    bench.run(job)
    return results[0]


@settings(max_examples=50, deadline=None)
@given(
    shape=st.sampled_from([(4, 4), (4, 2), (4, 1), (8, 4)]),
    rows=st.sampled_from([1, 2, 3, 12, 16]),
    columns=st.integers(1, 40),
    zeros=st.sampled_from([0.0, 0.3, 0.8, 0.95, 1.0]),
    bits=st.integers(2, 8),
    shift=st.integers(0, 7),
    seed=st.integers(0, 2**32),
)
def test_equals_numpy(shape, rows, columns, zeros, bits, shift, seed) -> None:
    rng = np.random.default_rng(seed)
    lanes, group = shape
    slots = random_slots(rng, rows, lanes, columns, zeros, bits)
    x = rng.integers(-128, 128, columns).astype(np.int8)
    x[rng.random(columns) < 0.3] = 0
    circuit = bench(lanes, group)
    result = rtl_matvec(slots, x, circuit.config, shift=shift, bench=circuit)
    assert not result.error
    np.testing.assert_array_equal(result.accumulators, wrap(product(slots, x, shift)))
    encoded = encode_matrices([slots], circuit.config)
    useful = int(((slots != 0) & (x != 0)).sum())
    stats = encoded.stats[0]
    assert result.counts["places"] == stats.places
    assert result.counts["padding"] == stats.padding
    assert result.counts["useful"] == useful
    assert result.counts["gated"] == stats.places * group - useful
    if stats.places:
        assert result.cycles >= symbols_of(encoded) + timing.MATVEC_OVERHEAD
        assert (result.cycles == symbols_of(encoded) + timing.MATVEC_OVERHEAD) or result.counts[
            "wait_x"
        ]
    else:
        assert result.cycles == timing.NOTHING


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 100), (2, 60), (3, 40), (16, 12)])
@pytest.mark.parametrize(("lanes", "group"), [(4, 4), (8, 4), (4, 1)])
def test_one_cycle_a_place_and_sixteen(lanes, group, rows, columns) -> None:
    rng = np.random.default_rng(rows)
    slots = random_slots(rng, rows, lanes, columns, 0.0)
    slots[slots == 0] = 1
    x = rng.integers(-128, 128, columns).astype(np.int8)
    result = rtl_matvec(slots, x, bench(lanes, group).config, bench=bench(lanes, group))
    assert result.cycles == rows * columns + timing.MATVEC_OVERHEAD
    assert result.counts["wait_x"] == 0


@pytest.mark.parametrize("group", [1, 4])
def test_time_does_not_depend_on_x(group) -> None:
    rng = np.random.default_rng(8)
    slots = random_slots(rng, 3, 4, 40, 0.9)
    circuit, seen = bench(4, group), []
    for x in (np.zeros(40), np.full(40, -128), rng.integers(-128, 128, 40)):
        result = rtl_matvec(slots, x.astype(np.int8), circuit.config, bench=circuit)
        seen.append((result.cycles, result.counts["wait_x"]))
    assert len(set(seen)) == 1
    assert seen[0][1] > 0


def test_a_bigger_fifo_waits_less() -> None:
    """Groups drift apart: where one is busy the other is not."""
    slots = np.zeros((4, 8, 64), np.int8)
    for start in range(0, 64, 16):
        slots[:, :4, start : start + 8] = 1
        slots[:, 4:, start + 8 : start + 16] = 2
    x = np.arange(64, dtype=np.int8)
    cycles = {}
    for x_fifo in (8, 16, 32):
        circuit = bench(8, 4, x_fifo)
        result = rtl_matvec(slots, x, circuit.config, bench=circuit)
        np.testing.assert_array_equal(result.accumulators, product(slots, x))
        cycles[x_fifo] = result.cycles
    assert cycles[8] > cycles[16] >= cycles[32] >= 4 * 32 + timing.MATVEC_OVERHEAD


def test_idle_and_finished_groups_hold_nobody_up() -> None:
    rng = np.random.default_rng(4)
    slots = np.zeros((2, 8, 100), np.int8)
    slots[:, 4:, :] = random_slots(rng, 2, 4, 100, 0.0) | 1
    x = rng.integers(-128, 128, 100).astype(np.int8)
    circuit = bench(8, 4)
    for done_early in (False, True):
        slots[0, 0, 3] = done_early
        result = rtl_matvec(slots, x, circuit.config, bench=circuit)
        np.testing.assert_array_equal(result.accumulators, wrap(product(slots, x)))
        assert result.cycles == 200 + timing.MATVEC_OVERHEAD


def test_long_gaps_are_bridged_by_padding() -> None:
    slots = np.zeros((2, 4, 100), np.int8)
    slots[1, 2, 99] = -7
    x = np.zeros(100, np.int8)
    x[99] = 11
    circuit = bench(4, 4)
    result = rtl_matvec(slots, x, circuit.config, bench=circuit)
    assert result.accumulators[1].tolist() == [0, 0, -77, 0]
    assert result.accumulators[0].tolist() == [0, 0, 0, 0]
    assert result.counts["padding"] == 14
    assert result.counts["places"] == 1


def test_two_banks_matrices_slots_and_sources() -> None:
    """Three matrices of different shapes accumulate in two banks; nothing else changes."""
    rng = np.random.default_rng(6)
    circuit = bench(4, 2)
    shapes = [(8, 60), (2, 30), (8, 60)]
    slots = [
        random_slots(rng, r, 4, c, zeros, bits)
        for (r, c), zeros, bits in zip(shapes, (0.9, 0.6, 0.0), (8, 4, 2), strict=True)
    ]
    x = rng.integers(-128, 128, 120).astype(np.int8)
    encoded = encode_matrices(slots, circuit.config)
    assert len(set(encoded.run_tables)) > 1
    assert len(set(encoded.value_tables)) > 1
    start = rng.integers(-128, 128, 2)
    sums = np.repeat(start, 8 * 4).reshape(2, 8, 4).astype(np.int64)

    async def job(ctx) -> None:
        await prepare(ctx, circuit, encoded, x, 16)
        for bank in range(2):
            await circuit.fill(ctx, bank, 8, int(start[bank]))
        order = [
            (0, 0, 0, 0),
            (1, 1, 5, 3),
            (2, 0, 50, 7),
            (1, 0, 30, 0),
            (0, 1, 3, 1),
            (2, 1, 1, 0),
        ]
        for matrix, bank, source, shift in order:
            rows, columns = shapes[matrix]
            await circuit.matvec(
                ctx, rows=rows, columns=columns, matrix=matrix, slot=matrix, run_slot=matrix,
                source=source, shift=shift, bank=bank,
            )  # fmt: skip
            sums[bank, :rows] += product(slots[matrix], x[source : source + columns], shift)
            for number in range(2):
                found = await circuit.bank(ctx, number, 8)
                np.testing.assert_array_equal(found, wrap(sums[number]))

    circuit.run(job)


def test_run_table_may_change_between_matvecs() -> None:
    rng = np.random.default_rng(7)
    circuit = bench(4, 4)
    x = rng.integers(-128, 128, 30).astype(np.int8)
    for rows, zeros in ((1, 0.0), (8, 0.95), (2, 0.5)):
        slots = random_slots(rng, rows, 4, 30, zeros)
        result = rtl_matvec(slots, x, circuit.config, bench=circuit)
        np.testing.assert_array_equal(result.accumulators, product(slots, x))


@pytest.mark.parametrize("state_bits", [4, 8, 9])
def test_other_table_sizes(state_bits) -> None:
    rng = np.random.default_rng(state_bits)
    circuit = bench(4, 4, 8, state_bits)
    slots = random_slots(rng, 5, 4, 30, 0.7)
    x = rng.integers(-128, 128, 30).astype(np.int8)
    result = rtl_matvec(slots, x, circuit.config, bench=circuit)
    np.testing.assert_array_equal(result.accumulators, product(slots, x))


def good_case(circuit: ArrayBench, seed: int = 9):
    rng = np.random.default_rng(seed)
    slots = random_slots(rng, 3, 4, 25, 0.6)
    x = rng.integers(-128, 128, 25).astype(np.int8)
    return slots, x, encode_matrices([slots], circuit.config)


def check_still_works(circuit: ArrayBench) -> None:
    slots, x, encoded = good_case(circuit)
    result = execute(circuit, encoded, x, 3, 25)
    assert not result.error
    np.testing.assert_array_equal(result.accumulators, product(slots, x))
    assert result.counts["places"] == encoded.stats[0].places


@pytest.mark.parametrize("group", [1, 4])
def test_place_past_the_last_column_is_an_error(group) -> None:
    circuit = bench(4, group)
    _, x, encoded = good_case(circuit)
    for columns in (24, 8, 1, 0):
        result = execute(circuit, encoded, x, 3, columns)
        assert result.error
        assert not any(result.counts.values())
        assert (
            result.cycles
            < 8 * sum(encoded.matrices[0].places) + 8 * columns + timing.MATVEC_OVERHEAD
        )
        check_still_works(circuit)


def test_places_beyond_the_streams_are_an_error() -> None:
    circuit = bench(4, 2)
    _, x, encoded = good_case(circuit)
    matrix = encoded.matrices[0]
    for places in ((1 << 26) - 1, 76):
        bad = replace(encoded, matrices=(replace(matrix, places=(places, matrix.places[1])),))
        result = execute(circuit, bad, x, 3, 25)
        assert result.error
        assert result.cycles < 8 * (3 * 25 * 2 + 25)
        check_still_works(circuit)


@pytest.mark.parametrize(("run", "error"), [(23, False), (24, True), (4000, True)])
def test_more_wraps_than_allowed_are_an_error(run, error) -> None:
    """Three rows: run 23 is the last place of column 7, run 24 the first of column 8."""
    circuit = bench(4, 4)
    _, x, _ = good_case(circuit)
    tables = ((Symbol(run, 0, 32),), (Symbol(1, 0, 32),))
    encoded = EncodedMatrices(
        config=circuit.config,
        tables=tables,
        run_tables=(0,),
        value_tables=(1,),
        matrices=(MatrixStreams((1,), (5,), (5, 5, 5, 5)),),
        positions=(bytes(2),),
        values=(bytes(2),) * 4,
        stats=(),
    )
    result = execute(circuit, encoded, x, 3, 2000)
    assert result.error == error
    if not error:
        assert result.accumulators.tolist() == [[0] * 4, [0] * 4, [int(x[7])] * 4]
    check_still_works(circuit)


@settings(max_examples=20, deadline=None)
@given(group=st.sampled_from([1, 2, 4]), seed=st.integers(0, 2**32))
def test_corrupt_streams_end_and_agree_with_the_decoder(group, seed) -> None:
    """Flipped bits anywhere: never a hang, and an error exactly where the exact decoder has one."""
    rng = np.random.default_rng(seed)
    circuit = bench(4, group)
    _, x, encoded = good_case(circuit, seed=seed)
    memories = {"positions": list(encoded.positions), "values": list(encoded.values)}
    for _ in range(rng.integers(1, 4)):
        contents = memories[str(rng.choice(["positions", "values"]))]
        unit = int(rng.integers(len(contents)))
        flipped = np.frombuffer(contents[unit], np.uint8).copy()
        flipped[rng.integers(len(flipped))] ^= 1 << rng.integers(8)
        contents[unit] = flipped.tobytes()
    # Words past the end of a stream count as 0; what the last test loaded there must not stay.
    blank = {name: tuple(c.ljust(160, b"\0") for c in memories[name]) for name in memories}
    bad = replace(encoded, **blank)
    try:
        decoded = decode_matrix(
            bad, 0, rows=3, columns=25, runs=encoded.tables[0], values=encoded.tables[1]
        )
    except StreamError:
        decoded = None
    result = execute(circuit, bad, x, 3, 25)
    assert result.error == (decoded is None)
    assert result.cycles < 8 * sum(encoded.matrices[0].places) + 8 * 25 + timing.MATVEC_OVERHEAD
    if decoded is not None:
        np.testing.assert_array_equal(result.accumulators, product(decoded.slots, x))
    check_still_works(circuit)


@pytest.mark.parametrize("after", [*range(20), *range(-9, 0)])
def test_abort_leaves_no_trace(after) -> None:
    """A MATVEC started right behind an abort, any time after the start or before the end."""
    circuit = bench(4, 2)
    slots, x, encoded = good_case(circuit)
    rows = {"rows": 3, "columns": 25}

    async def job(ctx) -> None:
        array = circuit.array
        await prepare(ctx, circuit, encoded, x, 3)
        alone = await circuit.matvec(ctx, **rows)
        await circuit.start(ctx, **rows)
        for _ in range(after if after >= 0 else alone.cycles - 1 + after):
            assert not ctx.get(array.unit.done)
            await ctx.tick()
        ctx.set(array.unit.abort, 1)
        await ctx.tick()
        ctx.set(array.unit.abort, 0)
        assert not ctx.get(array.unit.done)
        again = await circuit.matvec(ctx, **rows, bank=1)
        assert again.cycles == alone.cycles
        assert again.counts == alone.counts
        np.testing.assert_array_equal(again.accumulators, product(slots, x))

    circuit.run(job)


def test_done_is_one_cycle_and_counters_add_up_until_cleared() -> None:
    circuit = bench(4, 4)
    _, x, encoded = good_case(circuit)

    async def job(ctx) -> None:
        array = circuit.array
        await prepare(ctx, circuit, encoded, x, 3)
        ctx.set(array.clear_counts, 1)
        await ctx.tick()
        ctx.set(array.clear_counts, 0)
        assert not any(circuit.counts(ctx).values())
        for number in range(1, 4):
            await circuit.start(ctx, rows=3, columns=25)
            while not ctx.get(array.unit.done):
                await ctx.tick()
            assert circuit.counts(ctx)["places"] == number * encoded.stats[0].places
            if number < 3:  # the next may start in the cycle of done
                continue
            for _ in range(100):
                await ctx.tick()
                assert not ctx.get(array.unit.done)

    circuit.run(job)


def test_bench_gives_up() -> None:
    circuit = ArrayBench(bench(4, 4).config)
    _, x, encoded = good_case(circuit)

    async def job(ctx) -> None:
        await prepare(ctx, circuit, encoded, x, 3)
        await circuit.matvec(ctx, rows=3, columns=25, limit=10)

    with pytest.raises(TimeoutError, match="not done after 10 cycles"):
        circuit.run(job)
    check_still_works(circuit)
