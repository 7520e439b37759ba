"""Lane against integers modulo 2^bits: every row pattern, both banks, nothing moves at a zero."""

import numpy as np
import pytest

from sordino.rtl.lanes.lane import SHIFTED_X_BITS, Lane
from sordino.stimuli.simulate import simulate

CYCLES = 1_000
"""More than any test takes."""


def wrap(value: int, bits: int) -> int:
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


async def fill(ctx, dut: Lane, bank: int, values: list[int]) -> None:
    ctx.set(dut.drain.write.lanes, 1)
    ctx.set(dut.drain.write.bank, bank)
    for row, value in enumerate(values):
        ctx.set(dut.drain.write.row, row)
        ctx.set(dut.drain.write.value, value)
        await ctx.tick()
    ctx.set(dut.drain.write.lanes, 0)


async def read(ctx, dut: Lane, bank: int) -> list[int]:
    found = []
    ctx.set(dut.drain.bank, bank)
    for row in range(dut.rows):
        ctx.set(dut.drain.row, row)
        await ctx.tick()
        found.append(ctx.get(dut.drain.accumulators[0]))
    return found


async def accumulate(ctx, dut: Lane, places) -> int:
    """Present (valid, row, x, w) one a cycle, then wait until all is stored; counts `useful`."""
    useful = 0
    for valid, row, x, w in [*places, *[(0, 0, 1, 1)] * 2]:
        ctx.set(dut.valid, valid)
        ctx.set(dut.row, row)
        ctx.set(dut.x, x)
        ctx.set(dut.x_zero, x == 0)
        ctx.set(dut.w, w)
        await ctx.tick()
        useful += ctx.get(dut.useful)
    return useful


@pytest.mark.parametrize("bits", [24, 32])
@pytest.mark.parametrize("zeros", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("rows", [1, 2, 3, 12])
def test_equals_integers(rows, zeros, bits) -> None:
    rng = np.random.default_rng([rows, int(10 * zeros), bits])
    dut = Lane(rows=rows, accumulator_bits=bits)
    limit = 1 << (SHIFTED_X_BITS - 1)

    async def testbench(ctx) -> None:
        banks = [rng.integers(-128, 128, rows).tolist() for _ in range(2)]
        for bank in range(2):
            await fill(ctx, dut, bank, banks[bank])
        for bank in (0, 1, 0):
            places = []
            for _ in range(200):
                x, w = int(rng.integers(-limit, limit)), int(rng.integers(-128, 128))
                x, w = x * (rng.random() >= zeros / 2), w * (rng.random() >= zeros / 2)
                places.append((int(rng.random() < 0.8), int(rng.integers(rows)), int(x), int(w)))
            if zeros == 1.0:
                places = [(1, row, x, w * (not x)) for _, row, x, w in places]
            ctx.set(dut.bank, bank)
            ctx.set(dut.busy, 1)
            ctx.set(dut.drain.bank, 1 - bank)
            useful = await accumulate(ctx, dut, places)
            assert useful == sum(bool(valid and x and w) for valid, _, x, w in places)
            ctx.set(dut.busy, 0)
            for valid, row, x, w in places:
                banks[bank][row] = wrap(banks[bank][row] + valid * x * w, bits)
            for other in range(2):
                assert await read(ctx, dut, other) == banks[other]

    simulate(dut, testbench, timeout=CYCLES)


def test_extremes_wrap() -> None:
    dut = Lane(rows=1, accumulator_bits=24)

    async def testbench(ctx) -> None:
        ctx.set(dut.busy, 1)
        await accumulate(ctx, dut, [(1, 0, -(1 << 14), -128)] * 5)
        ctx.set(dut.busy, 0)
        assert await read(ctx, dut, 0) == [wrap(5 << 21, 24)]
        assert wrap(5 << 21, 24) < 0

    simulate(dut, testbench, timeout=CYCLES)


def test_other_bank_is_the_drains_while_busy() -> None:
    dut = Lane(rows=4, accumulator_bits=32)

    async def testbench(ctx) -> None:
        ctx.set(dut.busy, 1)
        ctx.set(dut.bank, 1)
        ctx.set(dut.valid, 1)
        ctx.set(dut.x, 3)
        ctx.set(dut.w, -5)
        await fill(ctx, dut, 0, [1, -2, 3, -128])
        await fill(ctx, dut, 1, [9, 9, 9, 9])  # not stored: the bank is in use
        assert await read(ctx, dut, 0) == [1, -2, 3, -128]
        ctx.set(dut.valid, 0)
        await ctx.tick().repeat(3)
        ctx.set(dut.busy, 0)
        assert await read(ctx, dut, 1) == [12 * -15, 0, 0, 0]

    simulate(dut, testbench, timeout=CYCLES)


def test_products_in_flight_are_lost_when_busy_falls() -> None:
    dut = Lane(rows=1, accumulator_bits=32)

    async def testbench(ctx) -> None:
        ctx.set(dut.busy, 1)
        ctx.set(dut.valid, 1)
        ctx.set(dut.x, 1)
        ctx.set(dut.w, 1)
        await ctx.tick().repeat(10)
        ctx.set(dut.busy, 0)
        ctx.set(dut.valid, 0)
        before = await read(ctx, dut, 0)
        ctx.set(dut.busy, 1)
        await ctx.tick().repeat(5)
        ctx.set(dut.busy, 0)
        assert await read(ctx, dut, 0) == before == [8]

    simulate(dut, testbench, timeout=CYCLES)


def changes(vcd, names: set[str], after: int) -> int:
    """Value changes of the named signals later than `after` femtoseconds."""
    codes, time, found, started = set(), 0, 0, False
    for line in vcd.read_text().splitlines():
        words = line.split()
        if line.startswith("$var") and words[4] in names:
            codes.add(words[3])
        elif line.startswith("$enddefinitions"):
            started = True
        elif line.startswith("#"):
            time = int(line[1:])
        elif started and time > after and words and not line.startswith("$"):
            found += (words[1] if line.startswith("b") else line[1:]) in codes
    assert len(codes) == len(names)
    return found


@pytest.mark.parametrize("zero", ["x", "w"])
def test_zero_operands_hold_multiplier_and_accumulator_still(tmp_path, zero) -> None:
    rng = np.random.default_rng(2)
    dut = Lane(rows=4, accumulator_bits=32)

    async def testbench(ctx) -> None:
        ctx.set(dut.busy, 1)
        for phase in range(2):
            places = [
                (1, int(rng.integers(4)), int(rng.integers(1, 99)), int(rng.integers(1, 99)))
                for _ in range(20)
            ]
            if phase:
                places = [(1, r, x * (zero != "x"), w * (zero != "w")) for _, r, x, w in places]
            await accumulate(ctx, dut, places)

    vcd = tmp_path / "lane.vcd"
    simulate(dut, testbench, timeout=CYCLES, vcd=vcd)
    operands = {"operand_x", "operand_w", "operand_row"}
    held = {*operands, "product", "product_row", "accumulator", "total", "previous"}
    microsecond = 1_000_000_000
    assert changes(vcd, held, 24 * microsecond) == 0
    assert changes(vcd, held, 10 * microsecond) > 20
