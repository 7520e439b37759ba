"""Recordings in all formats, and what is none."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sordino.errors import InputError
from sordino.speech.files.audio import read_audio, resample

RAMP = np.arange(-800, 800, dtype=np.int16) * 40


@pytest.mark.parametrize(("format_", "suffix"), [("WAV", "wav"), ("FLAC", "flac"), ("NIST", "sph")])
def test_formats_give_int16_units(tmp_path: Path, format_: str, suffix: str) -> None:
    path = tmp_path / f"ä b.{suffix}"
    with path.open("wb") as file:
        soundfile.write(file, RAMP, 8000, format=format_, subtype="PCM_16")
    samples, rate = read_audio(path)
    assert rate == 8000
    assert samples.dtype == np.float64
    np.testing.assert_array_equal(samples, RAMP)


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = np.stack([RAMP, np.zeros_like(RAMP)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 16000)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], RAMP / 2)


def test_resampling_keeps_a_tone() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    got = resample(tone, 8000, 16000)
    assert abs(len(got) - 16000) <= 1
    expected = np.sin(2 * np.pi * 440 * np.arange(len(got)) / 16000)
    np.testing.assert_allclose(got[500:-500], expected[500:-500], atol=1e-3)
    assert resample(tone, 8000, 8000) is tone
    with pytest.raises(InputError, match="positive"):
        resample(tone, 0, 16000)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a file"):
        read_audio(tmp_path / "none.wav")
    with pytest.raises(InputError, match="not a file"):
        read_audio(tmp_path)
    text = tmp_path / "text.wav"
    for data in (b"", b"no audio\n" * 100, b"RIFF\x00\x00\x00\x00WAVE"):
        text.write_bytes(data)
        with pytest.raises(InputError, match="none of them") as caught:
            read_audio(text)
        assert "\n" not in str(caught.value)
    soundfile.write(tmp_path / "empty.wav", RAMP[:0], 16000)
    with pytest.raises(InputError, match="no samples"):
        read_audio(tmp_path / "empty.wav")
    soundfile.write(tmp_path / "nan.wav", np.full(800, np.nan), 16000, subtype="FLOAT")
    with pytest.raises(InputError, match="finite"):
        read_audio(tmp_path / "nan.wav")
