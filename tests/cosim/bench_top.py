"""Simulator side of test_cocotb.py: the driver's host over the bus that plusarg `bus` names.

Plusarg `job` names a folder with `image.sordino`, `features.npy` and `expected.json` (tokens,
error, code and the counters that do not count time).
"""

import json
import time
from pathlib import Path

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from wishbone import CocotbWishbone

from sordino.driver import AsyncHost, Identity, MachineError, Refused
from sordino.image.fit import check_fit
from sordino.image.image import Image, ImageError
from sordino.image.loading import load_sections
from sordino.isa.registers import (
    CAPACITIES,
    COUNTERS,
    ISA_VERSION,
    MAP_VERSION,
    NO_TOKEN,
    RANGES,
    REGISTERS,
    Control,
    Error,
    Interrupt,
    LoadTarget,
    Status,
    capacities,
)
from sordino.stimuli.cocotb_bus import CocotbAxiLite

CLOCK_NS = 10
MOST_NS = 10**10
"""A machine that has not stopped after a billion cycles never will."""
AT = {name: register.offset for name, register in REGISTERS.items()}
BUSES = {"axi": CocotbAxiLite, "wishbone": CocotbWishbone}
OUTPUTS = {
    "axi": tuple(
        f"s_axi_{name}"
        for name in (
            *("awready", "wready", "bresp", "bvalid"),
            *("arready", "rdata", "rresp", "rvalid"),
        )
    ),
    "wishbone": ("wb_ack", "wb_err", "wb_dat_r"),
}
"""Outputs to the host, by bus."""
MANAGER = tuple(
    f"m_axi_{name}"
    for name in ("araddr", "arlen", "arsize", "arburst", "arprot", "arvalid", "rready")
)
"""Outputs to external memory, of machines that stream."""


async def powered(dut, beside=None):
    """A host after reset; the clock runs in the simulator, not in Python.

    What `beside` makes is driven from reset on as the host's side is.
    """
    dut.rst.value = 1
    Clock(dut.clk, CLOCK_NS, unit="ns", impl="gpi").start()
    await RisingEdge(dut.clk)
    # Until now nobody drove the bus.
    host = AsyncHost(BUSES[cocotb.plusargs["bus"]](dut, wait_ns=MOST_NS))
    more = beside and beside()
    await host.reset()
    if "watch" in cocotb.plusargs:
        cocotb.start_soon(known(dut))
    return (host, more) if beside else host


async def refused(access):
    try:
        await access
    except Refused:
        return True
    return False


async def starts_not(host):
    """START has nothing to begin, and says so; CLEAR does not help."""
    for _ in range(2):
        await host.control(Control.START)
        status = await host.status()
        assert status.error is Error.LOAD
        assert not status.busy
        assert not status.loaded
        assert await host.read("INTERRUPT_STATUS") & Interrupt.STOPPED
        await host.write("INTERRUPT_STATUS", Interrupt.STOPPED.value)
        await host.clear()
        assert await host.error() is Error.NONE
    with pytest.raises(MachineError, match=r"^cannot start: the machine has "):
        await host.start(0)


async def outcome(host, features):
    """What came of a run of all features from `main` on, and its counters."""
    try:
        run = await host.run(features)
    except MachineError as error:
        run = error.run
    return run, await host.counters()


async def known(dut):
    """Fail as soon as a bit of an output is neither 0 nor 1, whether anybody looks at it or not."""
    to_host = ("irq", *OUTPUTS[cocotb.plusargs["bus"]])
    outputs = [getattr(dut, name) for name in (*to_host, *MANAGER) if hasattr(dut, name)]
    assert len(outputs) >= len(to_host)
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
    host = await powered(dut)
    await host.check(image)
    identity = await host.identity()
    assert identity == Identity(image.config.id, ISA_VERSION, MAP_VERSION)
    assert await host.capacities() == capacities(image.config)
    assert await host.read("STATUS") == 0
    assert await host.read("FEATURE_ROOM") == image.config.feature_fifo
    assert await host.read("TOKEN") == NO_TOKEN
    for name, register in REGISTERS.items():
        if not register.present(image.config) or (
            register.access != "ro" and register.offset >= RANGES[0].size
        ):
            continue  # of machines that stream, and of ranges with tests of their own
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
        assert await refused(host.bus.read(hole)), hex(hole)
        assert await refused(host.bus.write(hole, 1)), hex(hole)
    for name in ("LOAD_DATA", "LOAD_CHECK"):
        assert await refused(host.write(name, 0x100, strobe=2)), name
    assert await host.read("STATUS") == before


@cocotb.test()
async def an_image_that_is_too_large_is_seen_before_it_is_loaded(dut):
    image, _, _ = job()
    host = await powered(dut)
    held = await host.capacities()
    words = len(image.program)
    check_fit(image, {**held, "program_words": words})
    with pytest.raises(ImageError, match=rf"program_words {words:,} \(it has {words - 1:,}\)"):
        check_fit(image, {**held, "program_words": words - 1})


@cocotb.test()
async def only_a_checked_program_starts(dut):
    """After reset, while loading, after a failed and after a given up part, while busy."""
    image, _, _ = job()
    host = await powered(dut)
    sections = list(load_sections(image))
    program = sections.pop()
    assert program.target is LoadTarget.PROGRAM
    assert await host.read("STATUS") == 0
    await starts_not(host)
    part = next(s for s in sections if s.target is LoadTarget.PARAMETERS)
    await host.load_section(part)
    await starts_not(host)
    await host.load_section(program)
    assert await host.read("STATUS") == Status.LOADED.value
    await host.control(Control.START)  # it waits for input
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
    await host.abort()
    assert await host.error() is Error.LIMIT
    await host.clear()
    for crc in (part.crc ^ 1, None):  # a part that is wrong, and one that is given up
        await host.load_section(program)
        assert await host.read("STATUS") & Status.LOADED
        await host.write("LOAD_TARGET", part.target.value)
        await host.write("LOAD_ADDRESS", 0)
        await host.write_many("LOAD_DATA", list(part))
        if crc is not None:
            await host.write("LOAD_CHECK", crc)
        await host.clear()
        assert not await host.read("STATUS") & Status.LOADED
        await starts_not(host)
    await host.load_section(program)
    await host.reset()
    assert not await host.read("STATUS") & Status.LOADED
    await starts_not(host)


@cocotb.test()
async def a_wrong_word_is_refused(dut):
    image, _, _ = job()
    host = await powered(dut)
    section = next(iter(load_sections(image)))
    await host.load_section(section)
    assert await host.error() is Error.NONE

    await host.write("LOAD_ADDRESS", 1)
    wrong = int.from_bytes(section.words[4:8], "little") ^ 1 << 19
    await host.write("LOAD_DATA", wrong)
    await host.write("LOAD_ADDRESS", 0)
    assert await host.error() is Error.LOAD, "words were given up without a check"
    await host.clear()

    await host.write("LOAD_DATA", wrong)
    await host.write("LOAD_CHECK", section.crc)
    assert await host.error() is Error.LOAD
    await host.control(Control.START)
    status = await host.read("STATUS")
    assert not status & (Status.BUSY | Status.DONE), "a machine with a wrong program was started"

    await host.clear()
    assert await host.error() is Error.NONE
    await host.load_section(section)
    assert await host.error() is Error.NONE


@cocotb.test()
async def utterance_equals_golden(dut):
    image, features, expected = job()
    host = await powered(dut)
    started = time.perf_counter()
    await host.load(image)
    loaded = time.perf_counter()
    for _ in range(1 + expected["again"]):  # again on the memories that the first one left
        run, counters = await outcome(host, features)
        assert (run.error.name, run.code) == (expected["error"], expected["code"])
        assert run.tokens == expected["tokens"]
        for name, value in expected["counters"].items():
            assert counters[name] == value, name
    ran = time.perf_counter()
    dut._log.warning(
        "loaded %d words in %.1f s, ran %d cycles in %.1f s, %d tokens",
        sum(len(section.words) // 4 for section in load_sections(image)),
        loaded - started,
        counters["cycles"],
        ran - loaded,
        len(run.tokens),
    )
