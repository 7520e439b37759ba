"""A source as external memory: bursts under random stalls, what is outside, and a whole machine."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from sordino.rtl.boot.flash import WAKE_CYCLES, FlashSource, read_cycles
from sordino.rtl.boot.memory import SourceMemory
from sordino.rtl.boot.rom import RomSource
from sordino.stimuli.flash import SpiFlash
from sordino.stimuli.simulate import simulate
from sordino.stimuli.stalls import STALLS
from sordino.testing.images.streaming import STREAMING

SIZE = 4096
CONTENTS = random.Random(6).randbytes(SIZE)


class Bench(wiring.Elaboratable):
    """The memory before a flash or a ROM."""

    def __init__(self, config, lines):
        self.memory = SourceMemory(config, size=SIZE)
        words = [int.from_bytes(CONTENTS[at : at + 4], "little") for at in range(0, SIZE, 4)]
        self.source = FlashSource(lines=lines) if lines else RomSource(words)
        self.flash = SpiFlash(CONTENTS) if lines else None

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = self.memory
        m.submodules.source = self.source
        wiring.connect(m, self.memory.source, self.source.source)
        return m

    async def serve(self, ctx):
        if self.flash is not None:
            await self.flash.serve(ctx, self.source.spi)


def expected_beats(address, beats, size):
    """Data and response of each beat; a burst that leaves the memory is all errors."""
    inside = address + size * beats <= SIZE
    for at in range(address, address + size * beats, size):
        word = int.from_bytes(CONTENTS[at : at + size], "little") if inside else 0
        yield word, 0 if inside else 2


@pytest.mark.parametrize("kind", STALLS)
@pytest.mark.parametrize(("lines", "bus"), [(0, 64), (0, 128), (1, 64), (4, 64)])
def test_bursts_come_whole_and_in_order(lines, bus, kind):
    config = STREAMING.with_settings({"stream_bus": bus})
    bench, size = Bench(config, lines), bus // 8
    axi, generator, stall = bench.memory.axi, random.Random(bus), STALLS[kind](2)
    bursts = []
    for _ in range(12):
        beats = generator.randint(1, 8)
        bursts.append((size * generator.randrange(SIZE // size), beats))
    bursts += [(SIZE, 1), (1 << 30, 3), (SIZE - size, 2), (SIZE - size, 1)]
    expected = [
        (*beat, place == beats - 1)
        for address, beats in bursts
        for place, beat in enumerate(expected_beats(address, beats, size))
    ]
    got = []

    async def ask(ctx):
        for address, beats in bursts:
            for _ in range(stall()):
                await ctx.tick()
            ctx.set(axi.araddr, address)
            ctx.set(axi.arlen, beats - 1)
            ctx.set(axi.arvalid, 1)
            taken = False
            while not taken:
                _, _, taken = await ctx.tick().sample(axi.arready)
            ctx.set(axi.arvalid, 0)

    async def take(ctx):
        while len(got) < len(expected):
            for _ in range(stall()):
                await ctx.tick()
            ctx.set(axi.rready, 1)
            valid = False
            while not valid:
                _, _, valid, *beat = await ctx.tick().sample(
                    axi.rvalid, axi.rdata, axi.rresp, axi.rlast
                )
            ctx.set(axi.rready, 0)
            got.append(tuple(beat))

    words = sum(beats for _, beats in bursts) * bus // 32
    limit = WAKE_CYCLES + sum(read_cycles(8, lines or 1) for _ in bursts) + 100 * words
    simulate(bench, ask, take, timeout=limit, background=(bench.serve,))
    assert got == expected
