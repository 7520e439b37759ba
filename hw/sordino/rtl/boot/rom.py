"""A read-only memory of block RAM as a word source: contents that come with the bitstream."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In

from sordino.rtl.boot.source import SourceSignature

__all__ = ["RomSource"]


class RomSource(wiring.Component):
    """The 32-bit words `contents` from byte 0 on, and again behind them.

    Latency: a word is offered two cycles after the command or after the word before was taken.

    Members
    -------
    source
        The reader's side.
    """

    def __init__(self, contents: Sequence[int]) -> None:
        self.contents = contents
        super().__init__({"source": In(SourceSignature())})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        command, words = self.source.command, self.source.words
        depth = 1 << max(1, (len(self.contents) - 1).bit_length())
        rom: Any = memory.Memory(shape=32, depth=depth, init=self.contents)
        m.submodules.rom = rom
        read = rom.read_port()
        address, left = Signal(range(depth)), Signal.like(command.payload.words)
        fresh = Signal()
        m.d.comb += [
            command.ready.eq(left == 0),
            read.addr.eq(address),
            words.valid.eq((left != 0) & fresh),
            words.payload.eq(read.data),
        ]
        with m.If(command.valid & command.ready):
            m.d.sync += [
                address.eq(command.payload.address[2:]),
                left.eq(command.payload.words),
                fresh.eq(0),
            ]
        with m.Elif(words.valid & words.ready):
            m.d.sync += [address.eq(address + 1), left.eq(left - 1), fresh.eq(0)]
        with m.Else():
            m.d.sync += fresh.eq(1)
        return m
