"""`sordino run IMAGE -`: standard input heard as it comes, and one line for what cannot be."""

import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from sordino.image.image import Image
from sordino.recogniser.recogniser import Recogniser
from sordino.speech.files.audio import resample
from sordino.speech.transcript import hear

MODELS = Path(__file__).parents[3] / "models"
IMAGE = MODELS / "an4_rnnt_causal.sordino"
YES = MODELS / "utterances" / "yes.wav"
WAV = YES.read_bytes()
RAW = soundfile.read(YES, dtype="int16")[0].tobytes()


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def readable(self):
        return True

    def read(self, _size=-1):
        piece, self.data = self.data[: self.size], self.data[self.size :]
        return piece

    read1 = read


@pytest.fixture
def listen(sordino, monkeypatch):
    """Run on these bytes; the objects of its lines, beside what the shell sees."""

    def call(data, *more, image=IMAGE, size=5000):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Trickle(data, size)))
        done = sordino("run", image, "-", "--json", *more)
        return [json.loads(line) for line in done.out.splitlines()], done

    return call


def as_wav(samples, rate=16_000, subtype="PCM_16", format="WAV"):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    return file.getvalue()


SAMPLES = np.frombuffer(RAW, np.int16)


@pytest.mark.parametrize("size", [1, 7, 640, 100_000])
@pytest.mark.parametrize("data", [WAV, RAW], ids=["wav", "raw"])
def test_events_are_those_of_the_file(listen, data, size):
    lines, done = listen(data, size=size)
    assert (done.code, done.err) == (0, "")
    recogniser = Recogniser(Image.load(IMAGE))
    vectors = hear(recogniser.image, YES).quantised
    events = [*recogniser.push_vectors(vectors), *recogniser.finish()]
    wanted = json.loads(json.dumps([event.as_dict() for event in events]))
    assert len(lines) == len(wanted) > 2
    for line, event in zip(lines, wanted, strict=True):
        assert {key: line[key] for key in event} == event
    assert [line["final"] for line in lines] == [False] * (len(lines) - 1) + [True]


def test_the_last_line_has_what_an_input_has(listen, sordino):
    lines, _ = listen(WAV)
    named = sordino("run", IMAGE, YES, "--json").json()["inputs"][0]
    last = lines[-1]
    assert named.keys() | {"kind", "samples", "text", "final", "warnings"} == last.keys()
    for key in named.keys() - {"input", "feature_seconds", "audio", "spread", "distance"}:
        assert last[key] == named[key], key
    assert (last["spread"], last["distance"]) == pytest.approx(
        (named["spread"], named["distance"]), rel=0.01
    )
    assert last["audio"].keys() == named["audio"].keys()
    for key in ("rate_hz", "channels", "seconds", "peak_dbfs", "clipped", "missing", "uncounted"):
        assert last["audio"][key] == named["audio"][key]
    assert last["audio"]["level_dbfs"] == pytest.approx(named["audio"]["level_dbfs"], abs=1)
    assert last["warnings"] == []


def test_what_is_unlike_the_training_is_doubted_as_a_file_is(listen, sordino, tmp_path):
    """Without what is above 4 kHz, and with nothing else that a level shows."""
    sound = resample(resample(SAMPLES / 32768, 16_000, 4_000), 4_000, 16_000)
    data = as_wav(sound)
    (tmp_path / "x.wav").write_bytes(data)
    named = sordino("run", IMAGE, tmp_path / "x.wav", "--json").json()["inputs"][0]
    lines, done = listen(data)
    assert done.code == 0
    assert lines[-1]["distance"] == pytest.approx(named["distance"], rel=0.01)
    assert named["distance"] > 1
    assert any("mean cepstra lie" in doubt for doubt in lines[-1]["doubts"])
    assert any("mean cepstra lie" in said for said in lines[-1]["warnings"])


@pytest.mark.parametrize("engine", ["golden", "cycles"])
@pytest.mark.parametrize("search", [(), ("--beam", "2")])
def test_engines_and_searches(listen, sordino, small_image, engine, search):
    options = ("--engine", engine, *search)
    lines, _ = listen(WAV, *options, image=small_image)
    named = sordino("run", small_image, YES, "--json", *options).json()["inputs"][0]
    for key in ("transcript", "tokens", "cycles", "real_time_factor", "counters", "hypotheses"):
        assert lines[-1].get(key) == named.get(key)


def test_words_are_printed_as_they_come(sordino, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(WAV)))
    done = sordino("run", IMAGE, "-")
    *partial, text, facts = done.out.splitlines()
    assert partial[-1].endswith(" s  YES")
    assert text == "YES"
    assert facts == "  -: 1.00 s, 25 frames"


CODINGS = ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_coding_is_the_file_s(listen, sordino, tmp_path, coding, channels):
    """Also those that are read as a whole."""
    data = as_wav(np.stack([SAMPLES] * channels, axis=1), subtype=coding)
    (tmp_path / "x.wav").write_bytes(data)
    named = sordino("run", IMAGE, tmp_path / "x.wav", "--json").json()["inputs"][0]
    lines, done = listen(data, size=999)
    assert done.code == 0
    assert len(lines) > 2
    for key in ("transcript", "tokens", "frames", "saturated"):
        assert lines[-1][key] == named[key]
    assert lines[-1]["audio"]["channels"] == channels


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_mp3_is_heard_as_a_file_is(listen, sordino, tmp_path, rate):
    """MPEG-2.5, 2 and 1, with what stands before the first frame and without."""
    if "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile has no MP3")
    sound = resample(SAMPLES / 32768, 16_000, rate)
    data = as_wav(sound, rate, "MPEG_LAYER_III", "MP3")
    (tmp_path / "x.mp3").write_bytes(data)
    named = sordino("run", IMAGE, tmp_path / "x.mp3", "--json").json()["inputs"][0]
    lines, done = listen(data)
    assert done.code == 0
    assert (lines[-1]["tokens"], lines[-1]["frames"]) == (named["tokens"], named["frames"])
    assert lines[-1]["audio"]["rate_hz"] == rate


@pytest.mark.parametrize(("format", "subtype"), [("FLAC", "PCM_16"), ("AU", "PCM_16")])
def test_other_formats_are_heard_at_their_end(listen, format, subtype):
    lines, done = listen(as_wav(SAMPLES, format=format, subtype=subtype))
    assert done.code == 0
    assert lines[-1]["transcript"] == "YES"
    assert lines == [*lines[:-1], lines[-1]]
    assert lines[:-1] == listen(WAV)[0][:-1]


def test_another_rate(listen, sordino, tmp_path):
    half = SAMPLES[::2]
    (tmp_path / "x.wav").write_bytes(as_wav(half, 8000))
    named = sordino("run", IMAGE, tmp_path / "x.wav", "--json").json()["inputs"][0]
    for data, options in ((half.tobytes(), ("--rate", 8000)), (as_wav(half, 8000), ())):
        lines, _ = listen(data, *options)
        assert (lines[-1]["tokens"], lines[-1]["frames"]) == (named["tokens"], named["frames"])
    complaint = listen(WAV, "--rate", 8000)[1].complaint()
    assert "as --rate 8000 says, got a file whose header says its rate" in complaint
    assert listen(WAV, "--rate", 16_000)[0][-1]["transcript"] == "YES"
    assert (
        "wanted --rate with standard input"
        in sordino("run", IMAGE, YES, "--rate", 8000).complaint()
    )
    for bad in (3999, 500_000, "x"):
        assert listen(RAW, "--rate", bad)[1].code == 2


def test_a_length_that_its_writer_did_not_know(listen):
    """As of ffmpeg and sox, which write into a pipe; and chunks around the sound."""
    for size in (0, 0xFFFF_FFFF, 0x7FFF_FFFF - 36):
        data = WAV[:40] + struct.pack("<I", size) + WAV[44:]
        assert listen(data)[0][-1]["transcript"] == "YES"
    junk = b"JUNK" + struct.pack("<I", 3) + b"abc\0"
    lines, done = listen(WAV[:12] + junk * 5 + WAV[12:] + b"LIST" + struct.pack("<I", 4) + b"INFO")
    assert (lines[-1]["transcript"], done.err) == ("YES", "")


def test_what_is_missing_or_too_much_is_said(listen):
    lines, done = listen(WAV[:20_000])
    assert done.code == 0
    assert "of the sound that its header declares is missing" in done.err
    assert lines[-1]["audio"]["missing"] == pytest.approx(1 - 19_956 / 32_480, abs=0.01)
    lines, done = listen(WAV + RAW)
    assert lines[-1]["transcript"] == "YES"
    assert "follows the sound that its header declares and is not heard" in done.err
    assert lines[-1]["audio"]["uncounted"] == pytest.approx(0.5, abs=0.01)


BAD = {
    "nothing": (b"", "got nothing; pipe one"),
    "half a header": (WAV[:30], "wanted a whole WAV header on standard input, got the beginning"),
    "four bytes": (b"RIFF", "wanted a whole WAV header"),
    "text": (b"hello, this is not a recording\n" * 90, "but standard input is none of them"),
    "a little text": (b"hello\n", "it begins as text"),
    "utf-8": (("für Élise\n" * 400).encode(), "as text"),
    "nearly a header": (WAV[:43], "wanted a whole WAV header on standard input, got the beginning"),
    "a header": (WAV[:44], "wanted a recording, but standard input has no samples"),
    "half a sample": (WAV[:45], "wanted a recording, but standard input has no samples"),
    "damaged mp3": (b"ID3\4" + bytes(3000), "standard input is none of them, or its beginning"),
    "avi": (b"RIFF\0\x40\0\0AVI LIST" + RAW, "another kind than WAVE, b'AVI '"),
    "webp": (b"RIFF\0\x40\0\0WEBPVP8 " + RAW, "another kind than WAVE"),
    "aac": ((b"\xff\xf1\x50\x80\x10\x1f\xfc" + bytes(121)) * 40, "it begins as AAC"),
    "an image": (IMAGE.read_bytes()[:9000], "it begins as an image of `sordino compile`"),
    "utf-16": ("hello, world\n".encode("utf-16") * 1, "as text"),
    "webm": (b"\x1a\x45\xdf\xa3" + bytes(99), "WebM"),
    "mp4": (b"\0\0\0\x20ftypisom" + bytes(99), "MP4"),
    "zip": (b"PK\3\4" + bytes(99), "a ZIP archive"),
    "damaged flac": (b"fLaC" + bytes(99), "standard input is none of them, or its beginning"),
    "no format": (WAV[:12] + WAV[36:], "got one with sound before its format"),
    "no rate": (WAV[:24] + bytes(4) + WAV[28:], "got one with 0 samples a second"),
    "no channels": (WAV[:22] + bytes(2) + WAV[24:], "got one with 0 channels"),
    "a short format": (WAV[:16] + b"\2" + WAV[17:], "got one with 2 bytes in its chunk fmt"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_heard_is_one_line(listen, kind):
    data, said = BAD[kind]
    assert said in listen(data)[1].complaint()


def test_the_words_before_it_are_said(listen):
    """Odd bytes, and samples that are not finite: a last line, then the complaint."""
    floats = np.concatenate([SAMPLES / 32768, [np.nan], np.zeros(9)]).astype(np.float32)
    for data, said in (
        (RAW + b"\1", "wanted samples of 2 bytes on standard input, got 1 of the last one"),
        (as_wav(floats, subtype="FLOAT"), "wanted finite samples"),
    ):
        lines, done = listen(data, size=100)
        assert done.code == 2
        assert said in done.err.splitlines()[-1]
        assert done.err.splitlines()[-1].startswith("sordino: standard input: wanted ")
        assert said in lines[-1]["refused"]
        assert lines[-1]["transcript"] == "YES"
        assert done.err.count("\n") == 1
    lines, done = listen(as_wav(floats, subtype="FLOAT"), size=1 << 20)
    assert (done.code, lines[-1]["transcript"], lines[-1]["audio"]) == (2, "", None)


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (bytes(32_000), 0, "it holds nothing but silence"),
        (RAW[:600], 2, "too short for the model to hear anything"),
        (b"\0", 2, "of the last one"),
        (b"\xff\x7f" * 16_000, 0, "are clipped"),
    ],
)
def test_doubts(listen, data, code, said):
    lines, done = listen(data)
    assert done.code == code
    assert said in done.err
    assert lines[-1]["kind"] == "final"
    assert lines[-1]["text"] == ""


def test_a_machine_that_stops(listen):
    lines, done = listen(RAW, "--cycle-limit", 100, size=640)
    assert done.code == 1
    assert (lines[-1]["error"], lines[-1]["final"]) == ("LIMIT", True)
    assert (lines[-1]["doubts"], done.err) == ([], ""), "the part that was heard is a pause"


def test_a_pipe_is_heard_before_it_ends(tmp_path):
    """Partial words come while the writer still speaks."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = "from sordino.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "run", str(IMAGE), "-", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(RAW[:24_000])
        process.stdin.flush()
        first = json.loads(process.stdout.readline())
        assert first["kind"] == "partial"
        assert first["samples"] < 12_000
        process.stdin.write(RAW[24_000:])
        process.stdin.close()
        *_, last = map(json.loads, process.stdout)
        assert process.wait() == 0
    assert last["text"] == "YES"
