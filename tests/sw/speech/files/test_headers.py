"""Sound that a header declares and that is not there, in every container that says how much."""

import io
import struct
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.errors import InputError
from sordino.speech.files.audio import read_recording
from sordino.speech.files.headers import read_declared
from sordino.speech.files.source import Source

NOISE = (np.random.default_rng(0).normal(size=16000) * 3000).astype(np.int16)
PCM = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "NIST")


def sound(format_: str, subtype: str = "PCM_16", samples: Any = NOISE, **more: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 16000, format=format_, subtype=subtype, **more)
    return file.getvalue()


def missing(data: bytes) -> float | None:
    return read_recording(io.BytesIO(data)).audio.missing


def declared(data: bytes) -> Any:
    return read_declared(Source("x", io.BytesIO(data), len(data)))


@pytest.mark.parametrize("format_", [*PCM, "FLAC", "OGG"])
def test_a_whole_file_misses_nothing(format_: str) -> None:
    data = sound(format_, "VORBIS" if format_ == "OGG" else "PCM_16")
    recording = read_recording(io.BytesIO(data))
    assert recording.audio.missing == recording.audio.uncounted == 0
    assert len(recording.samples) == len(NOISE)


@pytest.mark.parametrize(
    ("format_", "endian"),
    [(name, "FILE") for name in PCM] + [(name, "BIG") for name in ("WAV", "CAF", "NIST", "AU")],
)
def test_what_was_cut_off_is_missing(format_: str, endian: str) -> None:
    """4,000 of 32,000 bytes: libsndfile says nothing of it."""
    data = sound(format_, endian=endian)
    found = declared(data[:-4000])
    if format_ == "CAF":
        assert found.available + 4000 == found.declared == 32_004  # with a count of edits
    else:
        assert found.available + 4000 == found.declared
        assert found.declared - 32_000 in (0, 8)  # with AIFF's offset
    recording = read_recording(io.BytesIO(data[:-4000]))
    assert recording.audio.missing == 4000 / found.declared
    np.testing.assert_array_equal(recording.samples, NOISE[: len(recording.samples)])


@pytest.mark.parametrize(
    ("format_", "subtype"),
    [("WAV", name) for name in ("ULAW", "ALAW", "PCM_U8", "PCM_24", "FLOAT", "DOUBLE")]
    + [("NIST", name) for name in ("ULAW", "ALAW", "PCM_S8", "PCM_24", "PCM_32")]
    + [("AU", name) for name in ("ULAW", "ALAW", "PCM_S8", "PCM_24", "FLOAT", "DOUBLE")],
)
def test_whatever_a_sample_takes(format_: str, subtype: str) -> None:
    data = sound(format_, subtype, NOISE / 32768)
    assert missing(data) == 0
    assert missing(data[: len(data) - 8000]) == 8000 / declared(data).declared


def test_a_flac_file_that_was_cut_keeps_what_it_has() -> None:
    data = sound("FLAC")
    recording = read_recording(io.BytesIO(data[: len(data) * 3 // 4]))
    heard = len(recording.samples)
    assert 0 < heard < len(NOISE)
    assert recording.audio.missing == 1 - heard / len(NOISE)
    np.testing.assert_array_equal(recording.samples, NOISE[:heard])
    with pytest.raises(InputError, match="its beginning is damaged"):
        missing(data[:100])


def test_an_ogg_stream_without_its_end_is_refused() -> None:
    """Nobody knows how much of it there was."""
    with pytest.raises(InputError, match="ends in the middle of its stream"):
        missing(sound("OGG", "VORBIS")[:-100])


def with_size(size: int, data: bytes = sound("WAV")) -> bytes:
    return data[:40] + struct.pack("<I", size) + data[44:]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF - 44])
def test_sizes_that_streaming_writers_leave(size: int) -> None:
    recording = read_recording(io.BytesIO(with_size(size)))
    assert recording.audio.missing is None
    np.testing.assert_array_equal(recording.samples, NOISE)


def test_no_sound_is_no_sound() -> None:
    """A size of 0 with nothing, or another chunk, after it."""
    for rest in (b"", b"LIST" + struct.pack("<I", 4) + b"INFO"):
        with pytest.raises(InputError, match="has no samples"):
            missing(with_size(0)[:44] + rest)


def test_sound_that_the_header_leaves_out() -> None:
    recording = read_recording(io.BytesIO(with_size(20_000)))
    assert len(recording.samples) == 10_000
    assert recording.audio.missing == 0
    assert recording.audio.uncounted == 12_000 / 32_000


def test_chunks_after_the_sound_are_no_sound() -> None:
    data = sound("WAV") + b"LIST" + struct.pack("<I", 5) + b"INFOa"  # without its last byte
    assert declared(data).uncounted == 0


def test_padding_is_no_sound() -> None:
    assert declared(sound("WAV") + bytes(4096)).uncounted == 0
    assert declared(sound("WAV") + bytes(4095) + b"a").uncounted == 4096


def test_a_file_of_empty_chunks_ends() -> None:
    empty = b"junk" + bytes(4)
    data = b"RIFF" + bytes(4) + b"WAVE" + empty * 20_000
    assert declared(data) is None


@given(st.binary(max_size=200), st.sampled_from([b"RIFF", b"RF64", b"FORM", b"riff", b"caff"]))
@settings(max_examples=300)
def test_no_header_is_a_traceback(data: bytes, magic: bytes) -> None:
    found = declared(magic + data)
    assert found is None or found.missing is None or 0 <= found.missing <= 1


@given(st.binary(max_size=100))
def test_nor_a_sphere_header(data: bytes) -> None:
    for start in (b"NIST_1A\n   1024\n", b".snd", b"dns."):
        found = declared(start + data)
        assert found is None or found.missing is None or 0 <= found.missing <= 1


def test_damage_says_nothing_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """libsndfile seeks to before the file's beginning, and prints what Python thinks of that."""
    data = bytearray(sound("AIFF"))
    assert data[38:42] == b"SSND"
    data[38] = 0
    with pytest.raises(InputError):
        missing(bytes(data))
    assert capfd.readouterr().err == ""
