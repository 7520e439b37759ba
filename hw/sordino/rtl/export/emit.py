"""Writes a component as RTLIL, the form that Yosys makes Verilog and C++ of.

Amaranth 0.5's own `convert` writes the initial contents of every memory bit by bit: minutes for
a machine of two megabytes of zeros, which no program depends on (START clears no memory) and
large memories of many devices cannot have. It also refuses streams that are always ready. This
module reaches into `amaranth.back.rtlil` for the first; pyproject.toml holds Amaranth below 0.6.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Const, Elaboratable, Value
from amaranth.lib import wiring

__all__ = ["port_names", "ports_of", "to_rtlil", "zeros_left_out"]


def ports_of(component: wiring.Component, joint: str = "__") -> dict[str, tuple[Value, None]]:
    """Every signal of the component's signature by its path joined with `joint`."""
    ports = {}
    for path, _, member in component.signature.flatten(component):
        value = Value.cast(member)
        if not isinstance(value, Const):  # an always ready stream's ready is no port
            ports[joint.join(map(str, path))] = (value, None)
    return ports


def port_names(component: wiring.Component, joint: str = "_") -> list[str]:
    """Names of the ports of a component that is made only to be asked for them.

    Amaranth warns of a component that nothing elaborates, whenever its memory is freed: this one
    and those that it holds count as used from here on.
    """
    for part in (component, *vars(component).values()):
        if isinstance(part, Elaboratable):
            vars(part)["_MustUse__used"] = True
    return list(ports_of(component, joint))


@contextmanager
def zeros_left_out() -> Iterator[None]:
    """Write RTLIL in the block without memories' initial contents where these are all zero."""
    emitter: Any = rtlil.ModuleEmitter
    original = emitter.emit_memory

    def emit_memory(self, cell_index, cell):
        if any(cell.init):
            original(self, cell_index, cell)

    emitter.emit_memory = emit_memory
    try:
        yield
    finally:
        emitter.emit_memory = original


def to_rtlil(component: wiring.Component, *, name: str = "top", joint: str = "__") -> str:
    """RTLIL of `component` without source positions and without memories' initial zeros.

    The top module is `name`; a port is named by its path in the signature joined with `joint`.
    """
    with zeros_left_out():
        return str(
            rtlil.convert(component, name=name, ports=ports_of(component, joint), emit_src=False)
        )
