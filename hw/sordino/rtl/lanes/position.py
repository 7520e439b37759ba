"""The position decoder: runs become places, with row, columns to move on and padding."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import MAX_WRAPS
from sordino.isa.operations import Matvec
from sordino.rtl.lanes.decoder import RUN_BITS

__all__ = ["PositionWalker"]

_ROWS_BITS = Matvec.layout["rows"].width


class PositionWalker(wiring.Component):
    """Walk a matrix of `rows` rows a lane, column by column, along runs.

    The walk begins at column 0, row -1. A run n leads n + 1 places on, a padding symbol MAX_WRAPS
    columns in the same row. A symbol stands at the output WALK moves (`isa.timing`) later;
    throughput is one symbol a move. Its twin is `sordino.golden.codec`.

    The run is split into quotient and remainder of `rows` before the walk, whose only loop is
    then row + remainder + 1, less `rows` if that is too many.

    Members
    -------
    clear
        Begin a walk.
    move
        The registers move on, which they do in no other cycle.
    rows
        Rows a lane, held for the whole walk.
    i_valid, i_run, i_padding
        A symbol: a run, or padding.
    valid, row, wraps, padding
        Its place: the row, and the number of columns that it moves on.
    overrun
        The place moves on more than MAX_WRAPS columns; the walk means nothing from there on.
    taking
        The symbol that this move brings to the output is no padding: lanes have to bring a value
        along.
    pending
        Symbols are on their way that have not reached the output.
    """

    clear: In(1)
    move: In(1)
    rows: In(_ROWS_BITS)
    i_valid: In(1)
    i_run: In(RUN_BITS)
    i_padding: In(1)
    valid: Out(1)
    row: Out(signed(_ROWS_BITS + 1))
    wraps: Out(range(MAX_WRAPS + 2))
    padding: Out(1)
    overrun: Out(1)
    taking: Out(1)
    pending: Out(1)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        valid, padding, remainder, quotient, too_long = self._split(m)

        m.d.comb += self.taking.eq(valid & ~padding)
        landed = Signal(signed(len(self.rows) + 2))
        wrapped = Signal.like(landed)
        next_column = Signal()
        m.d.comb += [
            landed.eq(self.row + remainder + 1),
            wrapped.eq(landed - self.rows),
            next_column.eq(wrapped >= 0),
        ]
        with m.If(self.clear):
            m.d.sync += [self.valid.eq(0), self.row.eq(-1)]
        with m.Elif(self.move):
            m.d.sync += [
                self.valid.eq(valid),
                self.padding.eq(padding),
                self.overrun.eq(~padding & (too_long | (next_column & (quotient == MAX_WRAPS)))),
                self.wraps.eq(Mux(padding, MAX_WRAPS, quotient + next_column)),
            ]
            with m.If(valid & ~padding):
                m.d.sync += self.row.eq(Mux(next_column, wrapped, landed))
        return m

    def _split(self, m: Module):
        """Three steps, one a move: run = quotient * rows + remainder.

        Each takes a power of two times `rows` off the remainder if it can. A run of 8 * rows or
        more has no such quotient.
        """
        valid, padding = self.i_valid, self.i_padding
        remainder: Value = self.i_run
        quotient: Value = C(0, 0)
        too_long: Value = C(0, 1)
        pending = []
        for step in (2, 1, 0):
            part = self.rows << step
            next_valid = Signal(name=f"valid{step}")
            next_padding = Signal(name=f"padding{step}")
            next_remainder = Signal(len(self.rows) + step, name=f"remainder{step}")
            next_quotient = Signal(len(quotient) + 1, name=f"quotient{step}")
            next_too_long = Signal(name=f"too_long{step}")
            less = Signal(signed(RUN_BITS + 1), name=f"less{step}")
            m.d.comb += less.eq(remainder - part)
            with m.If(self.clear):
                m.d.sync += next_valid.eq(0)
            with m.Elif(self.move):
                m.d.sync += [
                    next_valid.eq(valid),
                    next_padding.eq(padding),
                    next_remainder.eq(Mux(less < 0, remainder, less)),
                    next_quotient.eq(Cat(less >= 0, quotient)),
                    next_too_long.eq(remainder >= (self.rows << 3) if step == 2 else too_long),
                ]
            pending.append(next_valid)
            valid, padding, remainder = next_valid, next_padding, next_remainder
            quotient, too_long = next_quotient, next_too_long
        m.d.comb += self.pending.eq(Cat(pending).any())
        return valid, padding, remainder, quotient, too_long
