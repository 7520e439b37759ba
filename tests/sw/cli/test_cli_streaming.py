"""Streamed weights from the command line: compile, run, info."""

import pytest

from sordino.image.image import Image

STREAMING = ("--config", "tiny", "--set", "stream_bus=128")


@pytest.fixture
def streamed_image(sordino, small_model, tmp_path):
    path = tmp_path / "streamed.sordino"
    result = sordino("compile", small_model, *STREAMING, "--weights", "streamed", "-o", path)
    assert result.code == 0
    assert "matrices streamed: " in result.out
    return path


def test_run_says_what_went_over_the_bus(sordino, streamed_image, small_features):
    def run(*more):
        result = sordino("run", streamed_image, small_features, *more, "--json")
        assert result.code == 0
        (entry,) = result.json()["inputs"]
        return entry

    golden, fast = run(), run("--engine", "cycles")
    slow = run("--engine", "cycles", "--memory-rate", 8, "--memory-latency", 100)
    assert golden["bus_bytes"] == fast["bus_bytes"] == slow["bus_bytes"] > 0
    assert golden["tokens"] == fast["tokens"] == slow["tokens"]
    assert slow["cycles"] > 2 * fast["cycles"]
    assert slow["stalls"][-1]["limiter"] == "stream"
    assert slow["stalls"][-1]["wait_stream"] > fast["stalls"][-1]["wait_stream"]
    text = sordino("run", streamed_image, small_features).out
    assert f"streamed {golden['bus_bytes']:,} bytes: " in text
    assert " a second of speech" in text


def test_info(sordino, streamed_image):
    report = sordino("info", streamed_image, "--json").json()
    assert report["sections"]["external"] == len(Image.load(streamed_image).external)
    assert report["bus"]["bytes_per_frame"] > report["bus"]["bytes_per_token"] > 0
    text = sordino("info", streamed_image).out
    assert f"{report['bus']['bytes_per_frame']:,.0f} bytes a frame" in text


def test_what_does_not_stream_is_as_before(sordino, small_model, tmp_path):
    first, second = tmp_path / "a.sordino", tmp_path / "b.sordino"
    assert sordino("compile", small_model, "--config", "tiny", "-o", first).code == 0
    more = ("--weights", "resident", "-o", second)
    assert sordino("compile", small_model, "--config", "tiny", *more).code == 0
    assert first.read_bytes() == second.read_bytes()
    assert "bus" not in sordino("info", first, "--json").json()


def test_refusals(sordino, small_model, streamed_image, small_features, tmp_path):
    more = ("--weights", "streamed", "-o", tmp_path / "x.sordino")
    line = sordino("compile", small_model, "--config", "tiny", *more).complaint()
    assert "tiny has no bus to external memory; set stream_bus" in line
    line = sordino("compile", small_model, *STREAMING, "--set", "stream_burst=5").complaint()
    assert "wanted stream_burst to be a power of two" in line
    line = sordino("run", streamed_image, small_features, "--memory-rate", 300).complaint()
    assert "wanted memory rate to be 1 to 256 beats" in line
