"""The columns of x that wait in front of a group."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import MAX_WRAPS

__all__ = ["XFifo"]


class XFifo(wiring.Component):
    """Keep up to `depth` columns of x from the group's present column on; read up to 7 ahead.

    The sender announces a column and any number of cycles later delivers it; announced columns
    count, so whatever is on its way has room. A column written can be read in the next cycle.
    `depth` is a power of two and more than MAX_WRAPS.

    Members
    -------
    clear
        While it is high the FIFO is empty at column 0, takes nothing and is `ready` from the next
        cycle on, so that a group without work holds nobody up.
    ready
        There is room for another column. It falls in the cycle after the one that fills the FIFO.
    reserve
        A column is announced. Only while `ready`.
    write, x
        A column is delivered.
    offset
        Which column is looked at: so many, 0 to MAX_WRAPS, further than the present one.
    available, value
        Whether that column is here, and the column, in the same cycle.
    advance
        That column becomes the present one; earlier ones are given up, which `ready` knows two
        cycles later. Only while `available`.
    """

    clear: In(1)
    ready: Out(1)
    reserve: In(1)
    write: In(1)
    x: In(signed(8))
    offset: In(range(MAX_WRAPS + 1))
    available: Out(1)
    value: Out(signed(8))
    advance: In(1)

    def __init__(self, *, depth: int) -> None:
        if depth & (depth - 1) or depth <= MAX_WRAPS:
            raise ValueError(
                f"wanted x FIFO depth to be a power of two above {MAX_WRAPS}, got {depth}"
            )
        self.depth = depth
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        columns: Any = memory.Memory(shape=signed(8), depth=self.depth, init=[])
        m.submodules.columns = columns
        write, read = columns.write_port(), columns.read_port(domain="comb")

        # Pointers count modulo twice the depth, so that full and empty differ.
        reserved, written, present = (
            Signal(range(2 * self.depth), name=name) for name in ("reserved", "written", "present")
        )
        wanted, ahead, used = (
            Signal.like(present, name=name) for name in ("wanted", "ahead", "used")
        )
        m.d.comb += [
            write.en.eq(self.write & ~self.clear),
            write.addr.eq(written),
            write.data.eq(self.x),
            wanted.eq(present + self.offset),
            read.addr.eq(wanted),
            self.value.eq(read.data),
            # Columns from the wanted one on: 1 to depth if it is here, else 0 or negative.
            ahead.eq(written - wanted),
            self.available.eq((ahead != 0) & (ahead <= self.depth)),
            used.eq(reserved - present),
        ]
        with m.If(self.clear):
            m.d.sync += [reserved.eq(0), written.eq(0), present.eq(0), self.ready.eq(1)]
        with m.Else():
            m.d.sync += [
                reserved.eq(reserved + self.reserve),
                written.eq(written + self.write),
                self.ready.eq(used < Mux(self.reserve, self.depth - 1, self.depth)),
            ]
            with m.If(self.advance):
                m.d.sync += present.eq(wanted)
        return m
