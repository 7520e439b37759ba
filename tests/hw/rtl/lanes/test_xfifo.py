# amaranth: UnusedElaboratable=no
"""XFifo against a list: any offsets, any delays, never more columns than fit."""

import numpy as np
import pytest

from sordino.arch import MAX_WRAPS
from sordino.rtl.lanes.xfifo import XFifo
from sordino.stimuli.simulate import simulate


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("send", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("read", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("delay", [1, 2, 5])
def test_reads_what_was_sent(depth, send, read, delay) -> None:
    rng = np.random.default_rng([depth, int(10 * send), int(10 * read), delay])
    columns = rng.integers(-128, 128, 120).tolist()
    steps = rng.choice([0, 1, 2, MAX_WRAPS], 60).tolist()
    places = np.cumsum(steps)
    steps = [step for step, place in zip(steps, places, strict=True) if place < len(columns)]
    dut = XFifo(depth=depth)

    async def testbench(ctx) -> None:
        reserved, written, present, done = 0, 0, 0, 0
        underway: list[int] = []
        cycle = 0
        while done < len(steps):
            reserve = ctx.get(dut.ready) and reserved < len(columns) and rng.random() < send
            ctx.set(dut.reserve, int(reserve))
            write = bool(underway) and underway[0] <= cycle
            ctx.set(dut.write, int(write))
            ctx.set(dut.x, columns[written] if write else 0)
            ctx.set(dut.offset, steps[done])
            wanted = present + steps[done]
            assert ctx.get(dut.available) == (written > wanted)
            advance = ctx.get(dut.available) and rng.random() < read
            ctx.set(dut.advance, int(advance))
            if advance:
                assert ctx.get(dut.value) == columns[wanted]
            await ctx.tick()
            if reserve:
                reserved += 1
                underway.append(cycle + delay)
            if write:
                written += 1
                underway.pop(0)
            if advance:
                present, done = wanted, done + 1
            assert reserved - present <= depth
            cycle += 1

    simulate(dut, testbench, timeout=5_000)


def test_fills_to_the_last_place_and_clear_empties() -> None:
    dut = XFifo(depth=8)

    async def testbench(ctx) -> None:
        await ctx.tick()
        for round_ in range(2):
            ctx.set(dut.reserve, 1)
            ctx.set(dut.write, 1)
            for column in range(8):
                assert ctx.get(dut.ready)
                ctx.set(dut.x, column + round_)
                await ctx.tick()
            assert not ctx.get(dut.ready)
            ctx.set(dut.reserve, 0)
            ctx.set(dut.write, 0)
            ctx.set(dut.offset, 7)
            assert ctx.get(dut.available)
            assert ctx.get(dut.value) == 7 + round_
            ctx.set(dut.clear, 1)
            ctx.set(dut.write, 1)
            await ctx.tick().repeat(2)
            assert ctx.get(dut.ready)
            ctx.set(dut.clear, 0)
            for offset in range(8):
                ctx.set(dut.offset, offset)
                assert not ctx.get(dut.available)

    simulate(dut, testbench, timeout=100)


@pytest.mark.parametrize("depth", [4, 12])
def test_refuses_other_depths(depth) -> None:
    with pytest.raises(ValueError, match=f"a power of two above 7, got {depth}"):
        XFifo(depth=depth)
