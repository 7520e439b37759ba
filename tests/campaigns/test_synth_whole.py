"""The whole machine placed: blocks by name, what a report says, and a campaign that goes on."""

import json
from pathlib import Path

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from click.testing import CliRunner

from campaigns import synth_whole
from campaigns.synth_whole import Kept
from campaigns.synth_whole_report import Frames, block_of, page, placement, small_part
from sordino.arch import PRESETS
from sordino.cycles.bounds import frame_bounds
from sordino.image.image import Image

ROOT = Path(__file__).parents[2]
CLOCK = "posedge $glbnet$clk$TRELLIS_IO_IN"


@pytest.mark.parametrize(
    ("cell", "block"),
    [
        ("inner.inner.bridge.held_TRELLIS_FF_Q", "bridge"),
        ("inner.inner.host.loader.crc_TRELLIS_FF_Q_3", "host"),
        ("inner.inner.machine.sequencer.program_.memory.0.0", "sequencer"),
        ("inner.inner.machine.vector._093__TRELLIS_FF_Q", "vector unit"),
        ("inner.inner.machine.array.group1.values3.stream.0.0", "decoders"),
        ("inner.inner.machine.array.group1.positions.state_TRELLIS_FF_Q", "decoders"),
        ("inner.inner.machine.array.group0.lane2.operand_row_TRELLIS_FF_Q", "lanes"),
        ("inner.inner.machine.array.group0.x_fifo.present_TRELLIS_FF_Q", "array and groups"),
        ("inner.inner.machine.parameters.memory.0.7", "memories"),
        ("o_TRELLIS_FF_Q", "others"),
    ],
)
def test_blocks_by_name(cell: str, block: str) -> None:
    assert block_of(cell) == block


def step(cell: str, delay: float) -> dict[str, object]:
    return {"from": {"cell": cell}, "to": {"cell": cell}, "delay": delay}


def report(mhz: float) -> dict[str, object]:
    """A small one, as nextpnr writes it."""
    host, vector = "inner.inner.host.a_TRELLIS_FF_Q", "inner.inner.machine.vector.b_TRELLIS_FF_Q"
    return {
        "fmax": {"$glbnet$clk$TRELLIS_IO_IN": {"achieved": mhz, "constraint": 80}},
        "utilization": {"TRELLIS_COMB": {"available": 83640, "used": 12345}},
        "critical_paths": [
            {
                "from": CLOCK,
                "to": CLOCK,
                "path": [step(host, 0.5), step(host, 2.0), step(vector, 1.5)],
            },
            {"from": "<async>", "to": CLOCK, "path": [step(host, 9.0)]},
        ],
        "detailed_net_timings": [
            {
                "event": CLOCK,
                "endpoints": [
                    {"cell": host, "event": CLOCK, "delay": [1.0, 3.0]},
                    {"cell": vector, "event": CLOCK, "delay": [2.0, 4.0]},
                    {"cell": vector, "event": "<async>", "delay": [2.0, 8.0]},
                ],
            },
            {
                "event": "<async>",
                "endpoints": [{"cell": host, "event": CLOCK, "delay": [1.0, 9.0]}],
            },
        ],
    }


def test_what_a_report_says() -> None:
    found = placement(6, 2, report(71.5))
    assert (found.grade, found.seed, found.mhz) == (6, 2, 71.5)
    assert found.blocks == {"host": 3.0, "vector unit": 4.0}
    assert found.path == [("host", 2.5), ("vector unit", 1.5)]
    assert (found.begin, found.end) == ("host.a_TRELLIS_FF_Q", "machine.vector.b_TRELLIS_FF_Q")
    assert found.used == {"TRELLIS_COMB": 12345}


class Wire(wiring.Component):
    """A register."""

    a: In(1)
    b: Out(1)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.d.sync += self.b.eq(self.a)
        return m


def test_what_is_placed_is_not_placed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an interruption at most the seed is missing that was at work."""
    ran: list[str] = []

    def tool(folder: Path, name: Path, *arguments: str) -> None:
        ran.append(name.name)
        if "nextpnr" in name.name:
            seed = int(arguments[arguments.index("--seed") + 1])
            (folder / "report.json").write_text(json.dumps(report(70.0 + seed)))
            return
        (folder / "new.json").write_text("{}")
        stat = {"design": {"num_cells_by_type": {"LUT4": 7}}}
        (folder / "new-stat.json").write_text(json.dumps(stat))

    monkeypatch.setattr(synth_whole, "run_tool", tool)
    monkeypatch.setattr(synth_whole, "find_tool", Path)
    kept = Kept(tmp_path, Wire())
    assert kept.counted() == {"LUT4": 7}
    assert kept.placed(6, 1) is None
    first = kept.place(6, 1)
    assert len(ran) == 2
    again = Kept(tmp_path, Wire())
    assert again.counted() == {"LUT4": 7}
    assert again.place(6, 1) == again.placed(6, 1) == first
    assert len(ran) == 2, "the same circuit: nothing runs again"
    assert again.place(6, 2).mhz == 72.0
    assert len(ran) == 3


FRAMES = Frames(quiet=40_000, worst=100_000, seconds=0.04)


def test_a_page_says_what_is_not_placed_yet() -> None:
    config = PRESETS["small"]
    nothing = "\n".join(page(config, {"LUT4": 7}, [], [1, 2], FRAMES))
    assert nothing.count("not placed yet") == 5 + 4
    found = [placement(6, seed, report(70.0 + seed)) for seed in (1, 2)]
    text = "\n".join(page(config, {"LUT4": 7}, found, [1, 2], FRAMES))
    assert "| 6 | 71.0 | 72.0 | 71.0 | 65 |" in text
    ends = "`host.a_TRELLIS_FF_Q` | `machine.vector.b_TRELLIS_FF_Q` |"
    assert f"| 6 | 1 | host 2.5 → vector unit 1.5 | {ends}" in text
    assert "| vector unit | 4.0 |" in text
    assert "| 6 | 1 | host 2.5 → vector unit 1.5 |" in text
    assert "| 6 | 71.0 | 40,000 | 0.0141 | 100,000 | 1.41 | 1.00 |" in text


def test_four_lanes_have_their_own_part() -> None:
    """Cells, and a frame at the clock of the placement once there is one."""
    assert "not placed yet" in "\n".join(small_part({"LUT4": 7}, None, FRAMES))
    placed = placement(6, 1, report(50.0))
    text = "\n".join(small_part({"LUT4": 7, "MULT18X18D": 8}, placed, FRAMES))
    assert "| TRELLIS_COMB, placed | 12,345 |" in text
    assert "| MULT18X18D | 8 |" in text
    assert "| 50.0 | 40,000 | 0.0200 | 100,000 | 2.00 | 1.00 |" in text


def test_frames_are_those_of_the_cycle_model() -> None:
    image = Image.load(ROOT / "models" / "an4_rnnt_causal.sordino")
    bounds = frame_bounds(image)
    frames = Frames.of(image)
    assert frames.quiet == bounds.tokens[0].worst < bounds.frame.worst == frames.worst
    assert frames.seconds == 0.04


def test_help_says_that_results_are_kept() -> None:
    shown = CliRunner().invoke(synth_whole.main, ["--help"])
    assert shown.exit_code == 0
    assert "--stored" in shown.output
