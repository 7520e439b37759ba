"""Flash reader: its words are the flash's under any stalls, its times are those it says."""

import random
from itertools import pairwise

import pytest

from sordino.rtl.boot.flash import FAST_READ, FAST_READ_QUAD, WAKE_CYCLES, FlashSource, read_cycles
from sordino.stimuli.flash import SpiFlash
from sordino.stimuli.simulate import simulate
from sordino.stimuli.stalls import STALLS
from sordino.stimuli.streams import put, receive

CONTENTS = random.Random(5).randbytes(4096)
WAKE_LIMIT = WAKE_CYCLES + 100


def words_at(address, count):
    """What a read gives; behind the contents are ones."""
    part = CONTENTS[address : address + 4 * count].ljust(4 * count, b"\xff")
    return [int.from_bytes(part[4 * n : 4 * n + 4], "little") for n in range(count)]


@pytest.mark.parametrize("lines", [1, 4])
@pytest.mark.parametrize("kind", STALLS)
def test_every_word_comes_once_in_order(lines, kind):
    source, flash = FlashSource(lines=lines), SpiFlash(CONTENTS)
    stall, generator = STALLS[kind](lines), random.Random(lines)
    reads = [(4 * generator.randrange(1025), generator.randint(1, 6)) for _ in range(8)]
    expected = [word for read in reads for word in words_at(*read)]
    got = []

    async def serve(ctx):
        await flash.serve(ctx, source.spi)

    async def take(ctx):
        await receive(ctx, source.source.words, got.append, stall)

    async def testbench(ctx):
        for address, words in reads:
            for _ in range(stall()):
                await ctx.tick()
            await put(
                ctx, source.source.command, {"address": address, "words": words},
                patience=WAKE_LIMIT,
            )  # fmt: skip
        while len(got) < len(expected):
            await ctx.tick()

    limit = WAKE_LIMIT + sum(read_cycles(words, lines) + 20 * words + 20 for _, words in reads)
    simulate(source, testbench, timeout=limit, background=(serve, take))
    assert got == expected
    opcode = FAST_READ if lines == 1 else FAST_READ_QUAD
    whole = [(opcode, address, 4 * words) for address, words in reads]
    assert flash.reads == whole[: len(flash.reads)]
    assert len(flash.reads) >= len(whole) - 1  # the last one's end may not be seen


@pytest.mark.parametrize("lines", [1, 4])
@pytest.mark.parametrize("words", [1, 2, 7])
def test_a_read_takes_as_long_as_it_says(lines, words):
    source, flash, times = FlashSource(lines=lines), SpiFlash(CONTENTS), []

    async def serve(ctx):
        await flash.serve(ctx, source.spi)

    async def testbench(ctx):
        port, cycle = source.source, 0
        ctx.set(port.words.ready, 1)
        ctx.set(port.command.payload, {"address": 0, "words": words})
        ctx.set(port.command.valid, 1)
        while len(times) < 3:
            _, _, taken = await ctx.tick().sample(port.command.ready)
            if taken:
                times.append(cycle)
            cycle += 1

    limit = WAKE_LIMIT + 4 * read_cycles(words, lines)
    simulate(source, testbench, timeout=limit, background=(serve,))
    assert {b - a for a, b in pairwise(times)} == {read_cycles(words, lines)}


def test_four_lines_need_the_bit_that_allows_them():
    """What comes without it is not the contents: a boot image's CRC says so."""
    source, flash, got = FlashSource(lines=4), SpiFlash(CONTENTS, quad=False), []

    async def serve(ctx):
        await flash.serve(ctx, source.spi)

    async def take(ctx):
        await receive(ctx, source.source.words, got.append)

    async def testbench(ctx):
        command = {"address": 0, "words": 3}
        await put(ctx, source.source.command, command, patience=WAKE_LIMIT)
        while len(got) < 3:
            await ctx.tick()

    simulate(source, testbench, timeout=2 * WAKE_LIMIT, background=(serve, take))
    assert got != words_at(0, 3)
