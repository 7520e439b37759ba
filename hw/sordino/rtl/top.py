"""Sordino: the machine with its registers behind a bridge to the system's bus."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from sordino.arch import Config
from sordino.rtl.bridges.ports import connect_ports, with_ports
from sordino.rtl.bridges.registry import DEFAULT, make_bridge
from sordino.rtl.host.host import Host
from sordino.rtl.machine import Machine
from sordino.rtl.shared.ports import external_signature

__all__ = ["Sordino"]


class Sordino(wiring.Component):
    """One machine of `config` with the registers of REGISTER_MAP behind `bridge`.

    `bridge` is what `sordino.rtl.bridges.registry` makes, or any component like it; without one it
    is an AxiLiteBridge. ValueError for a component that is no bridge.

    Members
    -------
    s_axi
        The bridge's own ports, under their own names; this one is AxiLiteBridge's.
    irq
        High while a bit of INTERRUPT_STATUS is set that INTERRUPT_ENABLE has too.
    m_axi
        Read manager to external memory, in machines that stream.
    """

    def __init__(self, config: Config, bridge: wiring.Component | None = None) -> None:
        self.config = config
        self.bridge = make_bridge(DEFAULT) if bridge is None else bridge
        streaming = {"m_axi": Out(external_signature(config))} if config.stream_bus else {}
        super().__init__(with_ports(self.bridge, {"irq": Out(1), **streaming}))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.bridge = bridge = self.bridge
        m.submodules.host = host = Host(self.config)
        m.submodules.machine = machine = Machine(self.config)
        connect_ports(m, self, bridge, host.interrupt)
        wiring.connect(m, bridge.bus, host.bus)
        wiring.connect(m, host.machine, machine.host)
        m.d.comb += self.irq.eq(host.interrupt)
        if self.config.stream_bus:
            wiring.connect(m, machine.m_axi, wiring.flipped(self.m_axi))
        return m
