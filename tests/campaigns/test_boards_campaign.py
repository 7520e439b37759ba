"""The boards' campaign: its flash is no faster than the circuit's, its factors are the bounds'."""

import json

import pytest

from campaigns import boards
from campaigns.boards import flash_rate, flash_timing, real_time, stored
from sordino.arch import PRESETS
from sordino.boards.registry import BOARDS
from sordino.boards.report import BuildReport, Placed
from sordino.boards.tools import tool_versions
from sordino.cycles.bounds import frame_bounds
from sordino.engines.memory_timing import BEAT
from sordino.image.image import Image
from sordino.rtl.boot.flash import read_cycles
from tests.sw.conftest import REPOSITORY

CIRCUIT = {"top.il": "module", "top.lpf": "pins"}
SHIPPED = REPOSITORY / "models" / "an4_rnnt_causal.sordino"


def test_the_flash_is_no_faster_than_it_is():
    builder = PRESETS["ecpix5"]

    class Streamed:
        config = builder

    for lines in (1, 4):
        timing = flash_timing(Streamed, lines)
        burst = read_cycles(builder.stream_burst * builder.stream_bus // 32, lines)
        assert builder.stream_burst * BEAT / timing.rate >= burst
        assert timing.latency >= 2 * (40 + builder.stream_bus // lines)


def test_factors_of_resident_weights_are_those_of_the_bounds():
    image = Image.load(SHIPPED)
    quiet, worst, needed = real_time(image, 1, 50_000_000)
    bounds = frame_bounds(image)
    assert quiet == bounds.tokens[0].worst / 50_000_000 / 0.04
    assert worst == bounds.frame.worst / 50_000_000 / 0.04
    assert needed == bounds.tokens[0].worst / 0.04
    assert flash_rate(image, 1, 50_000_000) == 0


def test_streamed_weights_come_as_fast_as_the_circuit_reads_bursts():
    class Streamed:
        config = PRESETS["ecpix5"]

    burst = Streamed.config.stream_burst * Streamed.config.stream_bus // 8
    cycles = read_cycles(burst // 4, 4)
    rate = flash_rate(Streamed, 4, 50_000_000)
    assert 0.9 * burst / cycles * 50e6 < rate < burst / cycles * 50e6


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A folder with a build, of a circuit that is made quickly."""
    board = BOARDS["ulx3s"]
    report = BuildReport(
        board=board.name, seed=2, placed=Placed({}, board.clock_hz, board.clock_hz), minutes={},
        bitstream="x.bit", memory="x.flash", memory_at=0, tools=tool_versions(),
    )  # fmt: skip
    (tmp_path / "work").mkdir()
    for name, text in CIRCUIT.items():
        (tmp_path / "work" / name).write_text(text)
    (tmp_path / "build.json").write_text(json.dumps(report.as_dict()))
    monkeypatch.setattr(boards, "prepare", lambda board: (CIRCUIT, []))
    monkeypatch.setattr(boards, "flash_memory", lambda board, image: b"image")
    return board, tmp_path, report


def test_a_build_of_the_same_circuit_is_taken_with_the_image_of_now(built):
    board, folder, report = built
    assert stored(board, None, folder, 2) == report
    assert (folder / "x.flash").read_bytes() == b"image"


@pytest.mark.parametrize("other", ["circuit", "seed", "board", "tools", "clock", "nothing"])
def test_a_build_of_anything_else_is_made_again(built, other):
    board, folder, report = built
    values = report.as_dict()
    values |= {"board": {"board": "ecpix5"}, "tools": {"tools": {}}, "clock": {"clock_hz": 1}}.get(
        other, {}
    )
    (folder / "build.json").write_text(json.dumps(values))
    if other == "circuit":
        (folder / "work" / "top.il").write_text("another")
    if other == "nothing":
        (folder / "build.json").unlink()
    assert stored(board, None, folder, 3 if other == "seed" else 2) is None
