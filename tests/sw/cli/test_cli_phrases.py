"""`--phrases` of `run`, `eval` and `lattice`."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

MODELS = Path(__file__).parents[3] / "models"
IMAGE = MODELS / "an4_rnnt_causal.sordino"
SPEECH = MODELS / "utterances" / "rubout-g-m-e-f.wav"
"""Heard as RUBOUT G M B F without phrases."""


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "names.txt"
    path.write_text("# who may be called\nG M E F\nr o b e r t\t0.5\n")
    return path


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Phrases of a random model's letters, a to k."""
    path = tmp_path / "few.txt"
    path.write_text("ab\nbad\n")
    return path


def test_a_listed_name_is_heard(sordino, names):
    command = ("run", IMAGE, SPEECH, "--beam", 8, "--json")
    alone = sordino(*command).json()["inputs"][0]
    assert (alone["transcript"], alone["phrases"]) == ("RUBOUT G M B F", None)
    found = sordino(*command, "--phrases", names).json()["inputs"][0]
    assert found["transcript"] == "RUBOUT G M E F"
    assert found["phrases"] == {
        "count": 2,
        "contrast": 3.0,
        "matched": [{"phrase": "G M E F", "nats": 4.0}],
    }
    best = found["hypotheses"][0]
    assert best["score"] == pytest.approx(best["acoustic"] + 4)
    assert "RUBOUT G M E F" in sordino(*command[:-1], "--phrases", names).out


def test_without_a_bonus_it_is_the_search_alone(sordino, names):
    command = ("run", IMAGE, SPEECH, "--beam", 8, "--json")
    alone = sordino(*command).json()["inputs"][0]
    names.write_text("G M E F\nRUBOUT\n")
    found = sordino(*command, "--phrases", names, "--phrase-bonus", 0).json()["inputs"][0]
    for key in ("transcript", "tokens", "hypotheses", "runs"):
        assert found[key] == alone[key]


@pytest.mark.parametrize("size", [1000, 100_000])
def test_pieces_of_sound_are_heard_as_the_whole(sordino, names, monkeypatch, size):
    """The words of `run -` are those of the file, and so are its scores."""

    def heard(pieces):
        pipe = SimpleNamespace(read=lambda _size: next(pieces, b""), isatty=lambda: False)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=pipe))
        command = ("run", IMAGE, "-", "--beam", 4, "--phrases", names, "--json")
        return [json.loads(line) for line in sordino(*command).out.splitlines()]

    data = SPEECH.read_bytes()
    command = ("run", IMAGE, SPEECH, "--beam", 4, "--phrases", names, "--json")
    (whole,) = sordino(*command).json()["inputs"]
    *partial, last = heard(data[n : n + size] for n in range(0, len(data), size))
    assert partial
    assert partial == heard(iter([data]))[:-1]
    for key in ("transcript", "tokens", "hypotheses", "phrases"):
        assert last[key] == whole[key]
    assert last["transcript"] == "RUBOUT G M E F"


@pytest.mark.parametrize("command", ["run", "eval", "lattice"])
def test_greedy_decoding_needs_a_beam(sordino, few, small_image, small_features, tmp_path, command):
    rest = ("--data", tmp_path) if command == "eval" else (small_features,)
    beams = [("--beam", 1)] if command == "lattice" else [(), ("--beam", 1)]
    for beam in beams:
        line = sordino(command, small_image, *rest, "--phrases", few, *beam).complaint()
        got = "--beam 1" if beam else "none"
        assert f"wanted a beam of at least 2 beside --phrases, got {got}" in line
        assert "add --beam 8" in line


def test_a_bonus_without_phrases(sordino, small_image, small_features):
    command = ("run", small_image, small_features, "--beam", 2, "--phrase-bonus", 1)
    assert "wanted --phrases FILE beside --phrase-bonus, got none" in sordino(*command).complaint()


@pytest.mark.parametrize("bonus", ["nan", "inf", "-1", "101", "x"])
def test_a_bonus_that_means_nothing(sordino, few, small_image, small_features, bonus):
    command = ("run", small_image, small_features, "--beam", 2, "--phrases", few)
    assert bonus in sordino(*command, "--phrase-bonus", bonus).complaint()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "one a line, got none"),
        ("ab\nzoo\n", "got 'o' of 'zoo' in line 2"),
        ("a" * 10_000, "got 10,000 in line 1"),
        ("ab\tnan", "got nan in line 1"),
        (None, "cannot read the phrases"),
    ],
)
@pytest.mark.parametrize("command", ["run", "lattice"])
def test_bad_lists_are_one_line(
    sordino, tmp_path, small_image, small_features, command, text, said
):
    path = tmp_path / "bad.txt"
    if text is not None:
        path.write_text(text)
    rest = ("--beam", 2, "--phrases", path)
    assert said in sordino(command, small_image, small_features, *rest).complaint()


def test_a_phrase_twice_is_said(sordino, few, small_image, small_features):
    few.write_text("ab\nAB\n")
    command = ("run", small_image, small_features, "--beam", 2, "--phrases", few, "--json")
    report = sordino(*command).json()
    assert report["inputs"][0]["phrases"]["count"] == 1
    assert "more than once" in report["warnings"][0]


def test_ten_thousand_phrases(sordino, names):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    texts = [" ".join(letters[n // 26**k % 26] for k in range(6)) for n in range(10_000)]
    names.write_text("\n".join([*texts, "G M E F"]))
    command = ("run", IMAGE, SPEECH, "--beam", 4, "--phrases", names, "--json")
    (found,) = sordino(*command).json()["inputs"]
    assert found["phrases"]["count"] == 10_001
    assert found["transcript"] == "RUBOUT G M E F"


def test_beside_a_language_model(sordino, few, small_image, small_features, tmp_path):
    text, arpa = tmp_path / "x.txt", tmp_path / "x.arpa"
    text.write_text("ab bad\ncab\n")
    assert sordino("lm", text, "--order", 2, "-o", arpa).code == 0
    command = ("run", small_image, small_features, "--lm", arpa, "--json")
    alone = sordino(*command).json()["inputs"][0]
    found = sordino(*command, "--phrases", few, "--phrase-bonus", 0).json()["inputs"][0]
    assert found["hypotheses"] == alone["hypotheses"]
    assert sordino(*command, "--phrases", few).json()["inputs"][0]["phrases"]["count"] == 2


def test_eval(sordino, few, small_image, recording, tmp_path):
    (tmp_path / "a.wav").write_bytes(recording.read_bytes())
    table = "file\ttranscript\tsplit\na.wav\tbad\tdev\n"
    (tmp_path / "transcripts.tsv").write_text(table)
    command = ("eval", small_image, "--data", tmp_path, "--beam", 2)
    alone = sordino(*command, "--json").json()
    assert [alone[key] for key in ("phrases", "phrase_bonus", "phrase_count")] == [None] * 3
    found = sordino(*command, "--phrases", few, "--phrase-bonus", 0, "--json").json()
    assert (found["phrases"], found["phrase_bonus"], found["phrase_count"]) == (str(few), 0.0, 2)
    assert found["utterance_errors"] == alone["utterance_errors"]
    assert "beam 2 + few.txt" in sordino(*command, "--phrases", few).out
    found = sordino(*command, "--phrases", few, "--lattice", "--json").json()
    assert found["lattice_bytes"] > 0


def test_a_lattice_of_a_search_with_phrases(sordino, names, tmp_path):
    """Its best path is the search's; its costs are the transducer's alone; a reader adds the rest.

    What the search found with phrases, a reader finds by phrases in a lattice without.
    """
    command = ("lattice", IMAGE, SPEECH, "--beam", 8, "-o", tmp_path)
    (alone,) = sordino(*command, "--json").json()["inputs"]
    assert alone["transcript"] == "RUBOUT G M B F"
    lattice = tmp_path / f"{SPEECH.stem}.slat"
    command = ("lattice", IMAGE, lattice, "--phrases", names, "--json")
    report = sordino(*command).json()
    assert report["inputs"][0]["transcript"] == "RUBOUT G M E F"
    assert (report["phrases"], report["phrase_count"]) == (str(names), 2)
    command = ("lattice", IMAGE, SPEECH, "--beam", 8, "-o", tmp_path, "--json")
    (found,) = sordino(*command, "--phrases", names).json()["inputs"]
    assert found["transcript"] == "RUBOUT G M E F"
    (sent,) = sordino("lattice", IMAGE, lattice, "--json").json()["inputs"]
    assert sent["transcript"] == "RUBOUT G M E F", "the search's own best path is the first"
    least = min(arc["transducer"] for arc in sent["arcs"])
    assert least < 0, "others have a better one by the transducer alone"
    assert all(arc["language"] == 0 for arc in sent["arcs"])


def test_all_engines_search_alike(sordino, few, small_image, small_features, cxx):
    command = ("run", small_image, small_features, "--beam", 4, "--phrases", few, "--json")
    golden, rtl = (
        sordino(*command, "--engine", engine).json()["inputs"][0] for engine in ("golden", "rtl")
    )
    for key in ("tokens", "transcript", "hypotheses", "phrases", "runs", "window_words"):
        assert rtl[key] == golden[key]


@pytest.mark.parametrize("command", ["run", "eval", "lattice"])
def test_help(sordino, command):
    text = " ".join(sordino(command, "--help").out.split())
    assert "--phrases names.txt" in text
    assert "[default: 1, chosen on AN4's training speakers with noise]" in text
