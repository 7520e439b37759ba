"""The pages of estimates and sweeps, from stored samples and results."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from campaigns import estimate, sweep
from sordino.tools.estimate import logic
from sordino.tools.estimate.logic import Fit


def test_stored_samples_are_the_campaign_s() -> None:
    """What is stored was made by this campaign, of its configurations."""
    stored = [(sample.block, sample.config) for sample in Fit.load().samples]
    assert stored == list(estimate.SAMPLES)


def test_the_page_of_estimates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = logic.COEFFICIENTS.read_text()
    monkeypatch.setattr(estimate, "COEFFICIENTS", tmp_path / "fit.json")
    page = tmp_path / "estimate.md"
    result = CliRunner().invoke(estimate.main, ["--stored", "-o", str(page)])
    assert result.exit_code == 0, result.output
    text = page.read_text()
    assert f"LUTs {Fit.load().error('luts'):.1%}" in text
    assert text.count("\n| one group, ") == 7
    again, before = json.loads((tmp_path / "fit.json").read_text()), json.loads(stored)
    assert again["samples"] == before["samples"]


def test_the_page_of_a_sweep(tmp_path: Path) -> None:
    point = {"lanes": 4, "group": 1, "bits": 4, "zeros": None, "memory": None, "error": None}
    built = {
        **point,
        **{"bytes": 1234, "bits_per_weight": 1.5, "actual_zeros": 0.5, "frame_best": 10},
        **{"frame_worst": 2000, "memory_bits": 4096, "luts": 900, "luts_error": 0.05},
        **{"fits": ["ECP5-25"], "wer": 0.25, "pareto": True},
    }
    bad = {**dict.fromkeys(built), **point, "zeros": 0.9, "error": "does not fit", "pareto": False}
    (tmp_path / "points.json").write_text(json.dumps([built, bad]))
    (tmp_path / "pareto.svg").write_text("<svg/>")
    page = tmp_path / "sweep.md"
    result = CliRunner().invoke(sweep.main, ["--folder", str(tmp_path), "-o", str(page)])
    assert result.exit_code == 0, result.output
    text = page.read_text()
    assert "| 1,234 | 1.500 | 10 | 2,000 | 4 | 900 | ECP5-25 | 25.00% | **yes** |" in text
    assert "| 90% |" in text
    assert "does not fit" in text
    assert page.with_suffix(".svg").read_text() == "<svg/>"
