"""`sordino run --endpoints`, and end-pointers in `compile`, `info` and `report`."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import soundfile

from sordino.image.image import Image
from sordino.serve.client import Answer, ServiceError
from sordino.serve.ranking import Ranked
from sordino.speech.features import FeatureDefinition
from sordino.speech.files.mfc import write_mfc
from sordino.speech.inputs import load_cepstra

MODELS = Path(__file__).parents[3] / "models"
IMAGE = MODELS / "an4_rnnt_causal.sordino"
YES, SIX = (soundfile.read(MODELS / "utterances" / f"{n}.wav", dtype="int16")[0] for n in (
    "yes", "robert"
))  # fmt: skip


@pytest.fixture
def two(tmp_path):
    """Two utterances in one recording."""
    rng = np.random.default_rng(1)
    quiet = np.round(rng.normal(size=16_000) * 8).astype(np.int16)
    path = tmp_path / "two.wav"
    soundfile.write(path, np.concatenate([YES, quiet, SIX, quiet]), 16_000)
    return path


def test_a_recording_is_cut_into_utterances(sordino, two):
    done = sordino("run", IMAGE, two, "--endpoints")
    assert done.code == 0
    first, second, last = done.out.splitlines()
    assert first.split() == ["0.00", "to", first.split()[2], "s", "YES"]
    assert second.split()[4:] == ["R", "O", "B", "E", "R", "T"]
    assert "2 utterances" in last
    entry = sordino("run", IMAGE, two, "--endpoints", "--json").json()["inputs"][0]
    assert entry["transcript"] == "YES R O B E R T"
    assert entry["utterance_count"] == 2
    one = entry["utterances"][0]
    assert one.keys() == {
        "begin", "seconds", "text", "tokens", "reason", "revision", "error", "cycles",
        "speculative",
    }  # fmt: skip
    assert one["reason"] == "blanks"
    assert one["speculative"] == {"seconds": pytest.approx(one["seconds"] - 0.2), "text": "YES"}
    assert entry["engine"] == "golden"
    whole = sordino("run", IMAGE, two, "--json").json()["inputs"][0]
    assert whole.keys() - entry.keys() == {"counters"}


def test_every_kind_of_file_gives_the_same(sordino, two, tmp_path):
    wanted = sordino("run", IMAGE, two, "--endpoints", "--json").json()["inputs"][0]["utterances"]
    samples, rate = soundfile.read(two, dtype="int16")
    soundfile.write(tmp_path / "two.flac", samples, rate)
    front_end = FeatureDefinition.of_image(Image.load(IMAGE)).front_end
    cepstra = load_cepstra(two, front_end)
    np.save(tmp_path / "two.npy", cepstra)
    write_mfc(tmp_path / "two.mfc", cepstra)
    files = [tmp_path / f"two.{kind}" for kind in ("flac", "npy", "mfc")]
    found = sordino("run", IMAGE, two, *files, "--endpoints", "--json").json()["inputs"]
    assert [each["utterances"] for each in found] == [wanted] * 4
    assert len({each["saturated"] for each in found}) == 1


@pytest.mark.parametrize("more", [[], ["--beam", "2"]])
def test_of_standard_input_every_event_is_a_line(sordino, two, monkeypatch, more):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(two.read_bytes())))
    done = sordino("run", IMAGE, "-", "--endpoints", "--json", *more)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0
    kinds = [line["kind"] for line in lines if line["kind"] != "partial"]
    assert kinds == ["speculative", "confirm", "final"] * 2 + ["end"]
    likely = next(line for line in lines if line["kind"] == "speculative")
    assert (likely["lattice"] is not None) == bool(more)
    assert lines[-1]["utterance_count"] == 2
    assert (lines[-1]["utterances"], lines[-1]["final"]) == (None, False)


def test_options_are_refused_in_one_line(sordino, two, tmp_path):
    for given, message in (
        (["--final-ms", "500"], "--endpoints beside --final-ms"),
        (["--endpoints", "--final-ms", "0"], "final_ms above 0"),
        (["--endpoints", "--speculative-ms", "700"], "at most final_ms, 640"),
        (["--endpoints", "--longest-s", "-1"], "longest_s above 0"),
        (["--endpoints", "--rate", "8000"], "--rate with standard input"),
    ):
        done = sordino("run", IMAGE, two, *given)
        assert done.code == 2
        assert message in done.err
        assert len(done.err.splitlines()) == 1
    (tmp_path / "no.wav").write_bytes(b"RIFF")
    done = sordino("run", IMAGE, tmp_path / "no.wav", "--endpoints")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    done = sordino("run", IMAGE, tmp_path / "no.wav", tmp_path / "none.wav", two, "--endpoints")
    assert (done.code, len(done.err.splitlines())) == (2, 2)
    assert "YES" in done.out


class Asked:
    """A client that remembers what it was asked, and ranks as it is told."""

    asked: ClassVar[list[tuple[str, tuple[str, int], int]]] = []
    failing = False

    def __init__(self, url: str) -> None:
        self.url = url

    def rank(self, data, lattice, deadline, name):
        best = " ".join(lattice.best)
        Asked.asked.append((best, name, deadline))
        if Asked.failing:
            raise ServiceError("the service at http://127.0.0.1:9 did not rank: nobody")
        ranked = Ranked(text=best.lower(), confidence=0.5, transducer=0.0, language=1.0)
        return Answer(alternatives=[ranked], milliseconds=1.0)


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr("sordino.cli.ends.ranking.Client", Asked)
    monkeypatch.setattr(Asked, "asked", [])
    monkeypatch.setattr(Asked, "failing", False)
    return Asked


SERVICE = ["--endpoints", "--beam", "2", "--url", "http://127.0.0.1:9"]


def test_a_service_ranks_as_soon_as_an_end_is_likely(sordino, two, asked):
    done = sordino("run", IMAGE, two, *SERVICE, "--deadline", "700", "--json")
    assert done.code == 0
    assert [(text, revision, ms) for text, (_, revision), ms in asked.asked] == [
        ("YES", 0, 700), ("R O B E R T", 0, 700)
    ]  # fmt: skip
    assert len({name for _, (name, _), _ in asked.asked}) == 2
    found = done.json()
    assert found["url"] == "http://127.0.0.1:9"
    first, second = (each["reranked"] for each in found["inputs"][0]["utterances"])
    assert (first["transcript"], second["transcript"]) == ("yes", "r o b e r t")
    assert (first["revision"], first["sent"], first["failed"]) == (0, 1, None)
    assert first["alternatives"][0]["confidence"] == 0.5
    assert found["inputs"][0]["transcript"] == "YES R O B E R T", "the device's own"
    shown = sordino("run", IMAGE, two, *SERVICE).out.splitlines()
    assert shown[0].split()[-1] == "yes"
    assert shown[1].strip() == "the device's own best path: YES"


def test_a_service_gets_every_revision(sordino, two, asked):
    """An utterance that goes on behind a likely end is ranked again; the last answer counts."""
    more = ["--speculative-ms", "400", "--final-ms", "3000"]
    done = sordino("run", IMAGE, two, *SERVICE, *more, "--json")
    (only,) = done.json()["inputs"][0]["utterances"]
    names = [name for _, name, _ in asked.asked]
    assert [revision for _, revision in names] == [0, 1, 2]
    assert len({name for name, _ in names}) == 1
    first, undone, last = (text for text, _, _ in asked.asked)
    assert (first, last) == ("YES", "YES R O B E R T")
    assert undone.startswith("YES ")
    assert (only["reranked"]["revision"], only["reranked"]["sent"]) == (2, 3)
    assert only["reranked"]["transcript"] == "yes r o b e r t"


def test_of_standard_input_an_answer_is_a_line(sordino, two, monkeypatch, asked):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(two.read_bytes())))
    lines = [json.loads(x) for x in sordino("run", IMAGE, "-", *SERVICE, "--json").out.splitlines()]
    kinds = [line["kind"] for line in lines if line["kind"] != "partial"]
    assert kinds == ["speculative", "confirm", "final", "reranked"] * 2 + ["end"]
    ranked = [line for line in lines if line["kind"] == "reranked"]
    assert [(line["utterance"], line["transcript"]) for line in ranked] == [
        (0, "yes"), (1, "r o b e r t")
    ]  # fmt: skip


def test_a_service_that_does_not_answer_changes_nothing_else(sordino, two, asked):
    asked.failing = True
    done = sordino("run", IMAGE, two, *SERVICE)
    assert done.code == 0
    assert len(done.err.splitlines()) == 1, "once, though both utterances failed"
    assert "did not rank: nobody; what is printed is the device's own best path" in done.err
    assert done.out.splitlines()[0].split()[-1] == "YES"


def test_a_service_that_does_not_fit_is_refused_in_one_line(sordino, two):
    url = ["--url", "http://127.0.0.1:9"]
    for given, message in (
        ([*url], "wanted --endpoints beside --url, got none"),
        (["--beam", "2", *url], "wanted --endpoints beside --url, got none"),
        (["--endpoints", *url], "wanted a search beside --url, got greedy decoding"),
        (["--endpoints", "--beam", "2", "--deadline", "9"], "wanted --url beside --deadline"),
        (["--endpoints", "--beam", "2", "--url", "ftp://x"], "wanted the URL of a service"),
        ([*SERVICE, "--deadline", "0"], "deadline"),
    ):
        done = sordino("run", IMAGE, two, *given)
        assert (done.code, len(done.err.splitlines()), done.out) == (2, 1, "")
        assert message in done.err


def test_an_hour_needs_no_more_memory_than_a_minute(sordino, tmp_path, monkeypatch):
    """A WAV file is read in pieces, and nothing of an utterance that has ended is held."""
    from sordino.cli.shared import live

    read = []
    own = live.Live._next

    def counted(self):
        piece = own(self)
        read.append(len(piece))
        return piece

    monkeypatch.setattr(live.Live, "_next", counted)
    path = tmp_path / "long.wav"
    soundfile.write(path, np.tile(YES, 2), 16_000)
    assert sordino("run", IMAGE, path, "--endpoints").code == 0
    assert max(read) <= 4096
    assert len(read) > 10


def test_compile_takes_an_end_pointer(sordino, tmp_path, small_model):
    from tests.sw.compiler.programs.endpointers import arrays_of, meta_of

    widths = [8, 8, 4]
    path, image = tmp_path / "e.endpoint.npz", tmp_path / "both.sordino"
    arrays = {name: np.asarray(a, np.float32) for name, a in arrays_of(widths=widths).items()}
    np.savez(path, meta=np.array(json.dumps(meta_of(widths=widths))), **arrays)
    settings = ["--config", "tiny", "--memory", "needed", "-o", image]
    made = sordino("compile", small_model, "--endpoint", path, *settings, "--json")
    assert made.code == 0
    assert any(layer["name"] == "endpoint.weight_ih" for layer in made.json()["layers"])
    said = " ".join(sordino("info", image).out.split())
    assert "endpoint" in said
    networks = sordino("info", image, "--json").json()["host"]["networks"]
    assert networks["endpoint"]["tokens"]["texts"] == ["speculative", "final"]
    assert networks["endpoint"]["ends"]["final"] == {"threshold": 0.0, "frames": 2}
    assert sordino("report", image, "-o", tmp_path / "page.html").code == 0
    assert "endpoint.weight_ih" in (tmp_path / "page.html").read_text()
    bad = sordino("compile", small_model, "--endpoint", small_model, "-o", image)
    assert bad.code == 2
    assert len(bad.err.splitlines()) == 1


def test_eval_says_what_ends_are_worth(sordino, tmp_path):
    table = "file\ttranscript\tspeaker\tsplit\nyes.wav\tYES\ta\tdev\nrobert.wav\tROBERT\ta\tdev\n"
    (tmp_path / "transcripts.tsv").write_text(table)
    for name in ("yes", "robert"):
        (tmp_path / f"{name}.wav").write_bytes((MODELS / "utterances" / f"{name}.wav").read_bytes())
    given = ["eval", IMAGE, "--data", tmp_path, "--endpoints"]
    found = sordino(*given, "--json").json()["endpoints"]
    assert found.keys() >= {"early", "wait_ms_mean", "wait_ms_p90", "speculative_right", "saved_ms"}
    assert (found["early"], found["utterances"]) == (0, 2)
    assert 500 < found["wait_ms_mean"] < 800
    assert found["saved_ms"] == pytest.approx(200)
    assert "ends of 2 utterances" in " ".join(sordino(*given).out.split())
    for more in (["--engine", "float"], ["--lattice", "--beam", "2"]):
        done = sordino(*given, *more)
        assert done.code == 2
        assert len(done.err.splitlines()) == 1
