"""Reading recordings: WAV, FLAC and NIST Sphere through libsndfile, any rate through soxr."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sordino.errors import InputError

__all__ = ["read_audio", "resample"]

_FULL_SCALE = 32768.0


def read_audio(path: str | Path) -> tuple[NDArray[np.float64], int]:
    """Read a recording: mono samples, shape (n,), in int16 units (full scale is 32768), and Hz.

    Channels are averaged. Raises `InputError` where the file is missing, is not audio, is empty
    or holds samples that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"wanted an audio file, but {path} is not a file; check the path")
    try:
        with path.open("rb") as file:  # opened here, so that any name can be read
            samples, rate = soundfile.read(file, dtype="float64", always_2d=True)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (soundfile.SoundFileError, TypeError, ValueError):
        raise InputError(
            f"wanted WAV, FLAC or NIST Sphere audio, but {path} is none of them; convert it first"
        ) from None
    if len(samples) == 0:
        raise InputError(f"wanted a recording, but {path} has no samples; record it again")
    if not np.isfinite(samples).all():
        raise InputError(f"wanted finite samples in {path}, got NaN or infinity; convert it again")
    return np.asarray(samples.mean(axis=1) * _FULL_SCALE, dtype=np.float64), int(rate)


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
