"""AXI4-Lite subordinate: from the five channels to one register access at a time."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.rtl.shared.register_bus import DATA_BITS, STROBES, RegisterBusSignature, Response

__all__ = ["AxiLiteBridge", "AxiLiteSignature"]


class AxiLiteSignature(wiring.Signature):
    """AXI4-Lite with 32 data bits, in AMBA's names (`Out` at the manager).

    `address_width` counts bits of a byte address; the lowest two are ignored, as are the
    protection bits.
    """

    def __init__(self, *, address_width: int) -> None:
        if address_width < 3:
            raise ValueError(f"wanted AXI address width to be at least 3, got {address_width}")
        self.address_width = address_width
        super().__init__(
            {
                "awaddr": Out(address_width),
                "awprot": Out(3),
                "awvalid": Out(1),
                "awready": In(1),
                "wdata": Out(DATA_BITS),
                "wstrb": Out(STROBES),
                "wvalid": Out(1),
                "wready": In(1),
                "bresp": In(Response),
                "bvalid": In(1),
                "bready": Out(1),
                "araddr": Out(address_width),
                "arprot": Out(3),
                "arvalid": Out(1),
                "arready": In(1),
                "rdata": In(DATA_BITS),
                "rresp": In(Response),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )


class AxiLiteBridge(wiring.Component):
    """AXI4-Lite subordinate that is manager of a register bus.

    Write address and write data are taken in any order. All outputs to AXI are registers or
    functions of registers alone: no output depends on an input of the same cycle. At most one
    write and one read are in flight each; the response comes after the access has happened, so a
    manager that waits for the response sees its effect. An access to an address that is not a
    multiple of 4 is refused here and does not happen.

    Latency: two cycles from the handshake of address and data to the response, if the registers
    are ready. Throughput: one write and one read every two cycles.

    Members
    -------
    s_axi
        The subordinate.
    bus
        The registers.
    """

    def __init__(self, *, address_width: int) -> None:
        super().__init__(
            {
                "s_axi": In(AxiLiteSignature(address_width=address_width)),
                "bus": Out(RegisterBusSignature(address_width=address_width - 2)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._write(m)
        self._read(m)
        return m

    def _write(self, m: Module) -> None:
        axi, bus = self.s_axi, self.bus
        address_held = Signal()
        data_held = Signal()
        whole, asked = Signal(), Signal()
        m.d.comb += [
            axi.awready.eq(~address_held),
            axi.wready.eq(~data_held),
            asked.eq(address_held & data_held & ~axi.bvalid),
            bus.write_valid.eq(asked & whole),
        ]
        with m.If(axi.awvalid & axi.awready):
            m.d.sync += [
                address_held.eq(1),
                bus.write_address.eq(axi.awaddr[2:]),
                whole.eq(~axi.awaddr[:2].any()),
            ]
        with m.If(axi.wvalid & axi.wready):
            m.d.sync += [
                data_held.eq(1),
                bus.write_data.eq(axi.wdata),
                bus.write_strobe.eq(axi.wstrb),
            ]
        with m.If(asked & (bus.write_ready | ~whole)):
            m.d.sync += [
                address_held.eq(0),
                data_held.eq(0),
                axi.bvalid.eq(1),
                axi.bresp.eq(Mux(bus.write_refused | ~whole, Response.SLVERR, Response.OKAY)),
            ]
        with m.If(axi.bvalid & axi.bready):
            m.d.sync += axi.bvalid.eq(0)

    def _read(self, m: Module) -> None:
        axi, bus = self.s_axi, self.bus
        held = Signal()
        whole, asked = Signal(), Signal()
        m.d.comb += [
            axi.arready.eq(~held),
            asked.eq(held & ~axi.rvalid),
            bus.read_valid.eq(asked & whole),
        ]
        with m.If(axi.arvalid & axi.arready):
            m.d.sync += [
                held.eq(1),
                bus.read_address.eq(axi.araddr[2:]),
                whole.eq(~axi.araddr[:2].any()),
            ]
        with m.If(asked & (bus.read_ready | ~whole)):
            m.d.sync += [
                held.eq(0),
                axi.rvalid.eq(1),
                axi.rdata.eq(Mux(whole, bus.read_data, 0)),
                axi.rresp.eq(Mux(bus.read_refused | ~whole, Response.SLVERR, Response.OKAY)),
            ]
        with m.If(axi.rvalid & axi.rready):
            m.d.sync += axi.rvalid.eq(0)
