"""`sordino lattice` and `sordino eval --lattice`."""

import io
import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sordino.cli.shared.lattices import FORMATS
from sordino.image.image import Image
from sordino.lattice.coding.owner import image_vocabulary, model_vocabulary
from sordino.lattice.coding.wire import MOST_BYTES
from sordino.model.load import load_model

MODELS = Path(__file__).parents[3] / "models"
IMAGE = MODELS / "an4_rnnt_causal.sordino"
OTHER = MODELS / "an4_rnnt_g4_80.sordino"
SPEECH = MODELS / "utterances" / "rubout-g-m-e-f.wav"
SHORT = MODELS / "utterances" / "yes.wav"


@pytest.fixture
def piped(monkeypatch):
    """Let standard input hold these bytes."""

    def call(data):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    return call


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Every format of one utterance."""
    from sordino.cli.main import main

    folder = tmp_path_factory.mktemp("lattices")
    formats = [word for name in FORMATS for word in ("--format", name)]
    with pytest.raises(SystemExit) as exit:
        main(["lattice", str(IMAGE), str(SPEECH), "--beam", "8", "-o", str(folder), *formats])
    assert exit.value.code == 0
    return folder


def test_every_format_is_written(made):
    wanted = {f"{SPEECH.stem}{end}" for end in FORMATS.values()} | {"words.txt"}
    assert {path.name for path in made.iterdir()} == wanted


def test_what_is_printed_and_what_json_has(sordino, made):
    printed = sordino("lattice", IMAGE, SPEECH, "--beam", 8)
    assert printed.code == 0
    found = sordino("lattice", IMAGE, SPEECH, "--beam", 8, "--json").json()
    (entry,) = found["inputs"]
    assert entry["transcript"] in printed.out
    assert entry["transcript"] == " ".join(entry["best"])
    said = sordino("run", IMAGE, SPEECH, "--beam", 8, "--json").json()["inputs"][0]
    assert entry["transcript"] == said["transcript"]
    for name in ("wire", "rich"):
        assert entry["bytes"][name] == (made / f"{SPEECH.stem}{FORMATS[name]}").stat().st_size
    assert entry["ways"] == sum(arc["word"] is not None for arc in entry["arcs"])
    assert all(0 <= arc["posterior"] <= 1 for arc in entry["arcs"])
    ends = [arc["end"] for arc in entry["arcs"]]
    assert max(ends) == pytest.approx(entry["frames"] * 0.04)


@pytest.mark.parametrize("form", ["wire", "rich"])
def test_a_lattice_that_was_written_is_read(sordino, made, tmp_path, form):
    path = made / f"{SPEECH.stem}{FORMATS[form]}"
    (entry,) = sordino("lattice", IMAGE, path, "--json").json()["inputs"]
    (heard,) = sordino("lattice", IMAGE, SPEECH, "--beam", 8, "--json").json()["inputs"]
    assert entry["transcript"] == heard["transcript"]
    assert entry["bytes"][form] == path.stat().st_size
    if form == "rich":
        assert entry["arcs"] == heard["arcs"]
        assert sordino("lattice", IMAGE, path, "-o", tmp_path, "--format", "kaldi").code == 0
        again = (tmp_path / f"{SPEECH.stem}.kaldi.txt").read_text()
        assert again == (made / f"{SPEECH.stem}.kaldi.txt").read_text()
    else:
        assert all(arc["end"] is None for arc in entry["arcs"])
        said = sordino("lattice", IMAGE, path, "-o", tmp_path, "--format", "rich").complaint()
        assert "has no times; give the recording" in said
    assert sordino("lattice", IMAGE, path, "-o", tmp_path, "--format", "wire").code == 0
    copy = tmp_path / f"{SPEECH.stem}.slat"
    assert sordino("lattice", IMAGE, copy, "--json").json()["inputs"][0]["best"] == heard["best"]


def test_words_end_when_a_listener_is_told_of_them(sordino, piped):
    """`end` is the time of the event in which the word has its last letter."""
    piped(SHORT.read_bytes())
    lines = sordino("run", IMAGE, "-", "--json").out.splitlines()
    told = next(event for event in map(json.loads, lines) if event["text"] == "YES")
    (entry,) = sordino("lattice", IMAGE, SHORT, "--beam", 1, "--json").json()["inputs"]
    first = next(arc for arc in entry["arcs"] if arc["word"] == "YES")
    assert (first["from"], first["end"]) == (0, told["seconds"])


@pytest.mark.parametrize("form", ["wire", "rich"])
def test_a_lattice_through_a_pipe_is_read(sordino, made, piped, tmp_path, form):
    """As the file is; a recording is still one."""
    path = made / f"{SPEECH.stem}{FORMATS[form]}"
    (wanted,) = sordino("lattice", IMAGE, path, "--json").json()["inputs"]
    piped(path.read_bytes())
    (entry,) = sordino("lattice", IMAGE, "-", "--json").json()["inputs"]
    assert entry | {"input": str(path)} == wanted
    piped(path.read_bytes())
    done = sordino("lattice", IMAGE, "-", SHORT, "-o", tmp_path, "--format", "slf")
    assert (done.code, done.err) == (0, "")
    files = {"standard-input.slf", f"{SHORT.stem}.slf"}
    assert {path.name for path in tmp_path.iterdir()} == files
    piped(path.read_bytes())
    assert "lattices alone" in sordino("lattice", IMAGE, "-", "--beam", 4).complaint()
    piped(SHORT.read_bytes())
    (entry,) = sordino("lattice", IMAGE, "-", "--json").json()["inputs"]
    assert entry["transcript"] == "YES"
    assert entry["audio"] is not None


def test_a_lattice_through_a_pipe_is_ranked(sordino, made, piped):
    path = made / f"{SPEECH.stem}.slat"
    (wanted,) = sordino("rerank", IMAGE, path, "--json").json()["inputs"]
    piped(path.read_bytes())
    (entry,) = sordino("rerank", IMAGE, "-", "--json").json()["inputs"]
    assert entry | {"input": str(path), "milliseconds": wanted["milliseconds"]} == wanted
    piped(path.read_bytes())
    assert "lattices alone" in sordino("rerank", IMAGE, "-", "--beam", 4).complaint()


def test_bad_lattices_through_a_pipe_are_one_line(sordino, made, piped):
    good = (made / f"{SPEECH.stem}.slat").read_bytes()
    for data, said in (
        (b"", "wanted"),
        (good[:-1], "standard input: wanted a lattice .* checksum"),
        (good[:20] + bytes([good[20] ^ 1]) + good[21:], "checksum"),
        (bytes(100), "standard input"),
    ):
        piped(data)
        assert re.search(said, sordino("lattice", IMAGE, "-").complaint())
    piped(good)
    assert "of the vocabulary" in sordino("lattice", OTHER, "-").complaint()


def test_a_pipe_that_is_closed_leaves_the_others(sordino, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=None))
    done = sordino("lattice", IMAGE, "-", SHORT, "--json")
    assert done.code == 2
    refused, heard = done.json()["inputs"]
    assert "it is closed" in refused["refused"]
    assert heard["transcript"] == "YES"


def test_a_language_models_costs_are_computed_by_the_reader(sordino, made, tmp_path):
    (tmp_path / "text").write_text("RUBOUT G M E F\nRUBOUT E F\nENTER SIX\n")
    arpa = tmp_path / "lm.arpa"
    assert sordino("lm", tmp_path / "text", "-o", arpa).code == 0
    path = made / f"{SPEECH.stem}.rich.slat"
    (entry,) = sordino("lattice", IMAGE, path, "--lm", arpa, "--json").json()["inputs"]
    assert any(arc["language"] for arc in entry["arcs"])
    assert entry["transcript"] == "RUBOUT G M E F", "the one that the model has seen"
    assert sordino("lattice", IMAGE, SPEECH, "--lm", arpa).code == 0


def test_bad_lattices_are_one_line(sordino, made, tmp_path):
    good = (made / f"{SPEECH.stem}.slat").read_bytes()
    path = tmp_path / "x.slat"
    for data, said in (
        (b"", "an empty file"),
        (good[:-1], "checksum"),
        (good[:5], "got 5 bytes"),
        (bytes([good[0] ^ 1]) + good[1:], "checksum"),
        (bytes(MOST_BYTES + 9), f"{MOST_BYTES:,}"),
    ):
        path.write_bytes(data)
        assert said in sordino("lattice", IMAGE, path).complaint()
        both = sordino("lattice", IMAGE, path, made / f"{SPEECH.stem}.slat", "--json")
        assert both.code == 2
        refused, heard = both.json()["inputs"]
        assert [refused["refused"] is None, heard["refused"] is None] == [False, True]
        assert refused.keys() == heard.keys()
    assert "cannot read lattice" in sordino("lattice", IMAGE, tmp_path / "no.slat").complaint()
    path.write_bytes(good)
    assert "of the vocabulary" in sordino("lattice", OTHER, path).complaint()
    (tmp_path / "text").write_text("YES\n")
    assert sordino("lm", tmp_path / "text", "-o", tmp_path / "w.arpa").code == 0
    said = sordino("lattice", IMAGE, path, "--words", tmp_path / "w.arpa").complaint()
    assert "--words" in said


def test_other_words_write_the_same_lattice(sordino, tmp_path):
    (tmp_path / "text").write_text("YES\nNO\n")
    arpa = tmp_path / "w.arpa"
    assert sordino("lm", tmp_path / "text", "-o", arpa).code == 0
    (one,) = sordino("lattice", IMAGE, SHORT, "--json").json()["inputs"]
    (other,) = sordino("lattice", IMAGE, SHORT, "--json", "--words", arpa).json()["inputs"]
    assert one["arcs"] == other["arcs"]
    assert one["bytes"] != other["bytes"]


def test_options_that_do_not_fit_are_one_line(sordino, tmp_path):
    data = MODELS / "utterances"
    for line, said in (
        (["lattice", IMAGE, SHORT, "--format", "svg"], "wanted -o FOLDER"),
        (["eval", IMAGE, "--data", data, "--lattice"], "wanted --beam or --lm beside --lattice"),
        (["eval", IMAGE, "--data", data, "--words", SHORT], "wanted --lattice beside --words"),
        (["lattice", IMAGE, SHORT, SHORT, "-o", tmp_path], "different names"),
    ):
        assert said in sordino(*line).complaint()
    again = tmp_path / SHORT.name
    shutil.copy(SHORT, again)
    assert "different names" in sordino("lattice", IMAGE, SHORT, again, "-o", tmp_path).complaint()
    slat = tmp_path / "yes.slat"
    assert sordino("lattice", IMAGE, SHORT, "-o", tmp_path).code == 0
    said = sordino("lattice", IMAGE, slat, "-o", tmp_path, "--format", "wire").complaint()
    assert "the command reads it" in said


@pytest.mark.parametrize("engine", ["golden", "float"])
def test_eval_measures_lattices(sordino, engine):
    model = IMAGE if engine == "golden" else IMAGE.with_suffix(".npz")
    line = ["eval", model, "--data", MODELS / "utterances", "--split", "train", "--beam", 4]
    printed = sordino(*line, "--lattice")
    assert "oracle WER" in printed.out
    found = sordino(*line, "--lattice", "--json").json()
    plain = sordino(*line, "--json").json()
    added = {
        "lattice_bytes",
        "lattice_arcs",
        "oracle_errors",
        "oracle_wer",
        "rich",
        "lattice_sha256",
    }
    assert found.keys() - plain.keys() == added
    assert {name: found[name] for name in plain} == plain
    assert set(found["rich"]) == added - {"rich", "lattice_sha256"}
    assert found["oracle_errors"] <= found["errors"]
    assert found["rich"]["oracle_errors"] <= found["oracle_errors"]
    assert 8 <= found["lattice_bytes"] <= found["rich"]["lattice_bytes"]


def test_a_model_and_its_image_have_one_vocabulary():
    image = image_vocabulary(Image.load(IMAGE))
    assert image.identity == model_vocabulary(load_model(IMAGE.with_suffix(".npz"))).identity


def test_all_engines_make_the_same_lattices(sordino, cxx, tmp_path):
    shutil.copy(SHORT, tmp_path)
    (tmp_path / "transcripts.tsv").write_text("file\ttranscript\nyes.wav\tYES\n")
    line = ["eval", IMAGE, "--data", tmp_path, "--split", "train", "--beam", 2, "--lattice"]
    hashes = {
        json.loads(sordino(*line, "--engine", engine, "--json").out)["lattice_sha256"]
        for engine in ("golden", "cycles", "rtl")
    }
    assert len(hashes) == 1


def test_words_keep_the_numbers_that_files_of_the_folder_have(sordino, made, tmp_path):
    """A second run in a folder does not change what the files of the first one say."""
    shutil.copy(made / f"{SPEECH.stem}.rich.slat", tmp_path / "a.rich.slat")
    line = ["-o", tmp_path / "out", "--format", "fst"]
    assert sordino("lattice", IMAGE, tmp_path / "a.rich.slat", *line).code == 0
    table = tmp_path / "out" / "words.txt"
    before = table.read_text()
    assert sordino("lattice", IMAGE, SHORT, *line).code == 0
    after = table.read_text()
    assert after.startswith(before)
    assert "YES" in after.removeprefix(before)
    first = (tmp_path / "out" / "a.fst.txt").read_text()
    assert sordino("lattice", IMAGE, tmp_path / "a.rich.slat", SHORT, *line).code == 0
    assert table.read_text() == after
    assert (tmp_path / "out" / "a.fst.txt").read_text() == first


@pytest.mark.parametrize(
    "table",
    ["YES\n", "<eps> 0\nYES one\n", "<eps> 0\nA 1\nB 1\n", "A 1\nA 2\n", "A 0\n", "A 3000000000\n"],
)
def test_a_file_that_is_no_table_of_symbols_stays(sordino, tmp_path, table):
    (tmp_path / "words.txt").write_text(table)
    said = sordino("lattice", IMAGE, SHORT, "-o", tmp_path, "--format", "k2").complaint()
    assert "words.txt" in said
    assert "choose another folder" in said
    assert [path.name for path in tmp_path.iterdir()] == ["words.txt"]
    assert (tmp_path / "words.txt").read_text() == table
    assert sordino("lattice", IMAGE, SHORT, "-o", tmp_path).code == 0


def test_a_lattice_without_times_is_refused_alone(sordino, made, tmp_path):
    wire = made / f"{SPEECH.stem}.slat"
    line = [SHORT, wire, "-o", tmp_path, "--format", "rich", "--format", "fst"]
    done = sordino("lattice", IMAGE, *line)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert f"but {wire} has no times; give the recording" in done.err
    wanted = {"yes.rich.slat", "yes.fst.txt", "words.txt"}
    assert {path.name for path in tmp_path.iterdir()} == wanted


def test_how_recordings_are_searched_says_nothing_about_lattices(sordino, made):
    wire = made / f"{SPEECH.stem}.slat"
    for given in (["--beam", 8], ["--engine", "cycles"], ["--beam", 4, "--engine", "golden"]):
        said = sordino("lattice", IMAGE, wire, *given).complaint()
        assert f"wanted a recording beside {given[0]}" in said
    assert sordino("lattice", IMAGE, wire, "--json").json()["beam"] is None
    both = sordino("lattice", IMAGE, wire, SHORT, "--beam", 2, "--json").json()
    assert both["beam"] == 2


def test_the_default_beam_is_said(sordino):
    found = sordino("lattice", IMAGE, SHORT, "--json").json()
    same = sordino("lattice", IMAGE, SHORT, "--beam", 8, "--json").json()
    assert found["beam"] == 8
    assert found["inputs"][0]["arcs"] == same["inputs"][0]["arcs"]
    assert "greedy" not in sordino("lattice", "--help").out


def test_the_case_of_a_name_does_not_matter(sordino, made, tmp_path):
    """As Windows and cameras write names."""
    upper = tmp_path / "A.RICH.SLAT"
    shutil.copy(made / f"{SPEECH.stem}.rich.slat", upper)
    (entry,) = sordino("lattice", IMAGE, upper, "-o", tmp_path, "--json").json()["inputs"]
    assert entry["files"] == [str(tmp_path / "A.slat")]


def test_one_of_a_kind_is_singular(sordino):
    printed = sordino("lattice", IMAGE, SHORT, "--beam", 1).out
    assert "2 states, 1 way, 1 path\n" in printed
