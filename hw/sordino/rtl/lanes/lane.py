"""Multiply-accumulate lane with a zero gate and two banks of accumulators."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from sordino.arith import MAX_X_SHIFT, WEIGHT
from sordino.rtl.shared.attributes import BLOCK
from sordino.rtl.shared.ports import DrainSignature

__all__ = ["SHIFTED_X_BITS", "Lane"]

SHIFTED_X_BITS = 8 + MAX_X_SHIFT


class Lane(wiring.Component):
    """accumulator[row] += x * w, modulo 2^accumulator_bits; one product a cycle.

    A place is in its accumulator, and visible to a drain read presented then, LANE cycles
    (`isa.timing`) later. Where x or w is 0 the operand registers, the multiplier behind them and
    the accumulators hold still; no timing depends on it. The same row may come in every cycle. A
    place whose product is not stored when `busy` falls is lost.

    Memories: `bank0` and `bank1`, each with one read and one write port. Its twin is a product and
    `sordino.golden.memory.wrap`.

    Members
    -------
    busy, bank
        While `busy` is high the lane works on `bank`. The other bank, and both while it is low,
        belong to `drain`.
    valid, row, x, x_zero, w
        A place: its row, shifted x, whether x is 0, and its weight. What is 0 is so before it is
        shifted, and is known earlier.
    useful
        There was a place with a product a cycle ago.
    drain
        The vector unit's view of this one lane. A read of the row that is written in the same cycle
        gives something unspecified, as block RAM does that is neither read-first nor transparent.
    """

    def __init__(self, *, rows: int, accumulator_bits: int) -> None:
        self.rows = rows
        self.accumulator_bits = accumulator_bits
        super().__init__(
            {
                "busy": In(1),
                "bank": In(1),
                "valid": In(1),
                "row": In(range(rows)),
                "x": In(signed(SHIFTED_X_BITS)),
                "x_zero": In(1),
                "w": In(signed(WEIGHT.bits)),
                "useful": Out(1),
                "drain": In(DrainSignature(lanes=1, rows=rows, accumulator_bits=accumulator_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        # Operands, while the accumulator is read.
        gate = Signal()
        row, x, w = (
            Signal.like(port, name=f"operand_{name}")
            for port, name in ((self.row, "row"), (self.x, "x"), (self.w, "w"))
        )
        m.d.comb += gate.eq(self.busy & self.valid & ~self.x_zero & (self.w != 0))
        m.d.sync += self.useful.eq(gate)
        with m.If(gate):
            m.d.sync += [row.eq(self.row), x.eq(self.x), w.eq(self.w)]

        # Product. Of the two places before, one has its sum on the way to memory and one is yet
        # to be added when an accumulator is read: reads of their rows come too early.
        adding, written = Signal(), Signal()
        product_row, written_row = (
            Signal.like(row, name=name) for name in ("product_row", "written_row")
        )
        product = Signal(signed(len(x) + len(w)))
        stored, accumulator, total, previous = (
            Signal(signed(self.accumulator_bits), name=name)
            for name in ("stored", "accumulator", "total", "previous")
        )
        late, forward = Signal(), Signal()
        m.d.sync += [
            adding.eq(self.useful & self.busy),
            written.eq(adding),
            forward.eq(adding & (product_row == row)),
        ]
        m.d.comb += late.eq(written & (written_row == row))
        with m.If(self.useful):
            m.d.sync += [
                product.eq(x * w),
                product_row.eq(row),
                accumulator.eq(Mux(late, previous, stored)),
            ]

        # Sum.
        m.d.comb += total.eq(Mux(forward, previous, accumulator) + product)
        with m.If(adding):
            m.d.sync += [previous.eq(total), written_row.eq(product_row)]

        self._banks(m, gate, stored, adding, product_row, total)
        return m

    def _banks(
        self,
        m: Module,
        gate: Signal,
        stored: Signal,
        adding: Signal,
        product_row: Signal,
        total: Signal,
    ) -> None:
        """Both memories: one for the places, whose accumulator is `stored`, the other to drain."""
        drain_bank = Signal()
        m.d.sync += drain_bank.eq(self.drain.bank)
        for number in range(2):
            bank: Any = memory.Memory(
                shape=signed(self.accumulator_bits),
                depth=self.rows,
                init=[],
                attrs=BLOCK,
            )
            m.submodules[f"bank{number}"] = bank
            read, write = bank.read_port(), bank.write_port()
            own = Signal(name=f"own{number}")
            m.d.comb += own.eq(self.busy & (self.bank == number))
            with m.If(own):
                m.d.comb += [
                    read.en.eq(gate),
                    read.addr.eq(self.row),
                    write.en.eq(adding),
                    write.addr.eq(product_row),
                    write.data.eq(total),
                ]
            with m.Else():
                m.d.comb += [
                    read.en.eq(1),
                    read.addr.eq(self.drain.row),
                    write.en.eq(self.drain.write.lanes & (self.drain.write.bank == number)),
                    write.addr.eq(self.drain.write.row),
                    write.data.eq(self.drain.write.value),
                ]
            with m.If(self.bank == number):
                m.d.comb += stored.eq(read.data)
            with m.If(drain_bank == number):
                m.d.comb += self.drain.accumulators[0].eq(read.data)
