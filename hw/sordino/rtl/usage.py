"""Which segments the program uses: what USE has begun, until an INPUT."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.fields import SEGMENTS

__all__ = ["Usage"]


class Usage(wiring.Component):
    """Keep a mark for each segment that is in use.

    A MATVEC or an instruction of the vector unit that reads a segment is done when an INPUT begins.
    A TABLE may still read one; so what was in use then falls only once no TABLE is at work. Its
    twin is `sordino.testing.twins.usage`.

    Members
    -------
    used
        Segments that a USE begins to use in this cycle.
    input
        An INPUT begins in this cycle.
    reading
        A TABLE is at work.
    stopped
        No program runs: nothing is in use.
    in_use
        Segments in use, those of `used` from the next cycle on: an instruction's bits decide
        `used`, and what the host is answered must not wait for them.
    """

    used: In(SEGMENTS)
    input: In(1)
    reading: In(1)
    stopped: In(1)
    in_use: Out(SEGMENTS)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        marks, leaving = Signal(SEGMENTS), Signal(SEGMENTS)
        m.d.comb += self.in_use.eq(marks | leaving)
        with m.If(self.stopped):
            m.d.sync += [marks.eq(0), leaving.eq(0)]
        with m.Else():
            m.d.sync += marks.eq(Mux(self.input, 0, marks | self.used))
            with m.If(self.input):
                m.d.sync += leaving.eq(leaving | marks)
            with m.Elif(~self.reading):
                m.d.sync += leaving.eq(0)
        return m
