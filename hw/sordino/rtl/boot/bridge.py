"""A bridge with a boot loader beside it: first the image on the board, then the host's writes."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.isa.registers import ADDRESS_BITS
from sordino.rtl.boot.loader import BootLoader, BootSignature
from sordino.rtl.boot.source import SourceSignature
from sordino.rtl.bridges.ports import connect_ports, with_ports
from sordino.rtl.shared.register_bus import RegisterBusSignature

__all__ = ["BootBridge"]


class BootBridge(wiring.Component):
    """Any bridge, whose writes wait until the boot image at byte `address` is carried out.

    A host may read at any time. It is itself a bridge, with the ports of the other one.

    Members
    -------
    uart
        The other bridge's own ports, under their own names; this one is UartBridge's.
    bus
        The registers.
    boot_source
        Where the boot image is.
    boot
        How the boot went.
    interrupt
        The machine's interrupt line, where the other bridge tells its host of it.
    """

    def __init__(self, config: Config, bridge: wiring.Component, *, address: int = 0) -> None:
        self.config = config
        self.bridge = bridge
        self.address = address
        own = {"boot_source": Out(SourceSignature()), "boot": Out(BootSignature())}
        bus = Out(RegisterBusSignature(address_width=ADDRESS_BITS - 2))
        members = {**with_ports(bridge, own), "bus": bus}
        self.tells = "interrupt" in bridge.signature.members
        if self.tells:
            members["interrupt"] = In(1)
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.bridge = bridge = self.bridge
        m.submodules.loader = loader = BootLoader(config_id=self.config.id, address=self.address)
        connect_ports(m, self, bridge, self.interrupt if self.tells else C(0))
        wiring.connect(m, loader.source, wiring.flipped(self.boot_source))
        wiring.connect(m, loader.boot, wiring.flipped(self.boot))
        for writer, turn in ((bridge.bus, loader.boot.done), (loader.bus, ~loader.boot.done)):
            m.d.comb += [
                writer.write_ready.eq(self.bus.write_ready & turn),
                writer.write_refused.eq(self.bus.write_refused),
            ]
            with m.If(turn):
                m.d.comb += [
                    self.bus.write_valid.eq(writer.write_valid),
                    self.bus.write_address.eq(writer.write_address),
                    self.bus.write_data.eq(writer.write_data),
                    self.bus.write_strobe.eq(writer.write_strobe),
                ]
        own = loader.bus.read_valid
        for reader, turn in ((bridge.bus, ~own), (loader.bus, own)):
            m.d.comb += [
                reader.read_ready.eq(self.bus.read_ready & turn),
                reader.read_data.eq(self.bus.read_data),
                reader.read_refused.eq(self.bus.read_refused),
            ]
            with m.If(turn):
                m.d.comb += [
                    self.bus.read_valid.eq(reader.read_valid),
                    self.bus.read_address.eq(reader.read_address),
                ]
        return m
