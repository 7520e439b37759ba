"""Reading recordings: WAV, FLAC and NIST Sphere through libsndfile, any rate through soxr."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.speech.files.headers import Declared, read_declared
from sordino.speech.files.level import Audio, ChannelMeter, measure
from sordino.speech.files.source import MOST_BYTES, Source, open_source

__all__ = ["MOST_CHANNELS", "MOST_SECONDS", "RATES", "Recording", "read_audio", "read_recording"]
__all__ += ["resample"]

RATES = (4_000, 384_000)
"""Sample rates in Hz, least and most. Below there is no speech to be understood (a telephone has
8,000), above no converter; what a header says beyond is not a rate, and would be resampled to
hours of nonsense."""
MOST_CHANNELS = 64
"""More than microphone arrays have; a header can say 1,024."""
MOST_SECONDS = 3_600
"""An hour, so that a small file that declares a long silence takes neither memory nor hours."""
_MOST_SAMPLES = 2**28
"""Of one channel, 2 GiB as float64: the same bound for high rates."""
_BLOCK = 4096
"""Samples of all channels that are decoded at a time; so many are lost where a file is cut."""
_LOUDEST = 2.0**31
"""Samples beyond are no sound in any unit: 1.0 is full scale, but some write int32 as floats."""
_FULL_SCALE = 32768.0
_UNCOUNTED = 2**62
"""libsndfile's number of frames is beyond this where a FLAC file does not say it."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Mono samples, float64 (n,), in int16 units (full scale is 32768), and what they are like."""

    samples: NDArray[np.float64]
    audio: Audio


class _Steady:
    """A file for libsndfile, which seeks to before the beginning of damaged ones.

    An exception there would end in a traceback on standard error, not in an error.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.tell, self.read, self._seek = file.tell, file.read, file.seek

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek as a file does, but stay where there is no such place."""
        try:
            return self._seek(offset, whence)
        except (ValueError, OSError):
            return self.tell()


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """Read in order alone: seeking, which soundfile does after every read, fails in cut files."""

    def seekable(self) -> bool:
        return False


def read_audio(path: str | Path | BinaryIO) -> tuple[NDArray[np.float64], int]:
    """Read a recording: mono samples, shape (n,), in int16 units (full scale is 32768), and Hz.

    Channels are averaged. Raises `InputError` as `read_recording` does.
    """
    recording = read_recording(path)
    return recording.samples, recording.audio.rate_hz


def read_recording(path: str | Path | BinaryIO, name: str | None = None) -> Recording:
    """Read a recording from a file, a pipe or a binary stream, and measure it.

    Channels are averaged. What is there of a file that was cut short is taken, and
    `audio.missing` says how much is not. Raises `InputError` where the file is missing, is not
    audio, is empty, is longer or has other rates or channels than the bounds of this module, or
    holds samples that are not finite.
    """
    if isinstance(path, str | Path) and not _can_be_read(Path(path)):
        raise InputError(f"wanted an audio file, but {path} is not a file; check the path")
    with open_source(path, name) as source:
        if source.size == 0 and not isinstance(path, str | Path):
            raise InputError(
                f"wanted a recording on {source.name}, got nothing; pipe one into the command"
            )
        return _decode(source)


def _can_be_read(path: Path) -> bool:
    try:
        return path.is_file() or path.is_fifo()
    except (OSError, ValueError):
        return False


def _decode(source: Source) -> Recording:
    declared = read_declared(source)
    file = _counted(source, declared)
    try:
        with _Forward(_Steady(file)) as sound:
            _refuse_sizes(sound, source.name)
            meter = ChannelMeter(sound.channels, sound.subtype)
            mixed = bytearray()  # grows in place
            for block in _mixed(sound, meter, source.name):
                mixed += block.tobytes()
            if sound.subtype == "VORBIS" and "End-Of-Stream" in sound.extra_info:
                raise InputError(
                    f"wanted a whole recording, but {source.name} ends in the middle of its "
                    "stream; convert what there is of it"
                )
            rate, counted = int(sound.samplerate), int(sound.frames)
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"wanted WAV, FLAC or NIST Sphere audio, but {source.name} is none of them, or its "
            "beginning is damaged; convert it first"
        ) from None
    samples = np.frombuffer(mixed, np.float64)
    if len(samples) == 0:
        raise InputError(f"wanted a recording, but {source.name} has no samples; record it again")
    missing = None if declared is None else declared.missing
    if counted < _UNCOUNTED and (declared is None or declared.declared is not None):
        missing = max(missing or 0.0, (counted - len(samples)) / max(counted, 1))
    uncounted = 0.0
    if declared is not None and declared.uncounted:
        uncounted = declared.uncounted / (declared.available + declared.uncounted)
    audio = measure(samples, rate, meter, missing=missing, uncounted=uncounted)
    samples *= _FULL_SCALE
    return Recording(samples, audio)


def _counted(source: Source, declared: Declared | None) -> BinaryIO:
    """The file, with its size in the header where the writer left a 0 before the sound."""
    if declared is None or declared.size_at is None:
        return source.file
    if source.size > MOST_BYTES:
        raise InputError(
            f"wanted the size of the sound in {source.name}, but its header says 0; convert it"
        )
    data = bytearray(source.file.read())
    size = declared.available.to_bytes(4, declared.order)
    data[declared.size_at : declared.size_at + 4] = size
    return io.BytesIO(data)


def _refuse_sizes(sound: soundfile.SoundFile, name: str) -> None:
    low, high = RATES
    if not low <= sound.samplerate <= high:
        raise InputError(
            f"wanted a sample rate from {low:,} to {high:,} Hz in {name}, got "
            f"{sound.samplerate:,} Hz; its header is wrong, or resample it"
        )
    if sound.channels > MOST_CHANNELS:
        raise InputError(
            f"wanted at most {MOST_CHANNELS} channels in {name}, got {sound.channels:,}; "
            "its header is wrong, or keep one of them"
        )
    if sound.frames < _UNCOUNTED and sound.frames > _most_frames(sound.samplerate):
        _refuse_length(name, f"{sound.frames / sound.samplerate:,.0f} seconds")


def _most_frames(rate: int) -> int:
    return min(MOST_SECONDS * rate, _MOST_SAMPLES)


def _refuse_length(name: str, got: str) -> None:
    raise InputError(
        f"wanted at most {MOST_SECONDS:,} seconds and {_MOST_SAMPLES:,} samples a channel in "
        f"{name}, got {got}; cut it into utterances"
    )


def _mixed(
    sound: soundfile.SoundFile, meter: ChannelMeter, name: str
) -> Iterator[NDArray[np.float64]]:
    """The mean of the channels, block by block, until the file ends or cannot be decoded."""
    frames, most = 0, _most_frames(sound.samplerate)
    while True:
        try:
            size = max(1, _BLOCK // sound.channels)
            block = sound.read(size, dtype="float64", always_2d=True)
        except soundfile.LibsndfileError:
            if frames == 0:
                raise
            return
        if len(block) == 0:
            return
        frames += len(block)
        if frames > most:
            _refuse_length(name, "more")
        if not np.isfinite(block).all():
            raise InputError(f"wanted finite samples in {name}, got NaN or infinity; convert it")
        if (peak := float(np.abs(block).max())) > _LOUDEST:
            raise InputError(
                f"wanted samples with 1.0 as full scale in {name}, got {peak:.3g}; convert it"
            )
        meter.add(block)
        yield np.asarray(block.mean(axis=1), dtype=np.float64)


def resample(samples: NDArray[np.float64], rate: int, wanted: int) -> NDArray[np.float64]:
    """Samples of shape (n,) at `rate` Hz, brought to `wanted` Hz; unchanged if that is their rate.

    Uses the SoX resampler at its high quality. The result has about n · wanted / rate samples.
    Raises `InputError` for rates that are not positive.
    """
    if rate <= 0 or wanted <= 0:
        raise InputError(f"wanted positive sample rates, got {rate} and {wanted} Hz")
    if rate == wanted:
        return samples
    return np.asarray(soxr.resample(samples, rate, wanted, quality="HQ"), dtype=np.float64)
