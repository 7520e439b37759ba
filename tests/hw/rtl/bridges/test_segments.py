"""Segments of the whole machine, over every bus, beside a program that runs all the time."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Fragment

from sordino.arch import PRESETS
from sordino.driver import AsyncHost, Refused
from sordino.engines.amaranth.external_memory import ExternalMemory
from sordino.engines.amaranth.machine import submodule
from sordino.golden.machine import Golden
from sordino.image.external import move_out
from sordino.image.image import Image
from sordino.image.segments.segment import (
    segment_crc,
    segment_of,
    segment_sections,
    with_segment,
    without_segment,
)
from sordino.isa.fields import SEGMENTS
from sordino.isa.operations import Argmax, Emit, Halt, Input, Jump, Loop, Matvec, Set, Table, Use
from sordino.isa.registers import Error, LoadTarget
from sordino.rtl.shared.ports import PAGE_BITS
from sordino.stimuli.bus import SimulatedBus
from sordino.stimuli.simulate import simulate
from sordino.testing.images.programs import ProgramBuilder
from sordino.testing.images.streaming import SMALL, streaming_machine
from tests.hw.image.test_segments import COLUMNS, LANES, ROWS
from tests.hw.image.test_segments import image as two_rooms

CONFIG = PRESETS["tiny"].with_settings({"state_bits": 5})  # small tables: short simulations
FIRST, SECOND = 1, 4
"""Numbers of the segments of the two rooms."""
AT_USE = 8


def program(*, repeats: int, emitted: int) -> tuple[Any, ...]:
    """A token of the image's own matrix, then as many as `emitted` of the first room's."""
    entries = ROWS * LANES // 2

    def network(table: int, matrix: int, parameters: int) -> list[Any]:
        return [
            Table(source=table, runs=1),
            Table(source=table + 1),
            Matvec(matrix=matrix, columns=COLUMNS, rows=ROWS),
            Argmax(rows=ROWS, parameters=parameters, register=1),
        ]

    return (
        Input(count=COLUMNS, end=17),
        Set(register=2, value=repeats),
        *network(0, 0, 0),
        Loop(register=2, target=2),
        Emit(register=1),
        Use(segment=FIRST, otherwise=0),
        *network(2, 1, entries),
        Set(register=3, value=emitted),
        Emit(register=1, channel=1),
        Loop(register=3, target=14),
        Jump(target=0),
        Halt(),
    )


def image(others: tuple[int, int] = (0, 0), *, repeats: int = 1, emitted: int = 1) -> Image:
    return replace(
        two_rooms(others=others, config=CONFIG), program=program(repeats=repeats, emitted=emitted)
    )


def frames(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(-128, 128, (count, COLUMNS)).astype(np.int8)


def tokens_of(image: Image, features: np.ndarray) -> list[int]:
    """Golden's tokens with their channels, as a host reads them."""
    result = Golden(image).run(features)
    return [t | c << 16 for t, c in zip(result.tokens, result.channels, strict=True)]


def run(system: Any, config: Any, testbench: Any) -> None:
    """The testbench with a host of a whole machine."""
    circuit = system.whole(config)
    manager = system.manager(circuit)

    async def job(ctx: Any) -> None:
        host = AsyncHost(SimulatedBus(ctx, manager), patience=20_000)
        await host.reset()
        await testbench(host)

    simulate(circuit, job, timeout=60_000)


class Beside:
    """A host's frames and tokens, one frame after the other."""

    def __init__(self, host: AsyncHost) -> None:
        self.host = host
        self.features = iter(frames(9))

    async def until(self, name: str, value: int) -> None:
        for _ in range(3000):
            if await self.host.read(name) == value:
                return
        raise TimeoutError(f"{name} is {await self.host.read(name)}, wanted {value}")

    async def frame(self, expected: Image) -> None:
        """Feed a frame: its tokens are those of an image."""
        features = next(self.features)
        wanted = tokens_of(expected, features[np.newaxis])
        await self.host.feed(features)
        await self.until("TOKEN_LEVEL", len(wanted))
        await self.until("PC", 0)
        assert await self.host.tokens() == wanted


def test_a_segment_is_used_from_its_check_on(system: Any) -> None:
    """Before it, while it is replaced and after a wrong check all but its part goes on."""
    base, other = image(), image((5, 6))
    empty = without_segment(base, "first")
    changed = with_segment(base, segment_of(other, "first"))
    assert len({tuple(tokens_of(one, frames(9))) for one in (base, changed, empty)}) == 3

    async def testbench(host: AsyncHost) -> None:
        await host.load(empty)
        await host.start()
        beside = Beside(host)
        await beside.frame(empty)
        await host.load_segment(segment_of(base, "first"))
        await beside.frame(base)
        await host.write("SEGMENT", FIRST + 1)
        await beside.frame(empty)
        sections = list(segment_sections(changed, "first"))
        for section in sections:
            await host.write("LOAD_TARGET", section.chosen)
            await host.write("LOAD_ADDRESS", section.address)
            await host.write_many("LOAD_DATA", list(section))
        crc = segment_crc(FIRST, sections)
        with pytest.raises(Refused):
            await host.write("LOAD_CHECK", crc ^ 1)
        await beside.frame(empty)
        await host.write("LOAD_CHECK", crc)
        await beside.frame(changed)
        assert await host.segments() == {"first", "second"}
        await host.end_of_input()
        assert (await host.wait()).error is Error.NONE
        await host.clear()
        assert await host.segments() == {"first", "second"}, "they outlast runs"

    run(system, CONFIG, testbench)


def test_loading_changes_nothing_else_by_a_bit_or_a_cycle(system: Any) -> None:
    """Every counter, the timed ones among them, while both segments come during the run."""
    base, features = image(repeats=9), frames(3)
    empty = without_segment(base, "first")
    found = []

    async def testbench(host: AsyncHost) -> None:
        await host.load(empty)
        for beside in (False, True):
            await host.clear()
            assert await host.feed(features) == features.size
            await host.start()
            await host.end_of_input()
            if beside:
                await host.load_segment(segment_of(base, "second"))
                await host.write("SEGMENT", FIRST + 1)
                for section in segment_sections(base, "first"):
                    await host.write("LOAD_TARGET", section.chosen)
                    await host.write("LOAD_ADDRESS", section.address)
                    await host.write_many("LOAD_DATA", list(section)[:4])
                with pytest.raises(Refused):
                    await host.write("LOAD_CHECK", 0)
                assert (await host.status()).busy, "all of it came while the program ran"
            await host.wait()
            found.append((await host.tokens(), await host.counters()))

    run(system, CONFIG, testbench)
    assert found[0] == found[1]
    assert found[0][0] == tokens_of(empty, features)


@pytest.mark.parametrize("ends", ["input", "abort"])
def test_a_segment_in_use_waits_for_input_or_a_stop(system: Any, ends: str) -> None:
    base = image(emitted=CONFIG.token_fifo + 1)

    async def testbench(host: AsyncHost) -> None:
        await host.load(base)
        await host.start()
        await host.write("SEGMENT", FIRST + 1)
        await host.write("SEGMENT", 0)
        await host.load_segment(segment_of(base, "first"))
        beside = Beside(host)
        await host.feed(next(beside.features))
        await beside.until("TOKEN_LEVEL", CONFIG.token_fifo)
        assert await host.read("PC") > AT_USE
        for _ in range(3):
            with pytest.raises(Refused):
                await host.write("SEGMENT", FIRST + 1)
        assert await host.segments() == {"first", "second"}
        await host.load_segment(segment_of(base, "second"))
        if ends == "input":
            assert len(await host.tokens()) == CONFIG.token_fifo + 2
            await beside.until("PC", 0)
        else:
            await host.abort()
            await host.wait()
            await host.clear()
        await host.write("SEGMENT", FIRST + 1)
        assert await host.segments() == {"second"}

    run(system, CONFIG, testbench)


def test_nothing_of_the_image_is_a_segments(system: Any) -> None:
    """The word before each room's is refused, and so is PROGRAM."""
    base = image()

    async def testbench(host: AsyncHost) -> None:
        await host.load(base)
        await host.start()
        for name, number in (("first", FIRST), ("second", SECOND)):
            await host.write("SEGMENT", number + 1)
            for section in segment_sections(base, name):
                await host.write("LOAD_TARGET", section.chosen)
                await host.write("LOAD_ADDRESS", section.address - 1)
                if name == "first":
                    with pytest.raises(Refused):
                        await host.write("LOAD_DATA", 0)
            await host.write("LOAD_TARGET", LoadTarget.PROGRAM.value)
            for address in (0, 4 * CONFIG.program_words - 1):
                await host.write("LOAD_ADDRESS", address)
                with pytest.raises(Refused):
                    await host.write("LOAD_DATA", 0)

    run(system, CONFIG, testbench)


PAGE = 3
WORDS = 16


def streamed_products() -> Image:
    """A streamed matrix that is multiplied six times, with tables that are loaded in between."""
    rng = np.random.default_rng(3)
    builder = ProgramBuilder(SMALL)
    matrix = builder.matrix(rng.integers(-7, 8, (12, SMALL.lanes, 64)).astype(np.int8))
    entries = builder.entries(rng.integers(-9, 9, 48), np.arange(48))
    builder.add(Input, count=64, end=0)

    def product() -> None:
        builder.matvec(matrix, source=0)
        builder.add(Argmax, rows=12, parameters=entries, register=1)
        builder.token(1)

    builder.repeat(2, 6, product)
    builder.add(Halt)
    config = streaming_machine(SMALL, 160).with_settings({"parameter_words": 32})
    resident = replace(builder.image(), config=config)
    parts = move_out(resident, [True])
    return replace(
        resident,
        matrices=parts.matrices,
        positions=parts.positions,
        values=parts.values,
        external=parts.external,
    )


def test_words_for_a_rings_memory_lose_nothing_and_take_nothing(system: Any) -> None:
    """In a machine that streams they wait for beats; the run takes as many cycles."""
    image = streamed_products()
    config = image.config
    words = np.random.default_rng(6).integers(0, 1 << 32, (config.lanes, WORDS)).tolist()
    circuit = system.whole(config)
    design = Fragment.get(circuit, None)
    manager = system.manager(circuit, patience=20_000)
    found = []

    async def serve(ctx: Any) -> None:
        memory = ExternalMemory(image.external, base=PAGE << PAGE_BITS)
        await memory.serve(ctx, circuit.m_axi)

    def stored(ctx: Any, lane: int) -> list[int]:
        group, inside = divmod(lane, config.group)
        path = ("machine", "array", f"group{group}", f"values{inside}", "stream")
        rows = submodule(design, *path).data
        count = 2 * WORDS // (config.stream_bus // 16)
        halves = [int(half) for row in range(count) for half in ctx.get(rows[row])]
        return [a | b << 16 for a, b in zip(halves[::2], halves[1::2], strict=True)]

    async def testbench(ctx: Any) -> None:
        host = AsyncHost(SimulatedBus(ctx, manager), patience=20_000)
        await host.reset()
        await host.load(image, external_page=PAGE)
        await host.write("SEGMENT_FIRST", 0, word=LoadTarget.VALUES.value)
        for beside in (False, True):
            await host.clear()
            await host.feed(np.full(64, 3, np.int8))
            await host.start()
            if beside:
                while not await host.read("TOKEN_LEVEL"):
                    pass
                await host.write("SEGMENT", SEGMENTS)
                for lane, part in enumerate(words):
                    await host.write("LOAD_TARGET", LoadTarget.VALUES.value | lane << 16)
                    await host.write("LOAD_ADDRESS", 0)
                    await host.write_many("LOAD_DATA", part)
                assert (await host.status()).busy, "all of it came while the program ran"
            status = await host.wait()
            assert status.error is Error.NONE
            counters = await host.counters()
            found.append((await host.tokens(), counters))
        assert [stored(ctx, lane) for lane in range(config.lanes)] == words

    simulate(design, testbench, timeout=80_000, background=[serve])
    assert found[0] == found[1]
    assert len(found[0][0]) == 6
