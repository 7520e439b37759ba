"""Simulator side of test_cocotb.py: a host that knows the registers, on cocotbext-axi's manager.

Plusarg `job` names a folder with `image.sordino`, `features.npy` and `expected.json` (tokens,
error, code and the counters that do not count time).
"""

import json
import logging
import time
from pathlib import Path

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, First, RisingEdge, Timer
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from sordino.image.fit import check_fit
from sordino.image.image import Image, ImageError
from sordino.image.loading import load_sections
from sordino.isa.registers import (
    CAPACITIES,
    COUNTERS,
    ISA_VERSION,
    MAP_VERSION,
    MAP_VERSION_BIT,
    NO_TOKEN,
    RANGES,
    REGISTERS,
    STATUS_CODE,
    STATUS_ERROR,
    Control,
    Error,
    Interrupt,
    LoadTarget,
    Status,
    capacities,
)

CLOCK_NS = 10
MOST_NS = 10**10
"""A machine that has not stopped after a billion cycles never will."""
AT = {name: register.offset for name, register in REGISTERS.items()}
IN_FLIGHT = 64
OUTPUTS = (
    "irq",
    "s_axi_awready",
    "s_axi_wready",
    "s_axi_bresp",
    "s_axi_bvalid",
    "s_axi_arready",
    "s_axi_rdata",
    "s_axi_rresp",
    "s_axi_rvalid",
)
MANAGER = tuple(
    f"m_axi_{name}"
    for name in ("araddr", "arlen", "arsize", "arburst", "arprot", "arvalid", "rready")
)
"""Outputs to external memory, of machines that stream."""


class Refused(Exception):
    """An access was answered with SLVERR."""


class Host:
    """Register accesses and what a driver does with them."""

    def __init__(self, dut):
        self.dut = dut
        logging.getLogger("cocotb.sordino").setLevel(logging.WARNING)
        bus = AxiLiteBus.from_prefix(dut, "s_axi")
        self.axi = AxiLiteMaster(bus, dut.clk, dut.rst)

    @classmethod
    async def reset(cls, dut, beside=None):
        """A host after reset; the clock runs in the simulator, not in Python.

        What `beside` makes is driven from reset on as the host's side is: `host.beside`.
        """
        dut.rst.value = 1
        Clock(dut.clk, CLOCK_NS, unit="ns", impl="gpi").start()
        await RisingEdge(dut.clk)
        host = cls(dut)  # until now nobody drove the bus
        host.beside = beside and beside()
        for _ in range(4):
            await RisingEdge(dut.clk)
        dut.rst.value = 0
        await RisingEdge(dut.clk)
        if "watch" in cocotb.plusargs:
            cocotb.start_soon(known(dut))
        return host

    async def write(self, name, value):
        response = await self.axi.write(AT[name], value.to_bytes(4, "little"))
        if response.resp is not AxiResp.OKAY:
            raise Refused(f"write of {value:#x} to {name}")

    async def write_bytes(self, offset, contents):
        response = await self.axi.write(offset, contents)
        if response.resp is not AxiResp.OKAY:
            raise Refused(f"write of {len(contents)} bytes to {offset:#x}")

    async def read(self, name, plus=0):
        response = await self.axi.read(AT[name] + plus, 4)
        if response.resp is not AxiResp.OKAY:
            raise Refused(f"read of {name}")
        return int.from_bytes(response.data, "little")

    async def error(self):
        status = await self.read("STATUS")
        error = Error(status >> STATUS_ERROR & 0xFF)
        assert bool(status & Status.FAILED) == (error is not Error.NONE)
        return error

    async def fits(self, image):
        """Compare the image with the machine before anything is loaded; its capacities."""
        assert await self.read("ID") == image.config.id
        held = {name: await self.read("CAPACITIES", 4 * n) for n, name in enumerate(CAPACITIES)}
        check_fit(image, held)
        return held

    async def starts_not(self):
        """START has nothing to begin, and says so; CLEAR does not help."""
        for _ in range(2):
            await self.write("CONTROL", Control.START.value)
            assert await self.error() is Error.LOAD
            assert not await self.read("STATUS") & (Status.BUSY | Status.LOADED)
            assert await self.read("INTERRUPT_STATUS") & Interrupt.STOPPED
            await self.write("INTERRUPT_STATUS", Interrupt.STOPPED.value)
            await self.write("CONTROL", Control.CLEAR.value)
            assert await self.error() is Error.NONE

    async def load(self, section, **check):
        """One section with its check, many words in flight; `crc` is another one, None is none."""
        await self.write("LOAD_TARGET", section.target.value | section.unit << 16)
        await self.write("LOAD_ADDRESS", 0)
        waiting = []
        for at in range(0, len(section.words), 4):
            waiting.append(self.axi.init_write(AT["LOAD_DATA"], section.words[at : at + 4]))
            if len(waiting) == IN_FLIGHT:
                await self.finish(waiting)
        await self.finish(waiting)
        assert await self.read("LOAD_ADDRESS") == len(section.words) // 4
        crc = check.get("crc", section.crc)
        if crc is not None:
            await self.write("LOAD_CHECK", crc)

    async def finish(self, waiting):
        for event in waiting:
            await event.wait()
            assert event.data.resp is AxiResp.OKAY, "LOAD_DATA was refused"
        waiting.clear()

    async def feed(self, features):
        """As many features as fit now; returns the rest."""
        room = await self.read("FEATURE_ROOM")
        now, rest = features[:room], features[room:]
        while now:
            await self.write_bytes(AT["FEATURE"], now[:4])
            now = now[4:]
        return rest

    async def drain(self, tokens):
        """Append every token that waits to `tokens`."""
        while (token := await self.read("TOKEN")) != NO_TOKEN:
            tokens.append(token)

    async def run(self, features):
        """All features in, all tokens out, led by the interrupt; returns the tokens."""
        tokens = []
        features = await self.feed(features)
        await self.write("INTERRUPT_STATUS", sum(i.value for i in Interrupt))
        await self.write("CONTROL", Control.START.value)
        ended = False
        while True:
            enable = Interrupt.STOPPED.value | Interrupt.TOKEN.value
            enable |= Interrupt.FEATURES.value if features else 0
            if not features and not ended:
                await self.write("CONTROL", Control.END_OF_INPUT.value)
                ended = True
            await self.write("INTERRUPT_ENABLE", enable)
            await self.interrupt()
            seen = await self.read("INTERRUPT_STATUS")
            await self.write("INTERRUPT_STATUS", seen)
            await self.drain(tokens)
            if features:
                features = await self.feed(features)
            if seen & Interrupt.STOPPED:
                await self.drain(tokens)
                return tokens

    async def interrupt(self):
        """Wait until the line is high; nothing of Python runs until then."""
        if not self.dut.irq.value:
            reached = await First(RisingEdge(self.dut.irq), limit := Timer(MOST_NS, "ns"))
            assert reached is not limit, "the machine neither stops nor asks for anything"

    async def counters(self):
        values = {}
        for number, counter in enumerate(COUNTERS):
            low = await self.read("COUNTERS", 8 * number)
            values[counter.name] = low | await self.read("COUNTERS", 8 * number + 4) << 32
        return values


async def known(dut):
    """Fail as soon as a bit of an output is neither 0 nor 1, whether anybody looks at it or not."""
    outputs = [getattr(dut, name) for name in (*OUTPUTS, *MANAGER) if hasattr(dut, name)]
    assert len(outputs) >= len(OUTPUTS)
    while True:
        await FallingEdge(dut.clk)
        for output in outputs:
            value = output.value
            assert value.is_resolvable, f"{output._name} is {value}"


def job():
    """The image, its features and what golden says about them."""
    folder = Path(cocotb.plusargs["job"])
    image = Image.load(folder / "image.sordino")
    features = np.load(folder / "features.npy")
    return image, features.tobytes(), json.loads((folder / "expected.json").read_text())


@cocotb.test()
async def registers_answer(dut):
    image, _, _ = job()
    host = await Host.reset(dut)
    assert await host.read("ID") == image.config.id
    assert await host.read("VERSION") == ISA_VERSION | MAP_VERSION << MAP_VERSION_BIT
    assert await host.fits(image) == capacities(image.config)
    assert await host.read("STATUS") == 0
    assert await host.read("FEATURE_ROOM") == image.config.feature_fifo
    assert await host.read("TOKEN") == NO_TOKEN
    for name, register in REGISTERS.items():
        if register.streaming:
            continue  # of machines that stream
        if register.access == "rw":
            value = 0x1234_5676 & register.mask
            value %= image.config.program_words if name == "ENTRY" else 1 << 32
            await host.write(name, value)
            assert await host.read(name) == value, name
            if register.mask != 0xFFFF_FFFF:
                assert await refused(host.write(name, 0xFFFF_FFFF)), name
                assert await host.read(name) == value, name
            await host.write(name, 0)
        readable = register.access != "wo"
        assert await refused(host.read(name)) != readable, name
        if not readable:
            continue
        assert await refused(host.write(name, 0)) == (register.access == "ro"), name
    holes = [AT["STREAM_BASE"] + 4, AT["COUNTERS"] + 8 * len(COUNTERS)]
    holes.append(AT["CAPACITIES"] + 4 * len(CAPACITIES))
    for part in RANGES:
        if part.text.startswith("reserved"):
            holes += [part.first, part.first + part.size - 4]
    before = await host.read("STATUS")
    for hole in holes:
        assert (await host.axi.read(hole, 4)).resp is AxiResp.SLVERR, hex(hole)
        assert (await host.axi.write(hole, b"\1\0\0\0")).resp is AxiResp.SLVERR, hex(hole)
    for name in ("LOAD_DATA", "LOAD_CHECK"):
        assert (await host.axi.write(AT[name] + 1, b"\1")).resp is AxiResp.SLVERR
    assert await host.read("STATUS") == before


@cocotb.test()
async def an_image_that_is_too_large_is_seen_before_it_is_loaded(dut):
    image, _, _ = job()
    host = await Host.reset(dut)
    held = await host.fits(image)
    words = len(image.program)
    check_fit(image, {**held, "program_words": words})
    with pytest.raises(ImageError, match=rf"program_words {words:,} \(it has {words - 1:,}\)"):
        check_fit(image, {**held, "program_words": words - 1})


@cocotb.test()
async def only_a_checked_program_starts(dut):
    """After reset, while loading, after a failed and after a given up part, while busy."""
    image, _, _ = job()
    host = await Host.reset(dut)
    sections = list(load_sections(image))
    program = sections.pop()
    assert program.target is LoadTarget.PROGRAM
    assert await host.read("STATUS") == 0
    await host.starts_not()
    part = next(s for s in sections if s.target is LoadTarget.PARAMETERS)
    await host.load(part)
    await host.starts_not()
    await host.load(program)
    assert await host.read("STATUS") == Status.LOADED.value
    await host.write("CONTROL", Control.START.value)  # it waits for input
    assert await host.read("STATUS") == (Status.BUSY | Status.LOADED).value
    for name, value in (
        ("LOAD_CHECK", program.crc),
        ("LOAD_CHECK", 0),
        ("LOAD_DATA", 0),
        ("LOAD_ADDRESS", 0),
        ("LOAD_TARGET", 0),
        ("CONTROL", Control.CLEAR.value),
    ):
        assert await refused(host.write(name, value)), name
    assert await host.read("STATUS") == (Status.BUSY | Status.LOADED).value
    await host.write("CONTROL", Control.ABORT.value)
    assert await host.error() is Error.LIMIT
    await host.write("CONTROL", Control.CLEAR.value)
    for crc in (part.crc ^ 1, None):  # a part that is wrong, and one that is given up
        await host.load(program)
        assert await host.read("STATUS") & Status.LOADED
        await host.load(part, crc=crc)
        await host.write("CONTROL", Control.CLEAR.value)
        assert not await host.read("STATUS") & Status.LOADED
        await host.starts_not()
    await host.load(program)
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)
    assert not await host.read("STATUS") & Status.LOADED
    await host.starts_not()


async def refused(access):
    try:
        await access
    except Refused:
        return True
    return False


@cocotb.test()
async def a_wrong_word_is_refused(dut):
    image, _, _ = job()
    host = await Host.reset(dut)
    section = next(iter(load_sections(image)))
    await host.load(section)
    assert await host.error() is Error.NONE

    await host.write("LOAD_ADDRESS", 1)
    wrong = int.from_bytes(section.words[4:8], "little") ^ 1 << 19
    await host.write("LOAD_DATA", wrong)
    await host.write("LOAD_ADDRESS", 0)
    assert await host.error() is Error.LOAD, "words were given up without a check"
    await host.write("CONTROL", Control.CLEAR.value)

    await host.write("LOAD_DATA", wrong)
    await host.write("LOAD_CHECK", section.crc)
    assert await host.error() is Error.LOAD
    await host.write("CONTROL", Control.START.value)
    status = await host.read("STATUS")
    assert not status & (Status.BUSY | Status.DONE), "a machine with a wrong program was started"

    await host.write("CONTROL", Control.CLEAR.value)
    assert await host.error() is Error.NONE
    await host.load(section)
    assert await host.error() is Error.NONE


@cocotb.test()
async def utterance_equals_golden(dut):
    image, features, expected = job()
    host = await Host.reset(dut)
    await host.fits(image)
    started = time.perf_counter()
    words = 0
    for section in load_sections(image):
        await host.load(section)
        words += len(section.words) // 4
    loaded = time.perf_counter()
    assert await host.error() is Error.NONE
    await host.write("ENTRY", expected["entry"])

    for again in range(2):  # the second time on the memories that the first one left
        tokens = await host.run(features)
        status = await host.read("STATUS")
        assert Error(status >> STATUS_ERROR & 0xFF).name == expected["error"]
        assert status >> STATUS_CODE & 0xFF == expected["code"]
        assert tokens == expected["tokens"]
        counters = await host.counters()
        for name, value in expected["counters"].items():
            assert counters[name] == value, name
        if not again:
            cycles = counters["cycles"]
            await host.write("CONTROL", Control.CLEAR.value)
            if not expected["again"]:
                break
    ran = time.perf_counter()
    dut._log.warning(
        "loaded %d words in %.1f s, ran %d cycles in %.1f s, %d tokens",
        words,
        loaded - started,
        cycles,
        ran - loaded,
        len(tokens),
    )
