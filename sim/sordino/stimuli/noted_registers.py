"""Registers that show every access, behind any bridge."""

from typing import Any

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.registers import ADDRESS_BITS
from sordino.rtl.bridges.ports import connect_ports, with_ports
from sordino.rtl.shared.register_bus import DATA_BITS

__all__ = ["READ_BIT", "REFUSED_FROM", "NotedRegisters", "read_word"]

REFUSED_FROM = 0x300
"""Word addresses from here on are refused."""
READ_BIT = ADDRESS_BITS
"""It is set in the address that a read shows."""
_MIXED = 0x5A7D_7E34


def read_word(address: Any) -> Any:
    """What a word address reads as."""
    return address ^ _MIXED


class NotedRegisters(wiring.Component):
    """A bridge before registers that are always ready; each shows in `seen` what is done.

    What is read is `read_word`. `interrupt` is the interrupt line.

    Members
    -------
    seen
        An access, in one cycle: whether there is one, word address with READ_BIT, and the word.
    interrupt
        The line that the bridge is told of.
    """

    def __init__(self, bridge: wiring.Component) -> None:
        self.bridge = bridge
        seen = wiring.Signature(
            {"valid": Out(1), "address": Out(ADDRESS_BITS + 1), "data": Out(DATA_BITS)}
        )
        super().__init__(with_ports(bridge, {"seen": Out(seen), "irq": In(1)}))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.bridge = bridge = self.bridge
        connect_ports(m, self, bridge, self.irq)
        bus, seen = bridge.bus, self.seen
        m.d.comb += [
            bus.write_ready.eq(1),
            bus.write_refused.eq(bus.write_address >= REFUSED_FROM),
            bus.read_ready.eq(1),
            bus.read_refused.eq(bus.read_address >= REFUSED_FROM),
            bus.read_data.eq(read_word(bus.read_address)),
            seen.valid.eq(bus.write_valid | bus.read_valid),
            seen.address.eq(
                Mux(bus.read_valid, bus.read_address | 1 << READ_BIT, bus.write_address)
            ),
            seen.data.eq(Mux(bus.read_valid, bus.read_data, bus.write_data)),
        ]
        return m
