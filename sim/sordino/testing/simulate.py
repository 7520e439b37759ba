"""Run testbenches on a circuit, with a limit of cycles and a waveform on request."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from amaranth.sim import Simulator

__all__ = ["CLOCK_PERIOD", "Testbench", "simulate"]

CLOCK_PERIOD = 1e-6
"""Seconds of simulated time; it has no meaning."""
Testbench = Callable[[Any], Awaitable[None]]


def simulate(
    dut: Any,
    *testbenches: Testbench,
    timeout: int,
    background: Sequence[Testbench] = (),
    vcd: str | Path | None = None,
) -> None:
    """Simulate `dut`, an Elaboratable or Fragment with the domain `sync`, from power-up.

    Ends when every testbench has returned; those in `background` may run for ever. They are called
    in the order given, background ones first, after every clock edge. TimeoutError after `timeout`
    cycles. `vcd` names a waveform file to write.
    """

    async def limit(ctx: Any) -> None:
        await ctx.delay(timeout * CLOCK_PERIOD)
        raise TimeoutError(f"the testbenches did not end in {timeout} cycles")

    simulator = Simulator(dut)
    simulator.add_clock(CLOCK_PERIOD)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    simulator.add_testbench(limit, background=True)
    with nullcontext() if vcd is None else simulator.write_vcd(str(vcd)):
        simulator.run()
