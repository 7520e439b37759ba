"""`sordino cosim`: identical machines, and the first difference of those that are not."""

import numpy as np
import pytest

from sordino.cli.shared import engines
from sordino.engines.native.rtl import Rtl
from sordino.image.image import Image
from sordino.image.loading import load_sections
from sordino.isa import timing
from sordino.isa.operations import Cell, Matvec
from sordino.isa.registers import COUNTERS, LoadTarget

KEYS = {"identical", "words_compared", "inputs", "first_difference"}

pytestmark = pytest.mark.usefixtures("cxx")


def test_identical(sordino, small_image, recording, small_features):
    result = sordino("cosim", small_image, recording, small_features, "--json")
    assert result.code == 0
    report = result.json()
    assert report.keys() >= KEYS
    assert report["identical"] is True
    assert report["first_difference"] is None
    assert report["simulators"] == ["numpy", "cxxrtl"]
    speech, features = report["inputs"]
    assert report["words_compared"] == speech["words_compared"] + features["words_compared"]
    assert speech["words_compared"] > 10_000
    (entry,) = sordino("run", small_image, recording, "--json").json()["inputs"]
    assert speech["transcript"] == entry["transcript"]
    assert speech["cycles"] > 1000


def test_text_and_the_other_way_round(sordino, small_image, small_features):
    command = ("cosim", small_image, small_features, "--engines", "rtl, golden")
    result = sordino(*command)
    assert result.code == 0
    assert result.out.startswith(f"identical  {small_features}: ")
    assert result.out.endswith(" instructions compared, rtl = golden\n")
    assert sordino(*command, "--json").json()["inputs"][0]["cycles"] > 1000


def test_time_is_compared_where_both_have_it(sordino, small_image, small_features, monkeypatch):
    command = ("cosim", small_image, small_features, "--engines", "rtl,cycles")
    assert sordino(*command).out.endswith(" instructions compared, rtl = cycles\n")
    without, together = (
        sordino("cosim", small_image, small_features, "--engines", names, "--json").json()
        for names in ("golden,cycles", "rtl,cycles")
    )
    timed = sum(counter.timed for counter in COUNTERS)
    assert together["words_compared"] == without["words_compared"] + timed
    # A circuit a cycle slower than it should be.
    monkeypatch.setattr(timing, "SEQUENCER_CYCLES", timing.SEQUENCER_CYCLES + 1)
    result = sordino(*command, "--json")
    assert result.code == 1
    assert result.json()["first_difference"].startswith("counter cycles: rtl ")


def test_a_waveform_needs_the_circuit(sordino, small_image, small_features, tmp_path):
    command = ("cosim", small_image, small_features, "--engines", "golden,cycles")
    complaint = sordino(*command, "--vcd", tmp_path / "x.vcd").complaint()
    assert "--vcd needs the rtl engine" in complaint


def test_until(sordino, small_image, recording):
    short, long = (
        sordino("cosim", small_image, recording, "--until", n, "--json").json() for n in (1, 2)
    )
    assert short["words_compared"] < long["words_compared"]
    assert short["identical"] is long["identical"] is True


def poked(monkeypatch, *writes):
    """From now on the circuit has other words in its memories than the image says."""

    class Damaged(Rtl):
        def __init__(self, image, **options):
            super().__init__(image, **options)
            for write in writes:
                self.poke(*write)

    monkeypatch.setattr(engines, "Rtl", Damaged)


def section(image, target, unit=0):
    return next(s for s in load_sections(image) if (s.target, s.unit) == (target, unit))


def test_another_bias(sordino, small_image, recording, monkeypatch):
    """One bit of the first cell's first parameter word."""
    image = Image.load(small_image)
    at = next(n for n, i in enumerate(image.program) if isinstance(i, Cell))
    base = image.program[at].fields["parameters"]
    words = np.frombuffer(section(image, LoadTarget.PARAMETERS).words, "<u4")
    poked(monkeypatch, (LoadTarget.PARAMETERS, 0, 4 * base, int(words[4 * base]) ^ 1 << 28))
    report = sordino("cosim", small_image, recording, "--json")
    assert report.code == 1
    report = report.json()
    assert report["identical"] is False
    assert f"(address {at}, CELL, {image.program[at].layer}): " in report["first_difference"]
    assert "[" in report["first_difference"], "names the word"
    assert ": golden " in report["first_difference"]
    assert ", rtl " in report["first_difference"]
    assert report["inputs"][0]["first_difference"] == report["first_difference"]

    result = sordino("cosim", small_image, recording)
    assert result.code == 1
    assert result.out.startswith("DIFFERENT  ")
    assert f"  first difference: {report['first_difference']}\n" in result.out
    assert "golden ≠ rtl" in result.out


def test_another_weight(sordino, small_image, recording, monkeypatch):
    """Single bits of a value stream: a wrong accumulator, or a stream that does not end well."""
    image = Image.load(small_image)
    words = np.frombuffer(section(image, LoadTarget.VALUES).words, "<u2")
    at = next(n for n, i in enumerate(image.program) if isinstance(i, Matvec))
    while image.program[at].fields["matrix"]:
        at += 1
    layer = image.program[at].layer
    kinds = set()
    for bit in range(16):
        with monkeypatch.context() as patch:
            poked(patch, (LoadTarget.VALUES, 0, 1, int(words[1]) ^ 1 << bit))
            command = ("cosim", small_image, recording, "--until", 1, "--json")
            result = sordino(*command)
        assert result.code == 1
        difference = result.json()["first_difference"]
        if "STREAM" in difference:
            kinds.add("stream")
            assert "rtl stopped there with STREAM" in difference
        else:
            kinds.add("bank")
            assert " row " in difference
            assert " lane 0: golden " in difference
        assert ", MATVEC, " in difference
        assert layer in difference
    assert kinds, "some bit matters"


def test_a_bad_stream_stops_the_machine(sordino, small_image, recording, monkeypatch):
    """`run` says which error, and exits with 1."""
    image = Image.load(small_image)
    words = np.frombuffer(section(image, LoadTarget.POSITIONS).words, "<u2")
    poked(monkeypatch, *((LoadTarget.POSITIONS, 0, n, int(words[n]) ^ 0xFFFF) for n in range(9)))
    result = sordino("run", small_image, recording, "--engine", "rtl")
    assert result.code == 1
    assert "stopped: STREAM" in result.out


def test_bad_input_is_found_before_anything_is_built(sordino, small_image, monkeypatch):
    monkeypatch.setattr(engines, "Rtl", None)
    assert "none.wav" in sordino("cosim", small_image, "none.wav").complaint()
