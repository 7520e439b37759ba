# amaranth: UnusedElaboratable=no
"""RTLIL of components: ports by path, constants left out, no zeros spelled out."""

from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from sordino.rtl.export.emit import ports_of, to_rtlil


class TwoMemories(wiring.Component):
    def __init__(self):
        super().__init__(
            {
                "address": In(3),
                "zero": Out(8),
                "table": Out(8),
                "load": In(stream.Signature(8, always_ready=True)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for name, init in (("zero", []), ("table", [0, 0, 0x5A])):
            memory = Memory(shape=8, depth=8, init=init)
            m.submodules[f"{name}_memory"] = memory
            port = memory.read_port(domain="comb")
            m.d.comb += [port.addr.eq(self.address), getattr(self, name).eq(port.data)]
        return m


def test_only_memories_that_are_zero_throughout_lose_their_contents():
    text = to_rtlil(TwoMemories())
    assert text.count("cell $meminit_v2") == 1
    assert text.count("memory width 8 size 8") == 2
    (data,) = [line for line in text.splitlines() if "connect \\DATA 64'" in line]
    assert int(data.split("'")[1], 2) == 0x5A << 16


def test_amaranth_is_left_as_it_was():
    original = rtlil.ModuleEmitter.emit_memory
    to_rtlil(TwoMemories())
    assert rtlil.ModuleEmitter.emit_memory is original


def test_ports_are_paths_and_constants_are_none():
    names = ["address", "load__payload", "load__valid", "table", "zero"]
    assert sorted(ports_of(TwoMemories())) == names
    assert "load.valid" in ports_of(TwoMemories(), ".")
    assert "\\load_payload\n" in to_rtlil(TwoMemories(), joint="_")
