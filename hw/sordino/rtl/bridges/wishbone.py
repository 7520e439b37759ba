"""Wishbone device (classic cycles, revision B4): one register access at a time."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.rtl.shared.register_bus import DATA_BITS, STROBES, RegisterBusSignature

__all__ = ["WishboneBridge", "WishboneSignature"]


class WishboneSignature(wiring.Signature):
    """Wishbone with 32 data bits in bytes of 8, in Wishbone's names (`Out` at the manager).

    `address_width` counts bits of a byte address.
    """

    def __init__(self, *, address_width: int) -> None:
        if address_width < 3:
            raise ValueError(f"wanted Wishbone address width to be at least 3, got {address_width}")
        self.address_width = address_width
        super().__init__(
            {
                "cyc": Out(1),
                "stb": Out(1),
                "we": Out(1),
                "adr": Out(address_width),
                "sel": Out(STROBES),
                "dat_w": Out(DATA_BITS),
                "dat_r": In(DATA_BITS),
                "ack": In(1),
                "err": In(1),
            }
        )


class WishboneBridge(wiring.Component):
    """Wishbone device that is manager of a register bus.

    An access that the registers refuse ends with `err` instead of `ack`, and so does one to an
    address that is not a multiple of 4, which does not happen. Reads are of whole words, whatever
    `sel` says. All outputs to Wishbone are registers. The answer comes after the access has
    happened, for one cycle, and only while its request is still there: where a manager withdraws
    it, a later request gets no answer but its own.

    Latency: two cycles from the first cycle of a request to its answer, if the registers are
    ready. Throughput: one access every three cycles.

    Members
    -------
    wb
        The device.
    bus
        The registers.
    """

    def __init__(self, *, address_width: int) -> None:
        super().__init__(
            {
                "wb": In(WishboneSignature(address_width=address_width)),
                "bus": Out(RegisterBusSignature(address_width=address_width - 2)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        wb, bus = self.wb, self.bus
        requested, answered = Signal(), Signal()
        held, present, write, whole = Signal(), Signal(), Signal(), Signal()
        done, refused = Signal(), Signal()
        m.d.comb += [
            requested.eq(wb.cyc & wb.stb),
            answered.eq(wb.ack | wb.err),
            bus.read_address.eq(bus.write_address),
            bus.write_valid.eq(held & whole & write),
            bus.read_valid.eq(held & whole & ~write),
            done.eq(held & (Mux(write, bus.write_ready, bus.read_ready) | ~whole)),
            refused.eq(Mux(write, bus.write_refused, bus.read_refused) | ~whole),
        ]
        m.d.sync += [wb.ack.eq(0), wb.err.eq(0), present.eq(present & requested)]
        with m.If(done):
            answer = present & requested
            m.d.sync += [
                held.eq(0),
                wb.ack.eq(answer & ~refused),
                wb.err.eq(answer & refused),
                wb.dat_r.eq(Mux(whole & ~write, bus.read_data, 0)),
            ]
        with m.Elif(requested & ~answered & ~held):
            m.d.sync += [
                held.eq(1),
                present.eq(1),
                write.eq(wb.we),
                whole.eq(~wb.adr[:2].any()),
                bus.write_address.eq(wb.adr[2:]),
                bus.write_data.eq(wb.dat_w),
                bus.write_strobe.eq(wb.sel),
            ]
        return m
