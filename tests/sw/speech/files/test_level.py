"""What a recording is like: known signals have known levels."""

import io
import struct
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.speech.files.audio import (
    MOST_CHANNELS,
    MOST_SECONDS,
    RATES,
    read_audio,
    read_recording,
)
from sordino.speech.files.level import Audio

SQUARE = np.tile([0.5, -0.5], 8000)  # RMS and peak are the same
NOISE = np.random.default_rng(0).normal(size=16000) * 0.1


def heard(samples: Any, rate: int = 16000, subtype: str = "DOUBLE") -> Audio:
    file = io.BytesIO()
    soundfile.write(file, np.asarray(samples), rate, format="WAV", subtype=subtype)
    return read_recording(io.BytesIO(file.getvalue())).audio


@given(st.integers(-12, 3))
def test_level_and_peak(power: int) -> None:
    audio = heard(SQUARE * 2.0**power)
    assert audio.level_dbfs == audio.peak_dbfs == 20 * np.log10(2.0 ** (power - 1))
    assert (audio.rate_hz, audio.channels, audio.seconds) == (16000, 1, 1.0)


def test_the_level_is_that_of_the_speech() -> None:
    """Not of the pauses before and after it, nor of an offset."""
    pauses = np.zeros(32_000)
    audio = heard(np.concatenate([pauses, SQUARE, pauses]))
    assert audio.level_dbfs == heard(SQUARE).level_dbfs
    offset = heard(SQUARE / 4 + 0.5)
    assert (offset.level_dbfs, offset.dc) == (heard(SQUARE / 4).level_dbfs, 0.5)


def test_silence_has_no_level() -> None:
    for samples in (np.zeros(9000), np.full(9000, 0.25)):
        audio = heard(samples)
        assert audio.level_dbfs is audio.bandwidth_hz is None
        assert audio.clipped == 0
    assert heard(np.zeros(9000)).peak_dbfs is None


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8", "ULAW", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("ceiling", [1.0, 0.5])
def test_clipping(subtype: str, ceiling: float) -> None:
    """At full scale, and where somebody turned it down afterwards."""
    loud = np.repeat(NOISE * 10, 4)
    loud[(np.abs(loud) > 0.9) & (np.abs(loud) < 1)] = 0.9  # no format rounds it to the ceiling
    share = float((np.abs(loud) >= 1).mean())
    assert share > 0.3
    assert heard(loud.clip(-1, 1) * ceiling * (1 - 2**-10), subtype=subtype).clipped == share


def test_tones_are_not_clipped() -> None:
    time = np.arange(16000) / 16000
    for hertz in (100, 440, 1000, 2000):
        assert heard(0.9 * np.sin(2 * np.pi * hertz * time), subtype="PCM_16").clipped == 0


def test_channels_that_cancel() -> None:
    same, opposite, half = (heard(np.stack([NOISE, g * NOISE], axis=1)) for g in (1, -1, 0))
    assert heard(NOISE).mixed_db is None
    assert same.mixed_db == pytest.approx(10 * np.log10(2), abs=1e-9)
    assert half.mixed_db == pytest.approx(0, abs=1e-9)
    assert opposite.mixed_db == -200
    assert opposite.level_dbfs is None


@pytest.mark.parametrize("rate", [8000, 11_025])
def test_what_a_telephone_leaves(rate: int) -> None:
    """Nothing above half its rate, whatever the rate of the file."""
    import soxr

    low = soxr.resample(NOISE, 16000, rate)
    assert rate / 2 - 100 < heard(low, rate).bandwidth_hz <= rate / 2 + 20
    again = soxr.resample(low, rate, 16000)
    assert rate / 2 - 300 < heard(again, subtype="PCM_16").bandwidth_hz < rate / 2 + 50
    assert heard(NOISE).bandwidth_hz > 7900


def wav(rate: int = 16000, channels: int = 1, frames: int = 30_000) -> bytes:
    data = np.resize((NOISE * 32767).astype("<i2"), frames * channels).tobytes()
    fmt = struct.pack(
        "<HHIIHH", 1, channels, rate, min(2**32 - 1, rate * 2 * channels), 2 * channels, 16
    )
    head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
    return head + b"data" + struct.pack("<I", len(data)) + data


def test_sizes_that_a_header_makes_up_are_refused() -> None:
    """60 kB that were 20 GB once resampled."""
    low, high = RATES
    for rate in (1, 100, low - 1, high + 1, 2**31 - 1):
        with pytest.raises(InputError, match=f"wanted a sample rate .*, got {rate:,} Hz"):
            read_audio(io.BytesIO(wav(rate)))
    for rate in RATES:
        assert read_audio(io.BytesIO(wav(rate)))[1] == rate
    with pytest.raises(InputError, match="wanted at most 64 channels"):
        read_audio(io.BytesIO(wav(channels=MOST_CHANNELS + 1, frames=9)))
    assert len(read_audio(io.BytesIO(wav(channels=MOST_CHANNELS, frames=9)))[0]) == 9


def flac(total: int) -> bytes:
    """A FLAC file of a second whose header says `total` samples."""
    file = io.BytesIO()
    soundfile.write(file, NOISE, 16000, format="FLAC", subtype="PCM_16")
    data = bytearray(file.getvalue())
    data[21] = data[21] & 0xF0 | total >> 32
    data[22:26] = (total & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(data)


def test_lengths_that_a_header_makes_up_are_refused() -> None:
    for total in (2**36 - 1, 16000 * MOST_SECONDS + 1):
        with pytest.raises(InputError, match=f"wanted at most {MOST_SECONDS:,} seconds"):
            read_recording(io.BytesIO(flac(total)))
    unknown = read_recording(io.BytesIO(flac(0)))
    assert (unknown.audio.missing, len(unknown.samples)) == (None, 16000)
    assert read_recording(io.BytesIO(flac(32_000))).audio.missing == 0.5


def test_a_length_that_no_header_declares_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sordino.speech.files.audio._MOST_SAMPLES", 9000)
    with pytest.raises(InputError, match="9,000 samples a channel in standard input, got more"):
        read_recording(io.BytesIO(flac(0)))


@pytest.mark.parametrize("value", [1e300, 1e10, np.nan, np.inf, -np.inf])
def test_samples_that_are_no_sound(value: float) -> None:
    samples: NDArray[np.float64] = np.full(9000, 0.5)
    samples[7000] = value
    with pytest.raises(InputError, match=r"finite samples|1\.0 as full scale"):
        heard(samples)


def test_floats_beyond_full_scale_are_as_loud_as_they_are() -> None:
    audio = heard(SQUARE * 65536)
    assert audio.peak_dbfs == 20 * np.log10(32768)
    assert audio.clipped == 0
