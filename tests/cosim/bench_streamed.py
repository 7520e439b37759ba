"""Simulator side of test_cocotb.py for a machine that streams: its AXI4 bus on cocotbext-axi's RAM.

Plusargs and folder as in bench_top. The RAM keeps the machine waiting at random, on both channels.
"""

import random

import cocotb
from bench_top import job, outcome, powered
from cocotb.types import LogicArray
from cocotbext.axi import AxiRamRead, AxiReadBus

from sordino.image.external import external_streams
from sordino.isa.registers import Error

BASE_PAGE = 0x5A5A5
RAM_BYTES = 1 << 16
PAUSES = 0.3


class Tied:
    """A signal that the machine does not have and the RAM insists on: it asks without ids."""

    value = LogicArray("0")

    def __len__(self):
        return 1

    def setimmediatevalue(self, value):
        """Goes nowhere."""


class WithIds:
    """The machine with ids."""

    m_axi_arid = m_axi_rid = Tied()

    def __init__(self, dut):
        self._dut = dut

    def __getattr__(self, name):
        return getattr(self._dut, name)

    def __dir__(self):
        return [*dir(self._dut), "m_axi_arid", "m_axi_rid"]


def pauses(seed):
    """Cycles in which a channel stands still."""
    rng = random.Random(seed)
    while True:
        yield rng.random() < PAUSES


class Memory:
    """External memory with the image's section at BASE_PAGE."""

    def __init__(self, dut, image):
        bus = AxiReadBus.from_prefix(WithIds(dut), "m_axi")
        self.ram = AxiRamRead(bus, dut.clk, dut.rst, size=RAM_BYTES)
        self.base = (BASE_PAGE << 12) % RAM_BYTES
        assert self.base + len(image.external) <= RAM_BYTES
        self.ram.write(self.base, image.external)
        self.ram.ar_channel.set_pause_generator(pauses(1))
        self.ram.r_channel.set_pause_generator(pauses(2))

    def flip(self, byte):
        """One bit of a byte of the section."""
        (before,) = self.ram.read(self.base + byte, 1)
        self.ram.write(self.base + byte, bytes([before ^ 16]))


@cocotb.test()
async def streamed_equals_golden(dut):
    """The same counters and the same end as golden; MEMORY with a flipped bit; then well again."""
    image, features, expected = job()
    host, memory = await powered(dut, lambda: Memory(dut, image))
    await host.load(image, external_page=BASE_PAGE)
    assert await host.read("STREAM_BASE") == BASE_PAGE

    last = [streams for streams in external_streams(image.matrices, image.config) if streams][-1]
    longest = max(last, key=lambda one: one.beats)
    damaged = longest.burst * image.config.burst_bytes + longest.bits // 16
    for flipped in (False, True, False):
        if flipped:
            memory.flip(damaged)
        run, counters = await outcome(host, features)
        if flipped:
            memory.flip(damaged)
            assert run.error is Error.MEMORY
            continue
        assert (run.error.name, run.code) == (expected["error"], expected["code"])
        assert run.tokens == expected["tokens"]
        for name, value in expected["counters"].items():
            assert counters[name] == value, name
