"""A waveform made to the accelerator's input while it is heard, sample by sample."""

from numbers import Integral
from typing import Any

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from sordino.errors import InputError
from sordino.speech.doubts import Likeness
from sordino.speech.feature_stream import vector_stream
from sordino.speech.features import FeatureDefinition
from sordino.speech.files.audio import MOST_SECONDS, RATES
from sordino.speech.mfcc import MfccStream
from sordino.speech.running_likeness import RunningLikeness

__all__ = ["CepstraStream", "InputStream", "as_samples"]

_FULL_SCALE = 32768.0
_LOUDEST = 2.0**31


def as_samples(samples: ArrayLike) -> NDArray[np.float64]:
    """Mono samples (n,), int16 or floats with 1.0 as full scale, as float64 in int16 units.

    Raises InputError for another shape or type, and for what is not finite or no sound in any
    unit.
    """
    try:
        given = np.asarray(samples)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"wanted mono samples of shape (n,), got no array ({error}); keep one channel"
        ) from None
    if given.ndim != 1:
        raise InputError(
            f"wanted mono samples of shape (n,), got shape {given.shape}; keep one channel"
        )
    if given.dtype == np.int16:
        return given.astype(np.float64)
    if given.dtype.kind != "f":
        raise InputError(
            f"wanted samples of int16, or floats with 1.0 as full scale, got {given.dtype}; "
            "convert them"
        )
    found = given.astype(np.float64)
    if len(found) and not np.abs(found).max() <= _LOUDEST:
        raise InputError(
            f"wanted finite samples with 1.0 as full scale, got {np.abs(found).max():.3g}; repair "
            "the recording"
        )
    return found * _FULL_SCALE


class InputStream:
    """The vectors that `sordino.speech.inputs.load_input` makes of a file, bit for bit.

    `rate` in Hz is that of the samples; another one than the front end's is resampled, as a file
    is. Where the definition has a running mean, what is held is bounded; where it needs the mean
    of the whole utterance (`waits`), all cepstra are held, of an hour at most, and all vectors come
    at its end.
    """

    def __init__(self, definition: FeatureDefinition, rate: int | None = None) -> None:
        wanted = definition.front_end.sample_rate
        given: Any = wanted if rate is None else rate
        if not isinstance(given, Integral) or isinstance(given, bool):
            raise InputError(
                f"wanted a sample rate in Hz as a whole number, got {given!r}; round it"
            )
        rate = int(given)
        if not RATES[0] <= rate <= RATES[1]:
            raise InputError(
                f"wanted a sample rate from {RATES[0]:,} to {RATES[1]:,} Hz, got {rate:,} Hz; "
                "resample the recording"
            )
        self.definition, self.rate = definition, rate
        self.waits = definition.look_ahead is None
        self._left = MOST_SECONDS * rate
        self._resampler = None
        if rate != wanted:
            self._resampler = soxr.ResampleStream(rate, wanted, 1, "float64", "HQ")
        self._cepstra, self._vectors = MfccStream(definition.front_end), vector_stream(definition)
        self._like = RunningLikeness(definition)

    def push(self, samples: NDArray[np.float64]) -> NDArray[np.int8]:
        """The vectors (m, dim) that the next samples (n,), float64 in int16 units, complete.

        Raises InputError, and has heard nothing then, for more than an hour where it waits.
        """
        if self.waits and len(samples) > self._left:
            raise InputError(
                f"wanted an utterance of at most {MOST_SECONDS:,} seconds, since the model's "
                "features need the mean of all of it, got more; end it earlier, or train with "
                "mean_over = 'running'"
            )
        self._left -= len(samples)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        cepstra = self._cepstra.push(samples)
        return self._heard(samples, cepstra, self._vectors.push(cepstra))

    def end(self) -> NDArray[np.int8]:
        """The vectors (m, dim) that waited for samples which do not come; afterwards it is over."""
        samples = np.zeros(0)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=True)
        cepstra = np.concatenate([self._cepstra.push(samples), self._cepstra.end()])
        return self._heard(samples, cepstra, self._vectors.end(cepstra))

    def anew(self, unused: int) -> NDArray[np.int8]:
        """The last `unused` vectors of those that came out last, as an utterance begins there.

        See `sordino.speech.feature_stream`; raises InputError as it does.
        """
        features = self._vectors.anew(unused)
        self._like.replace(features)
        return self.definition.quantise(features)

    def likeness(self) -> Likeness:
        """How like the whole is to what the model was trained on, after `end`.

        About what `sordino.speech.inputs.read_input` says of a file; see `running_likeness`.
        """
        return self._like.likeness()

    def _heard(
        self,
        samples: NDArray[np.float64],
        cepstra: NDArray[np.float64],
        features: NDArray[np.float64],
    ) -> NDArray[np.int8]:
        self._like.add(samples, cepstra, features)
        return self.definition.quantise(features)


class CepstraStream:
    """The vectors that `sordino.speech.inputs.load_input` makes of cepstra, as frames come.

    Where `waits`, all frames are held, and all vectors come at the end.
    """

    def __init__(self, definition: FeatureDefinition) -> None:
        self.definition, self._vectors = definition, vector_stream(definition)
        self.waits = definition.look_ahead is None

    def push(self, cepstra: NDArray[np.float64]) -> NDArray[np.int8]:
        """The vectors (m, dim) that the next frames (n, cepstra) complete.

        Raises InputError, and has heard nothing then, for other frames.
        """
        return self.definition.quantise(self._vectors.push(cepstra))

    def end(self) -> NDArray[np.int8]:
        """The vectors (m, dim) that waited for frames which do not come; afterwards it is over."""
        return self.definition.quantise(self._vectors.end())

    def anew(self, unused: int) -> NDArray[np.int8]:
        """The last `unused` vectors of those that came out last, as an utterance begins there."""
        return self.definition.quantise(self._vectors.anew(unused))
