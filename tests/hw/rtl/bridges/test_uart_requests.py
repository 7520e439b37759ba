"""How many cycles a request waits in the bridge, after its frame is whole."""

import pytest
from amaranth.hdl import Const

from sordino.frames.format import OVERHEAD_WORDS, Command, Request
from sordino.rtl.bridges.uart_requests import Requests
from sordino.stimuli.simulate import simulate

FIRST = {Command.READ: 6, Command.WRITE: 5}
"""Cycles from the one in which the frame is whole to the first access, as the docstring says."""


@pytest.mark.parametrize("command", FIRST)
def test_first_access(command: Command) -> None:
    dut, waited = Requests(address_width=10), []

    async def send(ctx, *words) -> None:
        ctx.set(dut.store, 1)
        for place, word in enumerate(words):
            ctx.set(dut.place, place)
            ctx.set(dut.word, word)
            await ctx.tick()
        ctx.set(dut.store, 0)
        ctx.set(dut.place, len(words) + OVERHEAD_WORDS - 1)
        ctx.set(dut.whole, 1)
        await ctx.tick()
        ctx.set(dut.whole, 0)

    async def testbench(ctx) -> None:
        ctx.set(dut.answers.ready, 1)
        common = {"strobe": 15, "address": 8}
        for sequence, kind in enumerate((Command.SYNC, command)):
            header = Request.const({"sequence": sequence, "command": kind, **common})
            await send(ctx, Const.cast(header).value, 1)
            if sequence == 0:
                await ctx.tick().repeat(20)
        for cycle in range(20):
            if ctx.get(dut.bus.read_valid) or ctx.get(dut.bus.write_valid):
                waited.append(cycle)
                break
            await ctx.tick()

    simulate(dut, testbench, timeout=200)
    assert waited == [FIRST[command]]
