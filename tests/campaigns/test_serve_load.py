"""The campaign counts what clients get, and loses no utterance when the service is killed."""

from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("starlette", reason="sordino[serve] is not installed")
pytest.importorskip("uvicorn", reason="sordino[serve] is not installed")

from campaigns import serve_load
from campaigns.serve_load import Load


def test_a_row() -> None:
    load = Load(10, seconds=2.0, taken=[0.001, 0.003], statuses={200: 1, 503: 1})
    assert load.row() == ("10", "2", "1", "2.0", "3.0", "", "", "1")


def test_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    options = ["--beam", "1", "--requests", "21", "--seconds", "0.2", "-o", str(page)]
    done = CliRunner().invoke(serve_load.main, options)
    assert done.exit_code == 0, done.output
    rows = [line.split(" | ") for line in page.read_text().splitlines() if line.startswith("| ")]
    loads = [row for row in rows if row[0] in ("| 1", "| 10", "| 100")]
    assert [row[-1] for row in loads] == ["0 |"] * 3
    counts = {row[0]: int(row[1].strip(" |")) for row in rows if row[0].startswith("| ") and
              row[1].strip(" |").isdecimal() and len(row) == 2}  # fmt: skip
    assert sum(counts.values()) == 21
    assert counts["| none"] == 0
    assert counts["| ranked by the service"] >= 7
    assert counts["| the device's own best path"] > 0
