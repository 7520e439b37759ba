"""The host's window: single words of activation, state and accumulator memory."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.image.memories import memory_shape
from sordino.isa.choices import Space
from sordino.isa.fields import Store
from sordino.rtl.shared.ports import (
    ADDRESS_BITS,
    WINDOW_BITS,
    WINDOW_READ,
    WINDOW_WRITE,
    WindowSignature,
)

__all__ = ["POSITION_BITS", "Window"]

_LANE_BIT = 16
"""First bit of WINDOW_MEMORY with the lane."""
POSITION_BITS = ADDRESS_BITS + 1
"""Bits of an address that may be behind the last word."""


class Window(wiring.Component):
    """Keep which word is next, read it ahead, and write it.

    What is read or written moves the address on. A word is `fresh` a few cycles after the access
    before it, and after the machine has opened: what is read is never older than that. A word
    written is given to the machine in the cycle after, in which there is no other access.

    Members
    -------
    data
        What WINDOW_MEMORY, WINDOW_ADDRESS or WINDOW_DATA is to hold.
    select, no_lane
        Choose the memory and the lane that `data` says; only where there is that lane.
    move
        Go on at the address that `data` says.
    write, misfit
        Write `data` at `address`; only where it fits the memory's words, and not `outside`.
    read, fresh
        Take the word at `address`; only while `fresh` and not `outside`.
    outside
        The memory has no word at `address`.
    address, chosen
        Where the next word is: its address, and WINDOW_MEMORY's word for its memory.
    open
        The memories are the host's in this cycle.
    machine
        The word itself.
    """

    data: In(signed(WINDOW_BITS))
    select: In(1)
    no_lane: Out(1)
    move: In(1)
    write: In(1)
    misfit: Out(1)
    read: In(1)
    fresh: Out(1)
    outside: Out(1)
    address: Out(POSITION_BITS)
    chosen: Out(32)
    open: In(1)
    machine: Out(WindowSignature())

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        space, lane = Signal(Space), Signal(range(self.config.lanes))
        asked, asked_lane = Signal(Space), self.data[_LANE_BIT:].as_unsigned()
        m.d.sync += [self.machine.write.eq(self.write), self.machine.value.eq(self.data)]
        m.d.comb += [
            asked.eq(self.data[:2]),
            self.machine.space.eq(space),
            self.machine.lane.eq(lane),
            self.machine.address.eq(self.address),
            self.chosen.eq(Cat(space, Const(0, _LANE_BIT - 2), lane)),
        ]
        with m.If(self.select):
            m.d.sync += [space.eq(asked), lane.eq(asked_lane)]
        with m.If(self.move):
            m.d.sync += self.address.eq(self.data.as_unsigned())
        with m.Elif(self.read | self.machine.write):
            m.d.sync += self.address.eq(self.address + 1)
        for each in Space:
            shape = memory_shape(self.config, Store(each.value))
            with m.If(asked == each):
                m.d.comb += self.no_lane.eq(asked_lane >= shape.lanes)
            with m.If(space == each):
                m.d.comb += [
                    self.outside.eq(self.address >= shape.words),
                    self.misfit.eq(self.data != self.data[: shape.bits].as_signed()),
                ]
        self._age(m)
        return m

    def _age(self, m: Module) -> None:
        """Wait until the word that is read is the one that was chosen, as it is now."""
        longest = WINDOW_WRITE + WINDOW_READ - 1
        waits = Signal(longest, init=(1 << longest) - 1)
        m.d.comb += self.fresh.eq(~waits[0])
        with m.If(self.write | self.machine.write | ~self.open):
            m.d.sync += waits.eq(~0)
        with m.Elif(self.select | self.move | self.read):
            m.d.sync += waits.eq(waits >> 1 | (1 << WINDOW_READ) - 1)
        with m.Else():
            m.d.sync += waits.eq(waits >> 1)
