"""Verilog that means the same as Verilog 2005 and as SystemVerilog, from time 0 on."""

import shutil
import subprocess

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.errors import InputError
from sordino.rtl.export import verilog
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.export.names import KEYWORDS
from sordino.rtl.export.verilog import to_verilog
from sordino.stimuli.simulate import simulate

STANDARDS = ("-g2001", "-g2005", "-g2005-sv", "-g2009", "-g2012")


class Asleep(wiring.Component):
    """Nothing that its outputs depend on changes before the first edge of the clock."""

    decided: Out(4)
    parts: Out(8)
    constant: Out(4)
    inner: Out(4)

    def elaborate(self, platform) -> Module:
        m = Module()
        address, held = Signal(6), Signal(6, init=5)
        m.d.sync += [address.eq(address + 1), held.eq(address)]
        with m.Switch(address):
            with m.Case(0):
                m.d.comb += self.decided.eq(9)
            with m.Case(1):
                m.d.comb += self.decided.eq(held)
        m.d.comb += self.parts[:3].eq(held[:3])
        with m.If(address[5]):
            m.d.comb += self.parts[3:].eq(held[1:])
        with m.Else():
            m.d.comb += self.parts[3:].eq(3)
        with m.If(address == 63):
            m.d.comb += self.constant[2:].eq(1)
        m.d.comb += self.constant[:2].eq(2)
        m.submodules.inner = inner = Inner()
        m.d.comb += [inner.word.eq(self.decided), self.inner.eq(inner.found)]
        return m


class Inner(wiring.Component):
    """A decision about what another module's decision found."""

    word: In(4)
    found: Out(4)

    def elaborate(self, platform) -> Module:
        m = Module()
        wake = Signal(4)  # the name that would be given to what wakes processes
        m.d.comb += wake.eq(self.word + 1)
        with m.If(self.word == 9):
            m.d.comb += self.found.eq(wake)
        return m


OUTPUTS = {"decided": 4, "parts": 8, "constant": 4, "inner": 4}


def expected() -> list[int]:
    dut, found = Asleep(), []

    async def testbench(ctx) -> None:
        found.extend(ctx.get(getattr(dut, name)) for name in OUTPUTS)

    simulate(dut, testbench, timeout=1)
    return found


def icarus(tmp_path, standard: str, text: str, top: str) -> str:
    """What a simulation prints; the test is skipped without Icarus Verilog."""
    if shutil.which("iverilog") is None or shutil.which("vvp") is None:
        pytest.skip("Icarus Verilog (iverilog, vvp) is not on PATH")
    source, program = tmp_path / "x.v", tmp_path / "x.vvp"
    source.write_text(text)
    built = subprocess.run(
        ["iverilog", standard, "-s", top, "-o", program, source], capture_output=True, text=True
    )
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    ran = subprocess.run(["vvp", "-n", program], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


@pytest.mark.parametrize("standard", STANDARDS)
def test_processes_run_at_time_0(tmp_path, standard):
    text = to_verilog(to_rtlil(Asleep()))
    assert text.count("always @*") >= 5
    bench = f"""
module bench;
  reg clk = 0, rst = 0;
  {" ".join(f"wire [{width - 1}:0] {name};" for name, width in OUTPUTS.items())}
  top top (.clk(clk), .rst(rst), {", ".join(f".{name}({name})" for name in OUTPUTS)});
  initial #1 $display("{" %b" * len(OUTPUTS)}", {", ".join(OUTPUTS)});
endmodule
"""
    printed = icarus(tmp_path, standard, text + bench, "bench").split()
    assert [int(word, 2) for word in printed] == expected()


class Words(wiring.Component):
    """Signals and a module that are named as words of the language, and one like the file's own."""

    x: In(1)
    y: Out(len(KEYWORDS))

    def elaborate(self, platform) -> Module:
        m = Module()
        named = [Signal(name=word) for word in sorted(KEYWORDS)]
        for signal in named:
            m.d.sync += signal.eq(self.x)
        m.d.comb += self.y.eq(Cat(named))
        m.submodules["endmodule"] = Inner()
        return m


@pytest.mark.parametrize("standard", STANDARDS)
def test_words_of_the_language_are_no_names(tmp_path, standard):
    icarus(tmp_path, standard, to_verilog(to_rtlil(Words())), "top")


@pytest.mark.parametrize(
    "body",
    [
        "  always @(a or b) y = a;\n",
        "  always_comb y = a;\n",
        "  always_latch y = a;\n",
        "  always @* if (a) y = a;\n",
        "  always @* begin\n    y = a;\n  end\n",
        "  always @* begin\n    if (\\other ) begin end\n    y = a;\n  end\n",
        "  initial $readmemh(\"x.mem\", words);\n",
        "  wire \\a$1 ;\n",
    ],
)  # fmt: skip
def test_verilog_that_is_not_understood_is_refused(monkeypatch, body):
    text = f"module x(a, b, y);\n{body}endmodule\n"
    monkeypatch.setattr(verilog, "run_yosys", lambda script: text)
    monkeypatch.setattr(verilog, "legal_names", lambda rtlil: rtlil)
    with pytest.raises(InputError, match=r"^wanted Verilog as the Yosys that pyproject\.toml pins"):
        to_verilog("")
