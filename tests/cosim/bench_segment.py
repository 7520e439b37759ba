"""Simulator side of test_cocotb.py: a segment is replaced beside a transducer that runs.

Golden says what comes of it: `expected.json` in the folder +job=FOLDER has the tokens of both
channels. What the loads took goes to `segment.json` in the folder.
"""

import json
from pathlib import Path

import cocotb
import numpy as np
from bench_top import CLOCK_NS, powered, refused
from cocotb.utils import get_sim_time

from sordino.image.image import Image
from sordino.image.segments.file import load_segment
from sordino.image.segments.segment import segment_crc, segment_sections, with_segment
from sordino.isa.fields import REGISTER_BITS, REGISTER_HIGH
from sordino.isa.registers import Error

NAME = "catalogue"
PATIENCE = 10_000


class Runner:
    """A transducer that runs on, a frame at a time, and what it and the catalogue said so far."""

    def __init__(self, host, frames, queries):
        self.host = host
        self.frames, self.queries = iter(frames), iter(queries)
        self.said = {0: [], 1: []}

    async def take(self):
        for token in await self.host.tokens():
            self.said[token >> REGISTER_BITS].append(token & REGISTER_HIGH)

    async def frame(self):
        """Feed a frame, if one is left."""
        frame = next(self.frames, None)
        if frame is not None:
            await self.host.feed(frame.tobytes())
        await self.take()

    async def rest(self):
        """Wait until the program waits at its yield point."""
        for _ in range(PATIENCE):
            await self.take()
            if (await self.host.status()).waiting:
                return await self.take()
        raise TimeoutError("the program does not come to wait")

    async def ask(self):
        """Ask for a row, beside the frame that is at work, and wait for the answer."""
        await self.host.feed(next(self.queries).tobytes(), 1)
        await self.host.request(1)
        await self.rest()

    async def beside(self, load):
        """Feed a frame and load beside it; returns how often the machine was seen at work."""
        task, seen = cocotb.start_soon(load), 0
        while not task.done():
            status = await self.host.status()
            assert status.busy
            seen += not status.waiting
            if status.waiting:
                await self.frame()
        await task
        return seen


async def wrong(host, image, segment):
    """Load a segment with a check that is wrong in one bit."""
    held = with_segment(image, segment)
    number = held.host.segments[NAME].number
    await host.write("SEGMENT", number + 1)
    sections = list(segment_sections(held, NAME))
    for section in sections:
        await host.write("LOAD_TARGET", section.chosen)
        await host.write("LOAD_ADDRESS", section.address)
        await host.write_many("LOAD_DATA", list(section))
    assert await refused(host.write("LOAD_CHECK", segment_crc(number, sections) ^ 1))
    await host.write("SEGMENT", 0)


@cocotb.test()
async def a_segment_is_replaced_beside_a_transducer(dut):
    folder = Path(cocotb.plusargs["job"])
    image = Image.load(folder / "image.sordino")
    segments = [load_segment(folder / f"{n}.segment", image.config) for n in range(2)]
    frames, queries = (np.load(folder / f"{name}.npy") for name in ("features", "queries"))
    host = await powered(dut)
    await host.load(image)
    assert await host.segments() == frozenset()
    await host.clear()
    run = Runner(host, frames, queries)
    await host.start("main")
    await run.frame()
    await run.ask()  # refused: nothing is loaded
    took = []
    for segment in segments:
        begun = get_sim_time("ns")
        seen = await run.beside(host.load_segment(segment))
        took.append({"cycles": (get_sim_time("ns") - begun) / CLOCK_NS, "at_work": seen})
        assert await host.segments() == {NAME}
        await run.frame()
        await run.ask()
    await run.beside(wrong(host, image, segments[0]))
    assert await host.segments() == frozenset()
    assert await host.error() is Error.NONE
    await run.frame()
    await run.ask()  # refused again, and the transducer goes on
    await host.load_segment(segments[0])
    await run.ask()
    for frame in run.frames:
        await host.feed(frame.tobytes())
        await run.rest()
    await host.end_of_input()
    status = await host.wait()
    await run.take()
    assert not status.failed
    expected = json.loads((folder / "expected.json").read_text())
    assert run.said == {0: expected["transducer"], 1: expected["catalogue"]}
    assert all(load["at_work"] for load in took)
    (folder / "segment.json").write_text(json.dumps(took))
    dut._log.warning("%s", took)
