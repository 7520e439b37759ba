"""Recordings and feature files: what is taken, and one line for what is not."""

import numpy as np
import pytest
import soundfile

from sordino.speech.inputs import read_input

RATE = 16_000


def tone(seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * 440 * time) + 0.1 * np.sin(2 * np.pi * 1300 * time)


def save(name, array):
    def make(folder):
        np.save(folder / name, array, allow_pickle=True)
        return folder / name

    return make


def write(name, contents):
    def make(folder):
        (folder / name).write_bytes(contents)
        return folder / name

    return make


def sound(name, samples, rate=RATE):
    def make(folder):
        soundfile.write(folder / name, samples, rate, subtype="FLOAT")
        return folder / name

    return make


def archive(folder):
    np.savez(folder / "x.npz", np.zeros((4, 117), np.int8))
    return (folder / "x.npz").rename(folder / "x.npy")


BAD = {
    "missing": (lambda folder: folder / "none.wav", "is not a file"),
    "folder": (lambda folder: folder, "is not a file"),
    "missing features": (lambda folder: folder / "none.npy", "No such file"),
    "missing cepstra": (lambda folder: folder / "none.mfc", "none.mfc"),
    "empty file": (write("x.wav", b""), "is none of them"),
    "text": (write("x.wav", b"hello, this is not a recording\n" * 9), "is none of them"),
    "no samples": (sound("x.wav", np.zeros(0)), "has no samples"),
    "too short": (sound("x.wav", np.zeros(40)), "x.wav"),
    "not finite": (sound("x.wav", np.full(9000, np.nan)), "NaN"),
    "empty npy": (write("x.npy", b""), "x.npy"),
    "text npy": (write("x.npy", b"1 2 3\n"), "x.npy"),
    "one dimension": (save("x.npy", np.zeros(117, np.int8)), "got shape (117,)"),
    "three dimensions": (save("x.npy", np.zeros((2, 3, 13))), "got shape (2, 3, 13)"),
    "turned": (save("x.npy", np.zeros((117, 5), np.int8)), "transpose"),
    "no frames": (save("x.npy", np.zeros((0, 117), np.int8)), "finite frames"),
    "int16": (save("x.npy", np.zeros((4, 117), np.int16)), "got int16"),
    "pickled": (save("x.npy", np.array([{"a": 1}], object)), "is none"),
    "NaN": (save("x.npy", np.full((9, 13), np.nan)), "NaN"),
    "archive": (archive, "of an archive"),
    "complex": (save("x.npy", np.zeros((9, 13), complex)), "complex128"),
    "odd mfc": (write("x.mfc", b"\0\0\0\7abc"), "x.mfc"),
    "empty mfc": (write("x.mfc", b""), "x.mfc"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input(sordino, small_image, tmp_path, kind):
    make, wanted = BAD[kind]
    path = make(tmp_path)
    for command in (["run"], ["run", "--json"], ["cosim"]):
        assert wanted in sordino(*command, small_image, path).complaint()


@pytest.mark.parametrize("command", [("run",), ("cosim", "--engines", "golden,cycles")])
def test_one_bad_input_loses_no_other(sordino, small_image, recording, tmp_path, command):
    """Every input has its entry, in order; the bad one says why, and the exit code is 2."""
    bad, last = tmp_path / "bad.wav", tmp_path / "last.wav"
    bad.write_bytes(b"hello, this is not a recording\n")
    last.write_bytes(recording.read_bytes())
    alone = sordino(*command, small_image, recording, "--json").json()["inputs"][0]
    result = sordino(*command, small_image, recording, bad, last, "--json")
    assert result.code == 2
    assert result.err.startswith(f"sordino: wanted WAV, FLAC or NIST Sphere audio, but {bad} ")
    assert result.err.count("\n") == 1
    first, middle, third = result.json()["inputs"]
    assert middle.keys() <= first.keys() == third.keys()
    assert [entry["input"] for entry in (first, middle, third)] == [
        *map(str, (recording, bad, last))
    ]
    assert first["transcript"] == third["transcript"] == alone["transcript"] != ""
    assert first["refused"] is third["refused"] is middle["transcript"] is None
    assert result.err == f"sordino: {middle['refused']}\n"
    plain = sordino(*command, small_image, recording, bad, last)
    assert (plain.code, plain.err) == (2, result.err)
    assert str(last) in plain.out


def test_only_bad_inputs_build_no_machine(sordino, small_image, tmp_path, monkeypatch):
    monkeypatch.setattr("sordino.cli.commands.run.make_engine", None)
    paths = (tmp_path / "a.wav", tmp_path / "b.npy")
    result = sordino("run", small_image, *paths, "--json")
    assert result.code == 2
    assert all(entry["refused"] for entry in result.json()["inputs"])
    assert [str(path) in line for path, line in zip(paths, result.err.splitlines(), strict=True)]


def test_features_are_computed_once(sordino, small_image, recording, monkeypatch):
    calls = []

    def counted(path, *more):
        calls.append(path)
        return read_input(path, *more)

    monkeypatch.setattr("sordino.speech.transcript.read_input", counted)
    assert sordino("run", small_image, recording).code == 0
    assert calls == [str(recording)]


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_and_channels(sordino, small_image, tmp_path, rate, channels):
    path = tmp_path / "x.wav"
    soundfile.write(path, np.stack([tone(rate=rate)] * channels, axis=1), rate)
    (entry,) = sordino("run", small_image, path, "--json").json()["inputs"]
    assert entry["frames"] in (15, 16, 17)
    assert entry["error"] is None


def test_flac_is_wav(sordino, small_image, tmp_path):
    for name in ("x.wav", "x.flac"):
        soundfile.write(tmp_path / name, tone(), RATE, subtype="PCM_16")
    a, b = sordino("run", small_image, tmp_path / "x.wav", tmp_path / "x.flac", "--json").json()[
        "inputs"
    ]
    assert a["tokens"] == b["tokens"]
    assert a["frames"] == b["frames"]


def test_an_image_without_features_says_so(sordino, small_tensors, small_meta, recording, tmp_path):
    import json

    tensors = {k: v for k, v in small_tensors.items() if not k.startswith("features.")}
    meta = {k: v for k, v in small_meta.items() if k != "features"}
    model, image = tmp_path / "bare.npz", tmp_path / "bare.sordino"
    np.savez(model, meta=np.array(json.dumps(meta)), **tensors)
    assert sordino("compile", model, "--config", "tiny", "-o", image).code == 0
    assert "no feature definition" in sordino("run", image, recording).complaint()
