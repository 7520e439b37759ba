"""Segments: which is open, which are checked, and where their words may go."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from sordino.arch import Config
from sordino.isa.fields import SEGMENTS
from sordino.isa.registers import LoadTarget
from sordino.rtl.host.loader import ADDRESS_BITS, load_words

__all__ = ["Segments"]


class Segments(wiring.Component):
    """Open and close segments, keep which are checked, and know what is none of theirs.

    Words of `data` count where `select` or `bound` is high. Its twin is
    `sordino.testing.twins.segments`.

    Members
    -------
    data
        What SEGMENT or SEGMENT_FIRST is to hold.
    select, refused
        Open the segment that `data` says, or close the one that is open; not if it is `refused`,
        since there is no such segment or it is in use.
    check
        The open segment is checked, and closed.
    close, forget
        Close the open segment; close it, and none is checked.
    chosen, open
        The number of the open segment plus 1, or 0; whether one is open.
    checked, in_use
        A bit for each segment. A USE that may begin in this cycle counts as one that has: so none
        begins in the cycle that opens its segment.
    bound, bound_target
        Segments may write that target from word `data` on.
    target, address, fixed
        The target has a word at this address, and segments may not write it.
    """

    data: In(32)
    select: In(1)
    refused: Out(1)
    check: In(1)
    close: In(1)
    forget: In(1)
    chosen: Out(range(SEGMENTS + 1))
    open: Out(1)
    checked: Out(SEGMENTS)
    in_use: In(SEGMENTS)
    bound: In(1)
    bound_target: In(LoadTarget)
    target: In(LoadTarget)
    address: In(ADDRESS_BITS)
    fixed: Out(1)

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        asked = Signal.like(self.chosen)
        beyond = Const(-1, (1 << len(asked)) - SEGMENTS - 1)
        m.d.comb += [
            asked.eq(self.data),
            self.refused.eq(Cat(Const(0, 1), self.in_use, beyond).bit_select(asked, 1)),
            self.open.eq(self.chosen != 0),
        ]
        with m.If(self.select):
            m.d.sync += [
                self.chosen.eq(asked),
                self.checked.eq(self.checked & ~_bit(asked)),
            ]
        with m.If(self.check):
            m.d.sync += [
                self.chosen.eq(0),
                self.checked.eq(self.checked | _bit(self.chosen)),
            ]
        with m.If(self.close | self.forget):
            m.d.sync += self.chosen.eq(0)
        with m.If(self.forget):
            m.d.sync += self.checked.eq(0)
        self._bounds(m)
        return m

    def _bounds(self, m: Module) -> None:
        """The first words that segments may write; a number beyond all memories is kept as one."""
        targets = [t for t in LoadTarget if self.config.stream_bus or t.value < 7]
        most = max(load_words(self.config, target)[1] for target in targets)
        width = bits_for(most)
        firsts: Any = memory.Memory(
            shape=width, depth=len(LoadTarget), init=[(1 << width) - 1] * len(LoadTarget)
        )
        m.submodules.firsts = firsts
        write, read = firsts.write_port(), firsts.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.bound),
            write.addr.eq(self.bound_target),
            write.data.eq(self.data[:width] | self.data[width:].any().replicate(width)),
            read.addr.eq(self.target),
            self.fixed.eq((self.target == LoadTarget.PROGRAM) | (self.address[:width] < read.data)),
        ]


def _bit(number: Value) -> Value:
    """The bit of a segment, by its number plus 1."""
    return (1 << number)[1 : SEGMENTS + 1]
