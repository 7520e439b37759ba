"""Booting from a ROM: what a host would load is loaded; whatever else is there starts nothing."""

import zlib
from struct import pack

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from sordino.driver import AsyncHost
from sordino.driver.boot import boot_image
from sordino.golden.machine import Golden
from sordino.image.boot import COUNT_BIT, HEADER_WORDS, MAGIC
from sordino.isa.registers import ADDRESS_BITS, REGISTERS, Control, Error, LoadTarget
from sordino.rtl.boot.bridge import BootBridge
from sordino.rtl.boot.rom import RomSource
from sordino.rtl.bridges.axi_lite import AxiLiteBridge
from sordino.rtl.top import Sordino
from sordino.stimuli.axi import AxiLiteManager
from sordino.stimuli.bus import SimulatedBus
from sordino.stimuli.fake_sordino import FakeSordino
from sordino.stimuli.simulate import simulate
from sordino.testing.images.by_hand import PLAIN
from sordino.testing.images.programs import random_config, random_features, random_program

LIMIT = 60_000


def words_of(contents):
    return [int.from_bytes(contents[at : at + 4], "little") for at in range(0, len(contents), 4)]


def sealed(config_id, *writes):
    """A boot image of these writes, each a register's name and its words; right CRCs."""
    body = b"".join(
        pack(
            f"<I{len(words)}I",
            (REGISTERS[name].offset if isinstance(name, str) else name)
            | len(words) - 1 << COUNT_BIT,
            *words,
        )
        for name, *words in writes
    )
    header = pack("<III", MAGIC, config_id, len(body) // 4)
    return header + pack("<I", zlib.crc32(header)) + body + pack("<I", zlib.crc32(body))


PROGRAM = (
    ("LOAD_TARGET", LoadTarget.PROGRAM.value),
    ("LOAD_ADDRESS", 0),
    ("LOAD_DATA", 1, 2, 3, 4),
    ("LOAD_CHECK", zlib.crc32(pack("<IIII", 1, 2, 3, 4))),
)
SHORT = sealed(PLAIN.id, *PROGRAM)


class RomBridge(wiring.Component):
    """AXI4-Lite, beside a boot from a ROM."""

    def __init__(self, config, contents):
        bridge = AxiLiteBridge(address_width=ADDRESS_BITS)
        self.boots = BootBridge(config, bridge)
        self.rom = RomSource(words_of(contents))
        members = dict(self.boots.signature.members.items())
        del members["boot_source"]
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.boots, m.submodules.rom = self.boots, self.rom
        wiring.connect(m, self.boots.boot_source, self.rom.source)
        inner = {path: port for path, _, port in self.boots.signature.flatten(self.boots)}
        for path, member, outer in self.signature.flatten(self):
            port = inner[path]
            m.d.comb += outer.eq(port) if member.flow is Out else port.eq(outer)
        return m


def booted(contents, look, config=PLAIN, top=FakeSordino):
    """Boot, then `look(host)`; returns (loaded, refused)."""
    circuit, seen = top(config, RomBridge(config, contents)), []

    async def testbench(ctx):
        while not ctx.get(circuit.boot.done):
            await ctx.tick()
        seen.append((ctx.get(circuit.boot.loaded), ctx.get(circuit.boot.refused)))
        manager = AxiLiteManager(circuit.s_axi)
        await look(AsyncHost(SimulatedBus(ctx, manager), patience=10_000))

    simulate(circuit, testbench, timeout=LIMIT)
    return seen[0]


async def starts(host):
    assert (await host.status()).loaded
    await host.control(Control.START)
    assert (await host.status()).busy


async def starts_nothing(host):
    """The error is there to be seen; after it is cleared still nothing starts."""
    status = await host.status()
    assert status.failed
    assert status.error is Error.LOAD
    assert not status.loaded
    await host.clear()
    assert not (await host.status()).failed
    await host.control(Control.START)
    status = await host.status()
    assert not status.busy
    assert status.error is Error.LOAD


def test_an_image_runs_as_if_a_host_had_loaded_it():
    rng = np.random.default_rng(3)
    image = random_program(rng, random_config(rng), steps=1)
    features = random_features(rng, image, 2)
    expected = Golden(image).run(features)
    assert expected.tokens

    async def look(host):
        assert (await host.status()).loaded
        host.image = image
        run = await host.run(features)
        assert run.tokens == expected.tokens
        counters = await host.counters()
        assert counters["useful"] == expected.counters["useful"]

    assert booted(boot_image(image), look, image.config, Sordino) == (1, 0)


def test_a_short_image_allows_start():
    assert booted(SHORT, starts) == (1, 0)


@pytest.mark.parametrize("bit", range(0, 8 * len(SHORT), 23))
def test_a_flipped_bit_anywhere_starts_nothing(bit):
    damaged = bytearray(SHORT)
    damaged[bit // 8] ^= 1 << bit % 8
    assert booted(bytes(damaged), starts_nothing) == (0, 1)


WRONG = {
    "another machine": sealed(PLAIN.id ^ 1, *PROGRAM),
    "no writes": sealed(PLAIN.id),
    "a start": sealed(PLAIN.id, *PROGRAM, ("CONTROL", Control.START.value)),
    "a clear": sealed(PLAIN.id, ("CONTROL", Control.CLEAR.value), *PROGRAM),
    "a register that takes no writes": sealed(PLAIN.id, *PROGRAM, ("ID", 0)),
    "a refused value": sealed(PLAIN.id, *PROGRAM, ("LOAD_TARGET", 8)),
    "an offset between registers": sealed(PLAIN.id, *PROGRAM, (0x26, 0)),
    "an offset beyond the map": sealed(PLAIN.id, *PROGRAM, (0x1024, 0)),
    "a section with another CRC": sealed(PLAIN.id, *PROGRAM[:-1], ("LOAD_CHECK", 0)),
    "a section without a check": sealed(PLAIN.id, *PROGRAM[:-1]),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_image_starts_nothing(what):
    """The last two have right CRCs of their own: the machine's load window stops them."""
    assert booted(WRONG[what], starts_nothing) == (0, 1)


@pytest.mark.parametrize("extra", [1, 2, 3])
def test_an_image_that_ends_within_a_write_starts_nothing(extra):
    body = SHORT[4 * HEADER_WORDS : -4]
    body += pack("<I", REGISTERS["LOAD_TARGET"].offset | 3 << COUNT_BIT) + bytes(4 * (extra - 1))
    header = pack("<III", MAGIC, PLAIN.id, len(body) // 4)
    contents = header + pack("<I", zlib.crc32(header)) + body + pack("<I", zlib.crc32(body))
    assert booted(contents, starts_nothing) == (0, 1)


@pytest.mark.parametrize("erased", [0, 0xFF])
def test_without_an_image_nothing_is_written(erased):
    async def look(host):
        status = await host.status()
        assert not status.failed
        assert not status.loaded
        await host.control(Control.START)
        assert (await host.status()).error is Error.LOAD

    assert booted(bytes([erased]) * 64, look) == (0, 0)


def test_a_host_reads_at_once_and_writes_after_the_boot():
    circuit, seen = FakeSordino(PLAIN, RomBridge(PLAIN, SHORT)), []

    async def testbench(ctx):
        host = AsyncHost(SimulatedBus(ctx, AxiLiteManager(circuit.s_axi)), patience=10_000)
        assert (await host.identity()).config_id == PLAIN.id
        seen.append(ctx.get(circuit.boot.done))
        await host.write("ENTRY", 3)
        seen.append(ctx.get(circuit.boot.done))
        assert (await host.status()).loaded

    simulate(circuit, testbench, timeout=LIMIT)
    assert seen == [0, 1]
