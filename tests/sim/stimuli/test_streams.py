"""Stream helpers against a register between two streams."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.stimuli.simulate import simulate
from sordino.stimuli.stalls import STALLS, pattern
from sordino.stimuli.streams import get, put, receive, send


class Buffer(wiring.Component):
    """One register; takes a payload when it is empty or being emptied."""

    def __init__(self):
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.eq(self.i.payload)]
        return m


@pytest.mark.parametrize("sink", STALLS)
@pytest.mark.parametrize("source", STALLS)
def test_every_payload_arrives_once_in_order(source, sink):
    dut, sent, got = Buffer(), list(range(100)), []
    held = []

    async def watch(ctx):
        """A side that has raised valid holds it and its payload until the transfer."""
        before = None
        async for _, _, valid, ready, payload in ctx.tick().sample(
            dut.i.valid, dut.i.ready, dut.i.payload
        ):
            if before is not None:
                held.append(valid and payload == before)
            before = payload if valid and not ready else None

    async def drive(ctx):
        await send(ctx, dut.i, sent, STALLS[source](0))
        while len(got) < len(sent):
            await ctx.tick()

    async def take(ctx):
        await receive(ctx, dut.o, got.append, STALLS[sink](1))

    simulate(dut, drive, timeout=2000, background=(watch, take))
    assert got == sent
    assert all(held)
    assert held or sink == "none"


def test_put_and_get_take_one_cycle_when_the_other_side_is_there():
    dut, cycles = Buffer(), []

    async def count(ctx):
        now = 0
        async for _ in ctx.tick():
            now += 1
            cycles[:] = [now]

    async def drive(ctx):
        await put(ctx, dut.i, 5)
        assert cycles == [1]
        assert await get(ctx, dut.o) == 5
        assert cycles == [2]
        assert (ctx.get(dut.i.valid), ctx.get(dut.o.ready)) == (0, 0)

    simulate(dut, drive, timeout=20, background=(count,))


def test_stalls_are_cycles_between_transfers():
    dut, cycles = Buffer(), []

    async def watch(ctx):
        now = 0
        async for _, _, valid in ctx.tick().sample(dut.i.valid):
            if valid:
                cycles.append(now)
            now += 1

    async def drive(ctx):
        ctx.set(dut.o.ready, 1)
        await send(ctx, dut.i, [1, 2, 3], pattern(2, 0))

    simulate(dut, drive, timeout=20, background=(watch,))
    assert cycles == [2, 3, 6]


def test_patience():
    dut = Buffer()

    async def starve(ctx):
        with pytest.raises(TimeoutError, match=r"^nothing came in 7 cycles$"):
            await get(ctx, dut.o, patience=7)
        await put(ctx, dut.i, 1)
        with pytest.raises(TimeoutError, match=r"^nothing took 2 in 9 cycles$"):
            await put(ctx, dut.i, 2, patience=9)

    simulate(dut, starve, timeout=40)
