"""A whole system around one flash: it boots the machine, and a machine that streams reads it."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from sordino.arch import Config
from sordino.rtl.boot.bridge import BootBridge
from sordino.rtl.boot.flash import FlashSource, SpiSignature
from sordino.rtl.boot.loader import BootSignature
from sordino.rtl.boot.memory import SourceMemory
from sordino.rtl.bridges.ports import with_ports
from sordino.rtl.top import Sordino

__all__ = ["FlashSystem"]


class FlashSystem(wiring.Component):
    """A machine of `config` behind `bridge`, and a flash of `size` bytes with `lines` data lines.

    The boot image lies at byte `address`. A machine that streams has the flash as its external
    memory: page n of STREAM_BASE is byte 4096 n of the flash. It streams only after the boot, since
    a host's writes wait until then.

    Members
    -------
    uart
        The bridge's own ports, under their own names; this one is UartBridge's.
    spi
        The flash's pins.
    boot
        How the boot went.
    irq
        The machine's interrupt line.
    """

    def __init__(
        self, config: Config, bridge: wiring.Component, *, lines: int, size: int, address: int
    ) -> None:
        self.config = config
        self.bridge = bridge
        self.lines = lines
        self.size = size
        self.address = address
        own = {"spi": Out(SpiSignature()), "boot": Out(BootSignature()), "irq": Out(1)}
        super().__init__(with_ports(bridge, own))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        boots = BootBridge(self.config, self.bridge, address=self.address)
        m.submodules.sordino = sordino = Sordino(self.config, boots)
        m.submodules.flash = flash = FlashSource(lines=self.lines)
        wiring.connect(m, flash.spi, wiring.flipped(self.spi))
        self._ports(m, sordino)
        if not self.config.stream_bus:
            wiring.connect(m, sordino.boot_source, flash.source)
            return m
        m.submodules.memory = external = SourceMemory(self.config, size=self.size)
        wiring.connect(m, sordino.m_axi, external.axi)
        self._share(m, ~self.boot.done, sordino.boot_source, external.source, flash.source)
        return m

    def _ports(self, m: Module, sordino: Sordino) -> None:
        """Lead the bridge's own ports, the boot's state and the interrupt out."""
        inner = {path: port for path, _, port in sordino.signature.flatten(sordino)}
        for path, member, outer in self.signature.flatten(self):
            if path[0] != "spi":
                port = inner[path]
                m.d.comb += outer.eq(port) if member.flow is Out else port.eq(outer)

    def _share(self, m: Module, first: Value, one: Any, other: Any, source: Any) -> None:
        """Give the source to `one` while `first` is high, then to `other`."""
        for reader, turn in ((one, first), (other, ~first)):
            m.d.comb += [
                reader.command.ready.eq(source.command.ready & turn),
                reader.words.valid.eq(source.words.valid & turn),
                reader.words.payload.eq(source.words.payload),
            ]
            with m.If(turn):
                m.d.comb += [
                    source.command.valid.eq(reader.command.valid),
                    source.command.payload.eq(reader.command.payload),
                    source.words.ready.eq(reader.words.ready),
                ]
