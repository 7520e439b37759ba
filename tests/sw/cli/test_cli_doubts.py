"""What commands say of recordings from which nothing good may come, and of standard input."""

import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from sordino.golden.machine import Golden
from sordino.image.image import Image

AUDIO = {
    "rate_hz",
    "channels",
    "seconds",
    "level_dbfs",
    "peak_dbfs",
    "clipped",
    "dc",
    "bandwidth_hz",
    "mixed_db",
    "missing",
    "uncounted",
}


@pytest.fixture
def shipped(recording):
    return recording.parents[1] / "an4_rnnt_causal.sordino"


@pytest.fixture
def spoilt(recording, tmp_path):
    """A folder with a table, three recordings that are spoilt and one that is not."""
    samples, rate = soundfile.read(recording)
    soundfile.write(tmp_path / "quiet.wav", samples * 0.01, rate)
    soundfile.write(tmp_path / "loud.wav", (samples * 10).clip(-1, 1), rate)
    data = recording.read_bytes()
    (tmp_path / "half.wav").write_bytes(data[: len(data) // 2])
    (tmp_path / "yes.wav").write_bytes(data)
    names = ("quiet", "loud", "half", "yes")
    lines = [f"{name}.wav\tYES\tdev\n" for name in names]
    (tmp_path / "transcripts.tsv").write_text("file\ttranscript\tsplit\n" + "".join(lines))
    return tmp_path


SAID = {
    "quiet.wav": "its speech is at -61 dBFS",
    "loud.wav": "of its samples are clipped",
    "half.wav": "% of the sound that its header declares is missing",
}


@pytest.mark.parametrize("command", [("run",), ("cosim", "--engines", "golden,cycles")])
def test_a_line_for_each_doubtful_recording(sordino, shipped, spoilt, command):
    paths = [spoilt / name for name in (*SAID, "yes.wav")]
    short = () if command == ("run",) else ("--until", 2)
    result = sordino(*command, shipped, *paths, *short, "--json")
    assert result.code == 0
    report = result.json()
    lines = result.err.splitlines()
    assert lines == [f"sordino: warning: {text}" for text in report["warnings"]]
    for path, entry, line in zip(paths, report["inputs"], [*lines, None], strict=True):
        assert entry["audio"].keys() == AUDIO
        assert 0 <= entry["saturated"] < 0.01
        if line is None:
            assert entry["doubts"] == []
            continue
        assert line == f"sordino: warning: {path}: {'; '.join(entry['doubts'])}"
        assert any(SAID[path.name] in doubt for doubt in entry["doubts"])
    missing = [entry["audio"]["missing"] for entry in report["inputs"]]
    assert (missing[0], missing[1], missing[3]) == (0, 0, 0)
    assert missing[2] == pytest.approx(0.5, abs=0.01)


def test_foreign_cepstra(sordino, shipped, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(90, 13)) * 30)
    result = sordino("run", shipped, tmp_path / "x.npy", "--json")
    (entry,) = result.json()["inputs"]
    assert entry["audio"] is None
    assert entry["saturated"] > 0.3
    assert entry["spread"] > 3
    assert result.code == 0
    assert f"{entry['saturated']:.1%} of the model's int8 input is saturated" in result.err
    assert result.err.count("\n") == 1


def evaluated(sordino, model, folder, *more):
    return sordino("eval", model, "--data", folder, "--split", "dev", *more, "--json")


@pytest.mark.parametrize("engine", ["golden", "float"])
def test_eval_says_whom_it_doubts(sordino, shipped, spoilt, engine):
    model = shipped.with_suffix(".npz") if engine == "float" else shipped
    result = evaluated(sordino, model, spoilt)
    report = result.json()
    assert (result.code, report["engine"], report["utterances"]) == (0, engine, 4)
    assert [*report["doubts"]] == [str(spoilt / name) for name in SAID]
    assert [*report["missing"]] == [str(spoilt / "half.wav")]
    assert report["lowest_level_dbfs"] == pytest.approx(-61, abs=0.5)
    assert (report["refused"], report["silent"]) == ({}, [])
    assert result.err.count("sordino: warning: ") == len(SAID)
    assert 0 <= report["saturated"] < 0.01


def test_eval_goes_on_and_says_what_its_rate_is_not_of(sordino, shipped, spoilt):
    (spoilt / "half.wav").write_bytes(b"RIFF")
    (spoilt / "quiet.wav").write_bytes((spoilt / "yes.wav").read_bytes()[:100])
    result = evaluated(sordino, shipped, spoilt)
    report = result.json()
    assert result.code == 2
    assert (report["utterances"], report["words"]) == (2, 2)
    assert [*report["refused"]] == [str(spoilt / "quiet.wav"), str(spoilt / "half.wav")]
    assert "quiet.wav: wanted at least 410 samples" in report["refused"][str(spoilt / "quiet.wav")]
    assert result.err.splitlines()[-1].startswith(
        "sordino: 2 of 4 utterances could not be read and are not in this word error rate; the "
        f"first: {spoilt / 'quiet.wav'}: wanted at least 410 samples"
    )
    for name in ("yes.wav", "loud.wav"):
        (spoilt / name).write_bytes(b"RIFF")
    assert "quiet.wav" in evaluated(sordino, shipped, spoilt).complaint()


def test_eval_names_the_splits_that_there_are(sordino, small_image, recording):
    folder = recording.parent
    complaint = sordino("eval", small_image, "--data", folder).complaint()
    assert f"{folder} has train, so it needs --split train" in complaint
    assert "--split train" not in sordino("eval", small_image, "--data", folder / "x").complaint()


@pytest.fixture
def fed(monkeypatch):
    def feed(data, terminal=False):
        stream = io.BytesIO(data)
        stream.isatty = lambda: terminal
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))

    return feed


@pytest.mark.parametrize("command", ["run", "cosim"])
def test_standard_input(sordino, small_image, recording, small_features, fed, command):
    short = () if command == "run" else ("--engines", "golden,cycles")
    for path in (recording, small_features):
        fed(path.read_bytes())
        piped = sordino(command, small_image, "-", *short, "--json")
        # `run` prints an object a line, the last one with all that an input has.
        lines = piped.out.splitlines()
        last = json.loads(lines[-1]) if command == "run" else piped.json()["inputs"][0]
        named = sordino(command, small_image, path, *short, "--json").json()["inputs"][0]
        assert last["input"] == "-"
        for key in ("transcript", "saturated", "frames", "tokens"):
            assert last.get(key) == named.get(key)
    complaint = sordino(command, small_image, "-", "-", *short).complaint()
    assert "only once" in complaint
    for data, terminal, said in (
        (b"", False, "got nothing"),
        (b"", True, "is a terminal"),
        (b"hello, this is not a recording\n", False, "but standard input is none of them"),
    ):
        fed(data, terminal)
        assert said in sordino(command, small_image, "-", *short).complaint()


def test_no_standard_input(sordino, small_image, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=None))
    assert "it is closed" in sordino("run", small_image, "-").complaint()


@pytest.fixture
def bare(sordino, small_tensors, small_meta, tmp_path):
    """An image that does not say what its features are."""
    tensors = {k: v for k, v in small_tensors.items() if not k.startswith("features.")}
    meta = {k: v for k, v in small_meta.items() if k != "features"}
    np.savez(tmp_path / "bare.npz", meta=np.array(json.dumps(meta)), **tensors)
    image = tmp_path / "bare.sordino"
    assert sordino("compile", tmp_path / "bare.npz", "--config", "tiny", "-o", image).code == 0
    return image


def test_vectors_need_no_definition(sordino, bare, small_features, tmp_path):
    for engine in ("golden", "cycles"):
        result = sordino("run", bare, small_features, "--engine", engine, "--json")
        assert result.code == 0
        (entry,) = result.json()["inputs"]
        assert entry["tokens"] == Golden(Image.load(bare)).run(np.load(small_features)).tokens
        assert entry["seconds"] is entry["real_time_factor"] is entry["spread"] is None
        assert (entry["frames"], entry["cycles"] is None) == (2, engine == "golden")
        plain = sordino("run", bare, small_features, "--engine", engine)
        assert f"{small_features}: 2 frames" in plain.out
    assert sordino("run", bare, small_features, "--beam", 2).code == 0
    command = ("cosim", bare, small_features, "--engines", "golden,cycles", "--json")
    assert sordino(*command).json()["identical"] is True
    np.save(tmp_path / "float.npy", np.zeros((4, 117)))
    assert "wanted int8" in sordino("run", bare, tmp_path / "float.npy").complaint()
    np.save(tmp_path / "narrow.npy", np.zeros((4, 116), np.int8))
    complaint = sordino("run", bare, tmp_path / "narrow.npy").complaint()
    assert "frames × 117 int8 model input" in complaint


def test_a_recording_needs_a_definition(sordino, bare, recording, small_features):
    assert "no feature definition" in sordino("run", bare, recording).complaint()
    result = sordino("run", bare, small_features, recording, "--json")
    assert result.code == 2
    assert [bool(entry["refused"]) for entry in result.json()["inputs"]] == [False, True]
