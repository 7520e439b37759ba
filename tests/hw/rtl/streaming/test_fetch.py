"""Read manager: every beat to its ring, in order, only where there is room; CRCs; aborts."""

from dataclasses import replace
from random import Random
from struct import pack
from typing import Any
from zlib import crc32

import pytest
from amaranth.hdl import Cat, Module, Signal

from sordino.arch import Config
from sordino.engines.amaranth.external_memory import ExternalMemory
from sordino.engines.memory_timing import MemoryTiming
from sordino.image.external import DIRECTORY_WORDS
from sordino.isa.registers import LoadTarget
from sordino.rtl.shared.crc import CRC_START, crc_step
from sordino.rtl.shared.ports import PAGE_BITS
from sordino.rtl.streaming.fetch import Refill, StreamReader
from sordino.stimuli.simulate import simulate

CONFIG = Config(
    lanes=4,
    group=2,
    x_fifo=8,
    lane_words=512,
    group_words=512,
    rows_per_lane=4,
    matrices=2,
    stream_bus=64,
    stream_burst=4,
    stream_ring=2,
    stream_outstanding=4,
)
BASE = 7
MATRIX = 1


class Fetcher:
    """Reader and one Refill a stream, as the array has them."""

    def __init__(self, config: Config) -> None:
        self.reader = StreamReader(config)
        self.refills = [Refill(config) for _ in range(config.streams)]

    def build(self) -> Module:
        m = Module()
        m.submodules.reader = self.reader
        m.submodules += self.refills
        lengths = [refill.length & refill.grant.replicate(8) for refill in self.refills]
        total: Any = 0
        for length in lengths:
            total = total | length
        m.d.comb += [
            self.reader.wants.eq(Cat(refill.wants for refill in self.refills)),
            self.reader.length.eq(total),
            self.reader.final.eq(Cat(r.grant & r.final for r in self.refills).any()),
            *(r.grant.eq(self.reader.grant[k]) for k, r in enumerate(self.refills)),
            *(r.clear.eq(self.reader.clear) for r in self.refills),
        ]
        return m


def contents_of(config: Config, words: list[int], seed: int) -> tuple[bytes, list[bytes], bytes]:
    """External memory, what each stream's beats hold, and the directory's words a stream."""
    random, memory, beats, directory = Random(seed), b"", [], b""
    for count in words:
        size = -(-16 * count // config.stream_bus) * config.stream_bus // 8
        data = random.randbytes(size)
        burst = len(memory) // config.burst_bytes
        memory += data + bytes(-len(data) % config.burst_bytes)
        beats.append(data)
        directory += pack("<IIII", burst, count, crc32(data), 1)
    return memory, beats, directory


class Session:
    """Loads a directory and reads one matrix; rings free bursts at random."""

    def __init__(self, config: Config, words: list[int], timing: MemoryTiming, seed: int) -> None:
        self.config, self.words = config, words
        self.memory, self.data, self.directory = contents_of(config, words, seed)
        self.external = ExternalMemory(self.memory, base=BASE << PAGE_BITS, timing=timing)
        self.fetcher = Fetcher(config)
        self.random = Random(seed)
        self.got = [b""] * len(words)
        self.freed = [0] * len(words)

    async def load(self, ctx: Any) -> None:
        reader = self.fetcher.reader
        ctx.set(reader.base, BASE)
        ctx.set(reader.matrix, MATRIX)
        ctx.set(reader.load.valid, 1)
        for stream in range(len(self.words)):
            for word in range(DIRECTORY_WORDS):
                at = 4 * (DIRECTORY_WORDS * stream + word)
                payload = {
                    "target": LoadTarget.EXTERNAL_DIRECTORY,
                    "unit": stream,
                    "address": DIRECTORY_WORDS * MATRIX + word,
                    "data": int.from_bytes(self.directory[at : at + 4], "little"),
                }
                ctx.set(reader.load.payload, payload)
                await ctx.tick()
        ctx.set(reader.load.valid, 0)

    async def begin(self, ctx: Any) -> None:
        reader, refills = self.fetcher.reader, self.fetcher.refills
        ctx.set(reader.clear, 1)
        await ctx.tick()
        ctx.set(reader.clear, 0)
        for refill, words in zip(refills, self.words, strict=True):
            ctx.set(refill.start, 1)
            ctx.set(refill.words, words)
        await ctx.tick()
        for refill in refills:
            ctx.set(refill.start, 0)
        self.got = [b""] * len(self.words)
        self.freed = [0] * len(self.words)

    async def follow(self, ctx: Any, cycles: int) -> None:
        """Take beats; give a burst's room back now and then."""
        reader, refills = self.fetcher.reader, self.fetcher.refills
        size = self.config.stream_bus // 8
        for _ in range(cycles):
            beat = ctx.get(reader.beat)
            if beat.valid:
                self.got[beat.stream] += int(beat.data).to_bytes(size, "little")
            for number, refill in enumerate(refills):
                bursts = len(self.got[number]) / self.config.burst_bytes
                held = bursts - self.freed[number]
                assert held <= self.config.stream_ring, "a ring overflows"
                frees = held >= 1 and self.random.random() < 0.1
                self.freed[number] += frees
                ctx.set(refill.freed, frees)
            await ctx.tick()

    def run(self, job: Any) -> None:
        async def serve(ctx: Any) -> None:
            await self.external.serve(ctx, self.fetcher.reader.axi)

        simulate(self.fetcher.build(), job, timeout=20_000, background=(serve,))


LENGTHS = [70, 0, 1, 33, 16, 120]


@pytest.mark.parametrize(
    ("bus", "timing"),
    [
        (64, MemoryTiming(latency=2)),
        (128, MemoryTiming(latency=20, jitter=30, seed=4)),
        (512, MemoryTiming(latency=9, rate=100)),
    ],
)
def test_all_beats_in_order(bus: int, timing: MemoryTiming) -> None:
    config = replace(CONFIG, stream_bus=bus)
    session = Session(config, LENGTHS, timing, bus)

    async def job(ctx: Any) -> None:
        await session.load(ctx)
        await session.begin(ctx)
        await session.follow(ctx, 500)
        assert session.got == session.data
        assert not ctx.get(session.fetcher.reader.busy)
        assert not ctx.get(session.fetcher.reader.corrupt)

    session.run(job)
    assert session.external.beats == sum(map(len, session.data)) * 8 // bus


def test_streams_take_turns() -> None:
    session = Session(CONFIG, [64] * 6, MemoryTiming(latency=2), 1)

    async def job(ctx: Any) -> None:
        await session.load(ctx)
        await session.begin(ctx)
        await session.follow(ctx, 60)

    session.run(job)
    first = [(at - (BASE << PAGE_BITS)) // CONFIG.burst_bytes for at, _ in session.external.asked]
    assert first[:6] == [4 * stream for stream in range(6)]
    assert first[6:12] == [4 * stream + 1 for stream in range(6)]


def test_damage_is_seen_at_the_last_beat() -> None:
    session = Session(CONFIG, [40, 0, 0, 0, 0, 40], MemoryTiming(latency=2), 2)
    damaged = bytearray(session.memory)
    damaged[3] ^= 1
    session.external.contents = bytes(damaged)

    async def job(ctx: Any) -> None:
        await session.load(ctx)
        await session.begin(ctx)
        await session.follow(ctx, 300)
        assert ctx.get(session.fetcher.reader.corrupt)

    session.run(job)


def test_memory_that_answers_with_an_error() -> None:
    session = Session(CONFIG, [40, 0, 0, 0, 0, 0], MemoryTiming(latency=2), 2)
    session.external.contents = session.memory[:8]

    async def job(ctx: Any) -> None:
        await session.load(ctx)
        await session.begin(ctx)
        await session.follow(ctx, 300)
        assert ctx.get(session.fetcher.reader.corrupt)

    session.run(job)


def test_what_was_on_its_way_is_dropped() -> None:
    """A matrix that is begun anew in any moment gets its own beats alone."""
    session = Session(CONFIG, LENGTHS, MemoryTiming(latency=25), 3)

    async def job(ctx: Any) -> None:
        await session.load(ctx)
        for cycles in (1, 2, 3, 4, 27, 30, 31, 55):
            await session.begin(ctx)
            await session.follow(ctx, cycles)
        await session.begin(ctx)
        await session.follow(ctx, 600)
        assert session.got == session.data
        assert not ctx.get(session.fetcher.reader.corrupt)

    session.run(job)


@pytest.mark.parametrize("width", [32, 64, 128, 512])
def test_crc_is_that_of_zlib(width: int) -> None:
    state, bits, after = Signal(32), Signal(width), Signal(32)
    m = Module()
    m.d.comb += after.eq(crc_step(state, bits))
    data = Random(width).randbytes(4 * width // 8)

    async def bench(ctx: Any) -> None:
        now = CRC_START
        for at in range(0, len(data), width // 8):
            ctx.set(state, now)
            ctx.set(bits, int.from_bytes(data[at : at + width // 8], "little"))
            now = ctx.get(after)
            assert now ^ CRC_START == crc32(data[: at + width // 8])

    simulate(m, bench, timeout=1)
