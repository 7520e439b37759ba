"""Every example runs as its docstring says and prints what it promises."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sordino.engines.errors import ToolError
from sordino.engines.native.toolchain import verilator_environment

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = (
    *("litex/run.py", "own_model.py", "transcribe.py"),
    *("verilog_cocotb/run.py", "wishbone_soc.py"),
)
PARTS = {"litex/soc.py"}
"""What programs take from a file beside them."""


def run(name: str, *arguments: object, **environment: str) -> str:
    """Standard output of an example that must succeed without a warning."""
    result = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, **environment},
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_every_example_is_run_here_and_says_how() -> None:
    programs = [
        path.relative_to(EXAMPLES).as_posix()
        for path in EXAMPLES.rglob("*.py")
        if "cocotb.test" not in path.read_text()
    ]
    assert sorted(programs) == sorted({*PROGRAMS, *PARTS})
    for name in PROGRAMS:
        text = ast.get_docstring(ast.parse((EXAMPLES / name).read_text()))
        assert text is not None
        assert f"python examples/{name}" in text


def test_transcribe() -> None:
    assert run("transcribe.py") == "ENTER SIX FIVE\n"
    wav = EXAMPLES.parent / "models" / "utterances" / "yes.wav"
    assert run("transcribe.py", wav) == "YES\n"


def test_wishbone_soc(tmp_path: Path) -> None:
    """It is simulated, and built."""
    verilog = tmp_path / "soc.v"
    assert run("wishbone_soc.py", "--verilog", verilog) == "7 8 7 8\n"
    assert re.search(r"^module soc\(", verilog.read_text(), re.M)


def test_own_model() -> None:
    """On golden alone where there is no C++ compiler."""
    compiler = shutil.which("c++") or shutil.which("g++")
    output = run("own_model.py", *(() if compiler else ("--engine", "golden")))
    assert re.search(r"^encoder\.0\.weight_ih +64 × 117 +[\d.]+% +[\d.]+ +[\d,]+$", output, re.M)
    spoken = re.search(r"^yes\.wav \(33, 117\): (.*)$", output, re.M)
    assert spoken is not None
    assert re.search("[A-J]", spoken[1])
    if compiler:
        assert f"rtl: {spoken[1]}, " in output
        assert output.endswith(" words identical\n")


def need(*packages: str, extra: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed; pip install 'sordino[{extra}]'")


def need_simulator(simulator: str) -> None:
    need("cocotb", "cocotbext", extra="cocotb")
    if simulator == "verilator":
        try:
            verilator_environment()
        except ToolError as error:
            pytest.skip(str(error))
    elif shutil.which("iverilog") is None or shutil.which("vvp") is None:
        pytest.skip("Icarus Verilog (iverilog, vvp) is not on PATH")


def test_litex_is_built(tmp_path: Path) -> None:
    """The machine's ports are those that the system connects."""
    need("litex", extra="litex")
    run("litex/run.py", "--verilog", tmp_path, PYTHONWARNINGS="ignore")
    system = (tmp_path / "soc.v").read_text()
    (machine,) = tmp_path.glob("sordino_*.v")
    instance = re.search(r"^sordino sordino\((.*?)^\);", system, re.M | re.S)
    head = re.search(r"^module sordino ?\((.*?)\);", machine.read_text(), re.M | re.S)
    assert instance is not None
    assert head is not None
    assert set(re.findall(r"\.(\w+)", instance[1])) == set(re.findall(r"\w+", head[1]))


@pytest.mark.cocotb
@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_litex_runs(tmp_path: Path, simulator: str) -> None:
    need("litex", extra="litex")
    need_simulator(simulator)
    output = run("litex/run.py", tmp_path, PYTHONWARNINGS="ignore", SIM=simulator)
    assert "cannot read no register" in output
    assert output.endswith("1 tests, 0 failed\n")


@pytest.mark.cocotb
@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_verilog_cocotb(tmp_path: Path, simulator: str) -> None:
    need_simulator(simulator)
    output = run("verilog_cocotb/run.py", tmp_path, PYTHONWARNINGS="ignore", SIM=simulator)
    assert "three instructions in 6 cycles" in output
    assert output.endswith("1 tests, 0 failed\n")
