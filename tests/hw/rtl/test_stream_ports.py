"""What a machine that streams has outside: a read manager's ports and the register of its base."""

from dataclasses import replace
from typing import Any

import pytest

from sordino.arch import Config
from sordino.isa.registers import REGISTERS
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.host.host import Host
from sordino.rtl.top import Sordino
from sordino.stimuli.simulate import simulate
from sordino.testing.images.streaming import STREAMING

RESIDENT = replace(STREAMING, stream_bus=0)


@pytest.mark.parametrize("config", [STREAMING, RESIDENT], ids=["streaming", "resident"])
def test_base_register(config: Config) -> None:
    """Written and read back, and on its way to the manager; outside the map of other machines."""
    host, streams = Host(config), bool(config.stream_bus)
    bus, address = host.bus, REGISTERS["STREAM_BASE"].offset // 4

    async def bench(ctx: Any) -> None:
        ctx.set(bus.write_address, address)
        ctx.set(bus.write_data, 0x1234_5678)
        ctx.set(bus.write_strobe, 0xF)
        ctx.set(bus.write_valid, 1)
        assert ctx.get(bus.write_refused) != streams
        await ctx.tick()
        ctx.set(bus.write_valid, 0)
        ctx.set(bus.read_address, address)
        ctx.set(bus.read_valid, 1)
        assert ctx.get(bus.read_refused) != streams
        if streams:
            assert ctx.get(bus.read_data) == 0x1234_5678
            assert ctx.get(host.machine.stream_base) == 0x1234_5678

    simulate(host, bench, timeout=10)


def test_ports() -> None:
    ports = ("araddr", "arlen", "arsize", "arburst", "arvalid", "arready", "rdata", "rlast")
    text = to_rtlil(Sordino(STREAMING), name="top", joint="_")
    assert all(f"\\m_axi_{port}" in text for port in ports)
    assert "m_axi" not in to_rtlil(Sordino(RESIDENT), name="top", joint="_")
