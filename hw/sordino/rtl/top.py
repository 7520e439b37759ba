"""Sordino: the machine behind its AXI4-Lite subordinate."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.isa.registers import ADDRESS_BITS
from sordino.rtl.host.host import Host
from sordino.rtl.machine import Machine
from sordino.rtl.shared.axi import AxiLiteBridge, AxiLiteSignature
from sordino.rtl.shared.ports import external_signature

__all__ = ["Sordino"]


class Sordino(wiring.Component):
    """One machine of `config` with the registers of REGISTER_MAP on AXI4-Lite.

    Members
    -------
    s_axi
        Subordinate, 32 data bits, ADDRESS_BITS address bits.
    irq
        High while a bit of INTERRUPT_STATUS is set that INTERRUPT_ENABLE has too.
    m_axi
        Read manager to external memory, in machines that stream.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        streaming = {"m_axi": Out(external_signature(config))} if config.stream_bus else {}
        super().__init__(
            {
                "s_axi": In(AxiLiteSignature(address_width=ADDRESS_BITS)),
                "irq": Out(1),
                **streaming,
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.bridge = bridge = AxiLiteBridge(address_width=ADDRESS_BITS)
        m.submodules.host = host = Host(self.config)
        m.submodules.machine = machine = Machine(self.config)
        wiring.connect(m, wiring.flipped(self.s_axi), bridge.axi)
        wiring.connect(m, bridge.bus, host.bus)
        wiring.connect(m, host.machine, machine.host)
        m.d.comb += self.irq.eq(host.interrupt)
        if self.config.stream_bus:
            wiring.connect(m, machine.m_axi, wiring.flipped(self.m_axi))
        return m
