"""Memories that programs and hosts share: activations, cell states, parameters."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.instruction import INSTRUCTION_BITS
from sordino.isa.parameters import PARAMETER_BITS
from sordino.isa.registers import LoadTarget
from sordino.rtl.shared.attributes import UNCHECKED
from sordino.rtl.shared.ports import ADDRESS_BITS, LoadSignature, memory_write

__all__ = ["PARAMETER_BITS", "VectorMemory", "WideMemory"]

_LOAD_BITS = 32

assert PARAMETER_BITS == INSTRUCTION_BITS, "one loader serves both wide memories"


class VectorMemory(wiring.Component):
    """`depth` signed words of `width` bits with one write and two read ports.

    A read gives its word one cycle after the address, as it was before a write in that same cycle.
    What is written in a cycle is there for reads that are presented in the next. Addresses from
    `depth` on are not checked here and name an unspecified word.

    The words are the memory `memory`, zero at power-up, not at reset.

    Members
    -------
    write
        A word to write.
    address_a, data_a, address_b, data_b
        The read ports.
    """

    def __init__(self, *, width: int, depth: int) -> None:
        self.width = width
        self.depth = depth
        super().__init__(
            {
                "write": In(memory_write(width)),
                "address_a": In(ADDRESS_BITS),
                "address_b": In(ADDRESS_BITS),
                "data_a": Out(signed(width)),
                "data_b": Out(signed(width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        words: Any = memory.Memory(shape=signed(self.width), depth=self.depth, init=[])
        m.submodules.memory = words
        write = words.write_port()
        m.d.comb += [
            write.en.eq(self.write.valid),
            write.addr.eq(self.write.address),
            write.data.eq(self.write.data),
        ]
        for address, found in ((self.address_a, self.data_a), (self.address_b, self.data_b)):
            read = words.read_port()
            m.d.comb += [read.addr.eq(address), found.eq(read.data)]
        return m


class WideMemory(wiring.Component):
    """`depth` words of 128 bits that the host loads as `target` in 32-bit words.

    Address n of the load port is bits 32 (n mod 4) and up of word n div 4. A read gives its word
    one cycle after a cycle with `enable` high, until the next one; something unspecified of a word
    that is written in that very cycle. Words from `depth` on are not checked here: reading one
    gives something unspecified, and the loader does not write them.

    The words are the memory `memory`, zero at power-up, not at reset.

    Members
    -------
    load
        Words for any target; taken are those for `target`, visible to a read in the next cycle.
    address, enable, data
        The read port.
    """

    load: In(LoadSignature)
    address: In(24)
    enable: In(1)
    data: Out(PARAMETER_BITS)

    def __init__(self, target: LoadTarget, *, depth: int) -> None:
        self.target = target
        self.depth = depth
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        words: Any = memory.Memory(
            shape=unsigned(PARAMETER_BITS), depth=self.depth, init=[], attrs=UNCHECKED
        )
        m.submodules.memory = words
        write, read = words.write_port(granularity=_LOAD_BITS), words.read_port()
        parts = PARAMETER_BITS // _LOAD_BITS
        part_bits = (parts - 1).bit_length()
        load = self.load.payload
        part = load.address[:part_bits]
        with m.If(self.load.valid & (load.target == self.target)):
            m.d.comb += write.en.eq(1 << part)
        m.d.comb += [
            write.addr.eq(load.address[part_bits:]),
            write.data.eq(load.data.replicate(parts)),
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.data.eq(read.data),
        ]
        return m
