"""Generated Verilog: the same bytes everywhere, ports by AMBA's names, no zeros spelled out."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sordino.arch import PRESETS
from sordino.errors import InputError
from sordino.rtl.verilog import write_verilog

ROOT = Path(__file__).parents[3]
CONFIG = replace(
    PRESETS["tiny"],
    **{"name": "test", "lane_words": 64, "group_words": 64, "rows_per_lane": 4, "tables": 2},
    **{"activation_words": 64, "state_words": 64, "parameter_words": 16, "state_bits": 4},
)
PROGRAM = """
import sys
from sordino.arch import Config
from sordino.rtl.verilog import write_verilog
print(write_verilog(Config(**eval(sys.argv[1])), sys.argv[2]))
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files of two processes with different hash seeds, in different folders."""
    paths = []
    for seed in (1, 2):
        folder = tmp_path_factory.mktemp(f"seed{seed}") / "new" / "folder"
        path = os.pathsep.join(str(ROOT / area) for area in ("hw", "sw", "sim"))
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, repr(CONFIG.as_dict()), str(folder)],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert result.returncode == 0, result.stderr
        paths.append(Path(result.stdout.strip()))
    return paths


def test_same_bytes_whatever_the_hash_seed(written):
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
        rf"// Sordino \S.*, configuration test, id {CONFIG.id:#010x}, instruction set 2", lines[1]
    )
    assert str(ROOT) not in text
    assert not re.search(r"\.py\b|/home/|/tmp/|\b20\d\d-\d\d-\d\d\b|src =", text)
    assert text.isascii()


def test_ports_of_the_top_module(written):
    text = written[0].read_text()
    (module,) = re.findall(r"^module sordino\(.*?^endmodule", text, re.MULTILINE | re.DOTALL)
    ports = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", module, re.MULTILINE)
    found = {name: (direction, int(top or 0) + 1) for direction, top, name in ports}
    assert found == {
        "clk": ("input", 1),
        "rst": ("input", 1),
        "irq": ("output", 1),
        "s_axi_awaddr": ("input", 8),
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
        "s_axi_araddr": ("input", 8),
        "s_axi_arprot": ("input", 3),
        "s_axi_arvalid": ("input", 1),
        "s_axi_arready": ("output", 1),
        "s_axi_rdata": ("output", 32),
        "s_axi_rresp": ("output", 2),
        "s_axi_rvalid": ("output", 1),
        "s_axi_rready": ("input", 1),
    }


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match="disk full"):
        write_verilog(CONFIG, tmp_path)
    assert list(tmp_path.iterdir()) == []
