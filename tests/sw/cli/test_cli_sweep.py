"""`sordino sweep`."""

import json
import os

import pytest

from sordino.locks import exclusive

pytest.importorskip("joblib", reason="needs the sweep extra")
pytest.importorskip("matplotlib", reason="needs the sweep extra")


def test_sweep(sordino, small_model, tmp_path):
    folder = tmp_path / "deep" / "sweep"
    axes = ("--lanes", "4,6", "--bits", "4", "--zeros", "keep,0.95", "--memory", "needed")
    command = ("sweep", small_model, *axes, "--config", "tiny", "-o", folder, "--jobs", 1)
    result = sordino(*command)
    assert result.code == 0
    assert "4 points, 2 can be built, 4 computed now" in result.out
    assert "wanted lanes to be a multiple of 4" in result.out
    assert {path.name for path in folder.iterdir()} == {
        "points",
        "points.json",
        "points.csv",
        "pareto.svg",
    }
    again = sordino(*command, "--json").json()
    assert again["computed"] == 0
    assert again["points"] == json.loads((folder / "points.json").read_text())
    estimate = ("estimate", small_model, "--config", "tiny", "--weight-bits", 4, "--json")
    found = sordino(*estimate, "--memory", "needed").json()
    assert again["points"][0]["memory_bits"] == sum(found["memory_bits"].values())
    assert again["points"][0]["frame_worst"] == found["cycles"]["frame"]["worst"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--lanes", "4,x"), "wanted 4 to 1024, got 'x'"),
        (("--zeros", "keep,1.5"), "wanted 0 to 1 or keep, got '1.5'"),
        (("--jobs", 0), "wanted a number of jobs, or -1"),
        (("--backend", "dask"), "wanted --scheduler"),
    ],
)
def test_bad_axes(sordino, small_model, tmp_path, arguments, complaint):
    result = sordino("sweep", small_model, *arguments, "-o", tmp_path / "s")
    assert complaint in result.complaint()
    assert not (tmp_path / "s").exists()


def test_one_sweep_in_a_folder(sordino, small_model, tmp_path):
    """Or the tables would be of one and the plot of the other."""
    command = ("sweep", small_model, "--config", "tiny", "--lanes", 4, "-o", tmp_path, "--jobs", 1)
    with exclusive(tmp_path / ".lock", "it"):
        complaint = sordino(*command).complaint()
    assert f"the folder of a sweep {tmp_path}: process {os.getpid()} on" in complaint
    assert list(tmp_path.iterdir()) == []
    assert sordino(*command).code == 0
