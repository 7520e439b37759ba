"""`simulate` and `Workbench`: they end with their testbenches; a hang says who waits where."""

from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module, Signal

from sordino.stimuli.simulate import Workbench, simulate


async def later(ctx: Any, cycles: int) -> None:
    for _ in range(cycles):
        await ctx.tick()


def counter() -> tuple[Module, Signal]:
    m, count = Module(), Signal(8)
    m.d.sync += count.eq(count + 1)
    return m, count


def test_it_ends_when_all_testbenches_have_ended() -> None:
    m, count = counter()
    seen = []

    async def short(ctx: Any) -> None:
        await ctx.tick().repeat(3)

    async def long(ctx: Any) -> None:
        await ctx.tick().repeat(9)
        seen.append(ctx.get(count))

    async def endless(ctx: Any) -> None:
        await later(ctx, 200)
        seen.append(200)

    simulate(m, short, long, timeout=20, background=(endless,))
    assert seen == [9]


def test_a_hang_says_who_waits_and_where() -> None:
    m, _ = counter()

    async def short(ctx: Any) -> None:
        await ctx.tick().repeat(3)

    async def patient(ctx: Any) -> None:
        await later(ctx, 200)

    async def endless(ctx: Any) -> None:
        await later(ctx, 200)

    line = later.__code__.co_firstlineno + 2
    with pytest.raises(TimeoutError) as caught:
        simulate(m, short, patient, timeout=20, background=(endless,))
    assert str(caught.value) == (
        f"the testbenches did not end in 20 cycles; at work: patient (test_simulate.py:{line})"
    )


def test_a_waveform_is_written_on_request(tmp_path: Path) -> None:
    m, _ = counter()

    async def testbench(ctx: Any) -> None:
        await ctx.tick().repeat(0xA5)

    simulate(m, testbench, timeout=200, vcd=tmp_path / "counter.vcd")
    assert "b10100101" in (tmp_path / "counter.vcd").read_text()


def test_a_circuit_without_a_clock_is_simulated() -> None:
    m, value, double = Module(), Signal(4), Signal(5)
    m.d.comb += double.eq(2 * value)

    async def testbench(ctx: Any) -> None:
        for number in range(16):
            ctx.set(value, number)
            assert ctx.get(double) == 2 * number

    simulate(m, testbench, timeout=1)


def test_a_workbench_keeps_its_circuit_from_job_to_job() -> None:
    m, count = counter()
    bench, beside = Workbench(m, background=()), []

    async def job(ctx: Any) -> None:
        beside.append(ctx.get(count))
        await later(ctx, 7)

    bench.run(job)
    bench.run(job, timeout=8)
    assert beside == [0, 8], "a cycle lies between two jobs"


def test_a_job_that_hangs_says_where() -> None:
    async def job(ctx: Any) -> None:
        await later(ctx, 200)

    line = later.__code__.co_firstlineno + 2
    with pytest.raises(TimeoutError) as caught:
        Workbench(counter()[0]).run(job, timeout=9)
    assert str(caught.value) == (
        f"the job did not end in 9 cycles; at work: job (test_simulate.py:{line})"
    )
