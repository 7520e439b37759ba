"""Run testbenches on a circuit, with a limit of cycles and a waveform on request."""

import inspect
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from amaranth.sim import Simulator

__all__ = ["CLOCK_PERIOD", "Testbench", "Workbench", "simulate"]

CLOCK_PERIOD = 1e-6
"""Seconds of simulated time; it has no meaning."""
Testbench = Callable[[Any], Coroutine[Any, Any, None]]


def simulate(
    dut: Any,
    *testbenches: Testbench,
    timeout: int,
    background: Sequence[Testbench] = (),
    vcd: str | Path | None = None,
) -> None:
    """Simulate `dut`, an Elaboratable or Fragment, from power-up, with a clock for domain `sync`.

    Ends when every testbench has returned; those in `background` may run for ever. They are called
    in the order given, background ones first, after every clock edge. TimeoutError after `timeout`
    cycles says which testbenches wait, and where. A circuit without registers needs no domain.
    `vcd` names a waveform file to write.
    """
    running: dict[int, Coroutine[Any, Any, None]] = {}

    def followed(number: int, testbench: Testbench) -> Testbench:
        async def run(ctx: Any) -> None:
            running[number] = testbench(ctx)
            await running[number]
            del running[number]

        return run

    async def limit(ctx: Any) -> None:
        await ctx.delay(timeout * CLOCK_PERIOD)
        waiting = ", ".join(_where(coroutine) for coroutine in running.values())
        raise TimeoutError(f"the testbenches did not end in {timeout} cycles; at work: {waiting}")

    simulator = Simulator(dut)
    simulator.add_clock(CLOCK_PERIOD, if_exists=True)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    for number, testbench in enumerate(testbenches):
        simulator.add_testbench(followed(number, testbench))
    simulator.add_testbench(limit, background=True)
    with nullcontext() if vcd is None else simulator.write_vcd(str(vcd)):
        simulator.run()


class Workbench:
    """A circuit that is built once and runs one job after another, not reset between them.

    A job is a testbench; those in `background` run beside all jobs. After an exception the circuit
    is of no more use.
    """

    def __init__(self, dut: Any, *, background: Sequence[Testbench] = ()) -> None:
        self._job: Testbench | None = None
        self._running: Coroutine[Any, Any, None] | None = None
        self._simulator = Simulator(dut)
        self._simulator.add_clock(CLOCK_PERIOD)
        for testbench in (self._testbench, *background):
            self._simulator.add_testbench(testbench, background=True)

    async def _testbench(self, ctx: Any) -> None:
        while True:
            if self._job is not None:
                self._running = self._job(ctx)
                await self._running
                self._job = None
            await ctx.tick()

    def run(self, job: Testbench, *, timeout: int = 1_000_000) -> None:
        """Run a job to its end; TimeoutError after `timeout` cycles says where it waits."""
        self._job = job
        for _ in range(2 * timeout):  # both edges of the clock
            self._simulator.advance()
            if self._job is None:
                return
        waiting = _where(self._running)
        raise TimeoutError(f"the job did not end in {timeout} cycles; at work: {waiting}")


def _where(coroutine: Any) -> str:
    """A testbench's name and the line where it waits, in the innermost function that is ours."""
    inner = coroutine
    while inspect.iscoroutine(inner.cr_await) and not _is_amaranth(inner.cr_await):
        inner = inner.cr_await
    frame = inner.cr_frame
    return f"{coroutine.__name__} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})"


def _is_amaranth(coroutine: Any) -> bool:
    return str(coroutine.cr_frame.f_globals["__name__"]).startswith("amaranth.")
