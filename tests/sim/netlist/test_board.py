"""A board of two machines under Verilator: the host's run on it, and what it sees of a difference.

Yosys' netlist is left to the campaign; here a second copy of the circuit stands for it.
"""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import sordino.netlist.board as netlist_board
from sordino.arch import PRESETS
from sordino.driver import Host, Refused
from sordino.engines.errors import ToolError
from sordino.golden.machine import Golden
from sordino.isa.registers import REGISTERS
from sordino.netlist.board import NetlistBoard, compile_pair
from sordino.rtl.export.verilog import write_verilog
from sordino.testing.images.programs import random_features, random_program

CONFIG = PRESETS["tiny"]
OUTPUTS = ("s_axi_awready", "s_axi_bvalid", "s_axi_rdata", "s_axi_rvalid", "irq")


@pytest.mark.cocotb
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_host_runs_a_program(tmp_path):
    text = write_verilog(CONFIG, tmp_path, top="circuit").read_text()
    netlist, made = tmp_path / "netlist.v", tmp_path / "made"
    netlist.write_text(re.sub(r"\bcircuit\b", "netlist", text))
    made.mkdir()
    try:
        library = compile_pair([tmp_path / "circuit.v"], [netlist], OUTPUTS, made, fast="-O0")
    except ToolError as error:
        pytest.skip(str(error))
    rng = np.random.default_rng(100)
    image = random_program(rng, CONFIG, steps=6)
    features = random_features(rng, image, 4)
    its = NetlistBoard(library)
    host = Host(its)
    host.reset()
    host.load(image)
    result = Golden(image).run(features)
    run = host.run(features)
    assert (run.error, run.code) == (result.error, result.code)
    assert [token & 0xFFFF for token in run.tokens] == result.tokens
    counters = host.counters()
    assert counters.items() >= result.counters.items()
    first = REGISTERS["COUNTERS"].offset
    assert its.circuit[first] | its.circuit[first + 4] << 32 == counters["cycles"]
    with pytest.raises(Refused):
        its.write(first, 0)
    with pytest.raises(Refused):
        its.read(REGISTERS["LOAD_DATA"].offset)
    assert its.difference is None
    assert its.cycles > counters["cycles"]


INPUTS = (
    *("clk", "rst", "s_axi_awvalid", "s_axi_wvalid", "s_axi_arvalid", "s_axi_bready"),
    *("s_axi_rready", "s_axi_wstrb", "s_axi_awaddr", "s_axi_wdata", "s_axi_araddr"),
)
MODEL = """
#include <cstdint>
#include "verilated.h"
struct {name} {{
    uint32_t {ports};
    {name}(VerilatedContext *, const char *) {{}}
    void eval() {{ irq = {irq}; }}
}};
"""


@pytest.mark.parametrize(
    ("irq", "found"), [("0", None), ("1", "irq in cycle 0, and 4 later cycles")]
)
def test_a_difference_is_seen(tmp_path, irq, found):
    """Two machines that do nothing, but that one may have its interrupt line high."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    more = ("s_axi_wready", "s_axi_bresp", "s_axi_arready", "s_axi_rresp")
    ports = ", ".join(f"{name} = 0" for name in (*INPUTS, *OUTPUTS, *more))
    (tmp_path / "verilated.h").write_text("#pragma once\nstruct VerilatedContext {};\n")
    for name, level in (("Vcircuit", "0"), ("Vnetlist", irq)):
        (tmp_path / f"{name}.h").write_text(MODEL.format(name=name, ports=ports, irq=level))
    outputs = " ".join(f"X({name})" for name in OUTPUTS)
    subprocess.run(
        ["g++", "-std=gnu++20", "-w", "-fPIC", "-shared", "-I.", f"-DOUTPUTS={outputs}",
         Path(netlist_board.__file__).with_suffix(".cpp"), "-o", "board.so"],
        cwd=tmp_path,
        check=True,
    )  # fmt: skip
    board = NetlistBoard(tmp_path / "board.so")
    board.reset()
    assert board.cycles == 5
    assert board.difference == found
