"""Registers behind a bridge that is tested: a subordinate of the register bus."""

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from sordino.rtl.shared.register_bus import RegisterBusSignature

__all__ = ["ADDRESS_WIDTH", "READ_XOR", "REFUSED_FROM", "Registers"]

ADDRESS_WIDTH = 8
REFUSED_FROM = 48
"""Word addresses from here on are refused."""
READ_XOR = 0x5A5A_1234


class Registers(wiring.Component):
    """Ready when told; reads back a function of the address."""

    def __init__(self, read_xor=READ_XOR):
        self._read_xor = read_xor
        super().__init__(
            {"bus": In(RegisterBusSignature(address_width=ADDRESS_WIDTH - 2)), "ready": In(1)}
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.bus.write_ready.eq(self.ready),
            self.bus.write_refused.eq(self.bus.write_address >= REFUSED_FROM),
            self.bus.read_ready.eq(self.ready),
            self.bus.read_refused.eq(self.bus.read_address >= REFUSED_FROM),
            self.bus.read_data.eq(Mux(self.ready, self.bus.read_address ^ self._read_xor, 0)),
        ]
        return m
