"""A top module that tests of the host's side can foresee: the registers, a bridge, a stand-in."""

from typing import Any

from amaranth.hdl import ClockDomain, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from sordino.arch import Config
from sordino.rtl.bridges.ports import connect_ports, with_ports
from sordino.rtl.host.host import Host
from sordino.stimuli.fake_machine import FakeMachine

__all__ = ["FakeSordino"]


class FakeSordino(wiring.Component):
    """The top module of `config` with a FakeMachine, in a clock domain that can be reset.

    Its ports are `bridge`'s own, then `irq`. Without `own_clock` it is in the domain of who has it.
    """

    def __init__(self, config: Config, bridge: wiring.Component, *, own_clock: bool = True) -> None:
        super().__init__(with_ports(bridge, {"irq": Out(1)}))
        self.sync = ClockDomain("sync") if own_clock else None
        self.bridge = bridge
        self.registers = Host(config)
        self.machine = FakeMachine(streaming=bool(config.stream_bus), channels=config.channels)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if self.sync is not None:
            m.domains.sync = self.sync
        m.submodules.bridge = bridge = self.bridge
        m.submodules.host = host = self.registers
        m.submodules.machine = machine = self.machine
        connect_ports(m, self, bridge, host.interrupt)
        wiring.connect(m, bridge.bus, host.bus)
        wiring.connect(m, host.machine, machine.host)
        m.d.comb += self.irq.eq(host.interrupt)
        return m
