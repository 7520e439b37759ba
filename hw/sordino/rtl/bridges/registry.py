"""Every bridge by the name of its bus."""

from collections.abc import Callable, Mapping
from typing import Any

from amaranth.lib import wiring

from sordino.errors import InputError
from sordino.isa.registers import ADDRESS_BITS
from sordino.rtl.bridges.axi_lite import AxiLiteBridge
from sordino.rtl.bridges.uart import UartBridge
from sordino.rtl.bridges.wishbone import WishboneBridge

__all__ = ["BRIDGES", "DEFAULT", "check_bus", "make_bridge"]

BRIDGES: Mapping[str, Callable[..., wiring.Component]] = {
    "axi": AxiLiteBridge,
    "wishbone": WishboneBridge,
    "uart": UartBridge,
}
"""What makes a bridge, by the name of its bus.

A bridge has a register bus, `bus`. All its other members become ports of the top module, under the
same names. It is made with `address_width`, the bits of a byte address.
"""
DEFAULT = "axi"


def check_bus(name: str) -> None:
    """Refuse a bus that no bridge is for, with InputError."""
    if name not in BRIDGES:
        raise InputError(
            f"wanted a bus that there is a bridge for, {', '.join(BRIDGES)}, got {name!r}; "
            "docs/contributing/bridge.md says how to add one"
        )


def make_bridge(name: str, **options: Any) -> wiring.Component:
    """A bridge to all registers of the map; InputError for a bus that no bridge is for.

    `options` are the bridge's own: `clock_hz` and `baud` of `uart`.
    """
    check_bus(name)
    return BRIDGES[name](address_width=ADDRESS_BITS, **options)
