"""Load window: every word reaches its memory once, CRC-32 equals zlib's, errors are sticky."""

import random
import struct
from dataclasses import replace
from zlib import crc32

import pytest

from sordino.arch import Config
from sordino.isa.registers import LoadTarget
from sordino.rtl.host.loader import Loader, load_words
from sordino.stimuli.simulate import simulate

CONFIG = Config(
    lanes=8,
    group=4,
    x_fifo=16,
    state_bits=5,
    lane_words=101,  # odd: the last half word has no place
    group_words=37,
    rows_per_lane=8,
    parameter_words=12,
    program_words=16,
    tables=3,
    matrices=5,
)
STREAMING = replace(
    CONFIG, stream_bus=64, stream_burst=4, stream_ring=2, lane_words=40, group_words=40
)
"""Only such machines have an EXTERNAL_DIRECTORY."""
STREAMS = (LoadTarget.POSITIONS, LoadTarget.VALUES)


def run(loader, testbench):
    """Run `testbench` and 4 cycles more; returns the writes (target, unit, address, data)."""
    writes = []

    async def monitor(ctx):
        load = loader.load
        async for _, _, valid, p in ctx.tick().sample(load.valid, load.payload):
            if valid:
                writes.append((LoadTarget(p.target), p.unit, p.address, p.data))

    async def finish(ctx):
        await testbench(ctx)
        for _ in range(4):
            await ctx.tick()

    simulate(loader, finish, timeout=5_000, background=(monitor,))
    return writes


async def pulse(ctx, loader, signal, settings=()):
    """One cycle of the signal, as soon as the loader is idle."""
    while not ctx.get(loader.idle):
        await ctx.tick()
    for target, value in settings:
        ctx.set(target, value)
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


async def load_program(ctx, loader):
    """A word of a program, checked."""
    await restart(ctx, loader, LoadTarget.PROGRAM, 0, 0)
    await write(ctx, loader, 9)
    await pulse(ctx, loader, loader.check, [(loader.data, crc32(struct.pack("<I", 9)))])
    assert ctx.get(loader.loaded)


async def restart(ctx, loader, target, unit, address):
    ctx.set(loader.target, target)
    ctx.set(loader.unit, unit)
    await pulse(ctx, loader, loader.restart, [(loader.restart_address, address)])


async def write(ctx, loader, word):
    """One word as soon as the loader is idle; returns the cycles waited."""
    waited = 0
    while not ctx.get(loader.idle):
        await ctx.tick()
        waited += 1
    await pulse(ctx, loader, loader.write, [(loader.data, word)])
    return waited


def expected_writes(target, unit, address, words):
    """What the machine's memories must see."""
    if target not in STREAMS:
        return [(target, unit, address + k, word) for k, word in enumerate(words)]
    depth = CONFIG.group_words if target is LoadTarget.POSITIONS else CONFIG.lane_words
    halves = [
        (target, unit, 2 * (address + k) + half, word >> 16 * half & 0xFFFF)
        for k, word in enumerate(words)
        for half in range(2)
    ]
    return [write for write in halves if write[2] < depth]


@pytest.mark.parametrize("gap", [0, 3, "random"])
@pytest.mark.parametrize("target", list(LoadTarget))
def test_words_and_crc(target, gap):
    generator = random.Random(f"{target} {gap}")
    config = STREAMING if target is LoadTarget.EXTERNAL_DIRECTORY else CONFIG
    loader = Loader(config)
    units, size = load_words(config, target)
    unit = generator.randrange(units)
    address = generator.randrange(max(1, size - 20))
    words = [generator.getrandbits(32) for _ in range(size - address)]  # up to the very end
    waits = []

    async def testbench(ctx):
        await restart(ctx, loader, target, unit, address)
        for word in words:
            assert not ctx.get(loader.outside)
            waits.append(await write(ctx, loader, word))
            idle = generator.randrange(4) if gap == "random" else gap
            for _ in range(idle):
                await ctx.tick()
        assert ctx.get(loader.address) == address + len(words) == size
        await ctx.tick()
        assert ctx.get(loader.outside)
        assert ctx.get(loader.unchecked)
        checksum = crc32(struct.pack(f"<{len(words)}I", *words))
        await pulse(ctx, loader, loader.check, [(loader.data, checksum)])
        assert not ctx.get(loader.unchecked)
        assert not ctx.get(loader.failed)

    assert run(loader, testbench) == expected_writes(target, unit, address, words)
    if gap == 0:  # one word every two cycles
        assert waits[1:] == [1] * (len(words) - 1)


@pytest.mark.parametrize("bit", [0, 7, 15, 16, 31])
@pytest.mark.parametrize("place", [0, 4])
def test_any_flipped_bit_fails_and_stays_failed(place, bit):
    loader = Loader(CONFIG)
    words = [3, 1 << 31, 0, 0xFFFF_FFFF, 7]
    checksum = crc32(struct.pack("<5I", *words))
    words[place] ^= 1 << bit

    async def testbench(ctx):
        await restart(ctx, loader, LoadTarget.PROGRAM, 0, 0)
        for word in words:
            await write(ctx, loader, word)
        await pulse(ctx, loader, loader.check, [(loader.data, checksum)])
        assert ctx.get(loader.failed)
        # A section that is right does not make up for it; CLEAR does.
        await restart(ctx, loader, LoadTarget.PROGRAM, 0, 0)
        await write(ctx, loader, 5)
        await pulse(ctx, loader, loader.check, [(loader.data, crc32(struct.pack("<I", 5)))])
        assert ctx.get(loader.failed)
        await pulse(ctx, loader, loader.clear)
        assert not ctx.get(loader.failed)

    run(loader, testbench)


def test_crc_goes_on_until_the_next_restart():
    loader = Loader(CONFIG)

    async def testbench(ctx):
        await restart(ctx, loader, LoadTarget.PROGRAM, 0, 8)
        await pulse(ctx, loader, loader.check, [(loader.data, crc32(b""))])
        await write(ctx, loader, 0x01020304)
        await pulse(ctx, loader, loader.check, [(loader.data, crc32(b"\4\3\2\1"))])
        await write(ctx, loader, 0x05060708)
        await pulse(ctx, loader, loader.check, [(loader.data, crc32(b"\4\3\2\1\x08\7\6\5"))])
        assert not ctx.get(loader.failed)

    writes = run(loader, testbench)
    assert [address for _, _, address, _ in writes] == [8, 9]


@pytest.mark.parametrize("event", ["restart", "require", "clear"])
def test_unchecked_words(event):
    loader = Loader(CONFIG)

    async def testbench(ctx):
        await load_program(ctx, loader)
        await restart(ctx, loader, LoadTarget.PARAMETERS, 0, 0)
        await pulse(ctx, loader, loader.require)
        assert not ctx.get(loader.failed), "nothing was written"
        await write(ctx, loader, 1)
        assert ctx.get(loader.unchecked)
        await pulse(ctx, loader, getattr(loader, event))
        assert ctx.get(loader.failed) == (event != "clear")
        assert ctx.get(loader.unchecked) == (event == "require")
        # What was given up may have damaged what was checked before.
        assert ctx.get(loader.loaded) == (event == "require")

    run(loader, testbench)


@pytest.mark.parametrize("target", list(LoadTarget)[:-1])
def test_loaded_is_a_checked_program(target):
    loader = Loader(CONFIG)

    async def section(ctx, target, wrong=0):
        await restart(ctx, loader, target, 0, 0)
        await write(ctx, loader, 3)
        # What target the check finds does not matter, what the words went to does.
        ctx.set(loader.target, LoadTarget.PROGRAM if target is not LoadTarget.PROGRAM else 1)
        await pulse(ctx, loader, loader.check, [(loader.data, crc32(struct.pack("<I", 3)) ^ wrong)])

    async def testbench(ctx):
        for empty in (0, 1):  # the CRC-32 of nothing, and another
            await pulse(ctx, loader, loader.check, [(loader.data, empty)])
            assert not ctx.get(loader.loaded)
        await pulse(ctx, loader, loader.clear)
        await pulse(ctx, loader, loader.require)
        assert ctx.get(loader.failed)
        await pulse(ctx, loader, loader.clear)
        await section(ctx, target)
        assert ctx.get(loader.loaded) == (target is LoadTarget.PROGRAM)
        await section(ctx, LoadTarget.PROGRAM)
        await section(ctx, target)
        await pulse(ctx, loader, loader.clear)
        assert ctx.get(loader.loaded), "a part was checked"
        await section(ctx, target, wrong=1 << 7)
        await pulse(ctx, loader, loader.clear)
        assert not ctx.get(loader.loaded), "a part is wrong"
        await pulse(ctx, loader, loader.require)
        assert ctx.get(loader.failed)

    run(loader, testbench)


def test_units_and_words_outside_are_named():
    loader = Loader(CONFIG)

    async def testbench(ctx):
        for target in list(LoadTarget)[:-1]:
            units, words = load_words(CONFIG, target)
            for unit, address, outside in (
                (0, 0, False),
                (units - 1, words - 1, False),
                (units, 0, True),
                (0, words, True),
                (0xFFFF, 0, True),
                (0, (1 << 26) - 1, True),
            ):
                await restart(ctx, loader, target, unit, address)
                await ctx.tick()
                assert ctx.get(loader.outside) == outside, (target, unit, address)
        ctx.set(loader.target.as_value(), 7)
        ctx.set(loader.unit, 0)
        await pulse(ctx, loader, loader.restart, [(loader.restart_address, 0)])
        await ctx.tick()
        assert ctx.get(loader.outside), "target 7 means nothing here"

    run(loader, testbench)
