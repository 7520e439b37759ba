"""A bridge's own ports, which become ports of the top module."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.registers import ADDRESS_BITS
from sordino.rtl.shared.register_bus import RegisterBusSignature

__all__ = ["connect_ports", "with_ports"]

_BUS = "bus"
_INTERRUPT = "interrupt"
_INNER = (_BUS, _INTERRUPT)
"""Members of a bridge that are no ports of the top."""
_RESERVED = ("clk", "rst")
"""Ports that every top module has."""


def with_ports(bridge: wiring.Component, others: dict[str, Any]) -> dict[str, Any]:
    """The members of a top module: the bridge's own, then `others`.

    A bridge has a member `bus`, Out(RegisterBusSignature) for all registers of the map. One that
    tells its host of interrupts has a member `interrupt`, In(1). ValueError for a component that is
    none, and for a port's name that is taken.
    """
    own = dict(bridge.signature.members.items())
    bus, interrupt = own.pop(_BUS, None), own.pop(_INTERRUPT, In(1))
    wanted = RegisterBusSignature(address_width=ADDRESS_BITS - 2)
    same = (
        bus is not None
        and bus.is_signature
        and bus.flow is Out
        and bus.signature.members == wanted.members
    )
    if not same:
        raise ValueError(
            f"wanted a bridge whose member bus is Out(RegisterBusSignature) with "
            f"{wanted.address_width} address bits, got {type(bridge).__name__} with {bus}"
        )
    if interrupt != In(1):
        raise ValueError(
            f"wanted a bridge whose member interrupt is In(1), got {type(bridge).__name__} with "
            f"{interrupt}"
        )
    if taken := sorted(own.keys() & {*_RESERVED, *others}):
        raise ValueError(
            f"wanted a bridge without ports named {', '.join(taken)}, got one that has"
        )
    return {**own, **others}


def connect_ports(
    m: Module, top: wiring.Component, bridge: wiring.Component, interrupt: Value
) -> None:
    """Connect the bridge's own ports with those of the same names at the top.

    A bridge that tells of interrupts gets the line `interrupt`.
    """
    ports = {path: port for path, _, port in top.signature.flatten(top)}
    for path, member, inner in bridge.signature.flatten(bridge):
        if path[0] == _INTERRUPT:
            m.d.comb += inner.eq(interrupt)
        elif path[0] not in _INNER:
            outer = ports[path]
            m.d.comb += outer.eq(inner) if member.flow is Out else inner.eq(outer)
