"""Memories as block RAM may be: what is read in the cycle in which it is written is wrong."""

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Signal, Value
from amaranth.lib import memory

from sordino.rtl.shared.attributes import UNCHECKED

__all__ = ["InvertingMemory", "marked_memory"]


class InvertingMemory(Elaboratable):
    """A memory of one write and one read port, whose reads have every bit inverted where they
    collide: the word is written in the same cycle, all of it or a part.

    It takes the place of `amaranth.lib.memory.Memory`, marked `no_rw_check`. Its twin is a read
    port of DP16KD in `sim/sordino/netlist/ecp5`.
    """

    def __init__(self, **arguments: Any) -> None:
        self.shape = arguments["shape"]
        self.inner: Any = memory.Memory(**arguments)

    @property
    def data(self) -> Any:
        """The words, for a simulator."""
        return self.inner.data

    def write_port(self, **arguments: Any) -> Any:
        """The only write port."""
        self.write = self.inner.write_port(**arguments)
        return self.write

    def read_port(self) -> Any:
        """The only read port."""
        self.real = self.inner.read_port()
        self.read = SimpleNamespace(
            en=Signal(init=1), addr=Signal.like(self.real.addr), data=Signal(self.shape)
        )
        return self.read

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.inner = self.inner
        inverted = Signal()
        data = Value.cast(self.real.data)
        m.d.comb += [
            self.real.en.eq(self.read.en),
            self.real.addr.eq(self.read.addr),
            Value.cast(self.read.data).eq(data ^ inverted.replicate(len(data))),
        ]
        written = Cat(self.write.en).any()
        with m.If(self.read.en):
            m.d.sync += inverted.eq(written & (self.write.addr == self.read.addr))
        return m


def marked_memory(**arguments: Any) -> Any:
    """An inverting memory where the memory is marked, else Amaranth's."""
    marked = arguments.get("attrs", {}).items() >= UNCHECKED.items()
    return InvertingMemory(**arguments) if marked else memory.Memory(**arguments)
