"""Silence and noise behind speech, made of an utterance's own leading frames: all on cepstra."""

import numpy as np
from numpy.typing import NDArray

from sordino.speech.mfcc import MfccDefinition
from sordino.train.corpus.augment import MelAxis
from sordino.train.corpus.room import put_in_room
from sordino.train.recipes.room import RoomRecipe

__all__ = ["MARGIN", "NEPERS", "SECOND", "Silence", "padded"]

NEPERS = float(np.log(10) / 10)
"""Natural logarithm of an energy that is 1 dB more."""
SECOND = 100
"""Frames of cepstra in a second."""
_LOUD = 0.3
"""Speech is where c0 is above this share of the way from quiet to loud frames."""
MARGIN = 3
"""Frames before the first loud one that may be the beginning of a word."""
_LEAST = 8
"""Leading frames that are too few to be looped; then the quietest stretch is."""
_JITTER = 0.25
"""Noise on each cepstrum, in standard deviations of the quiet frames."""
_Array = NDArray[np.float64]


class Silence:
    """The quiet of one recording: cepstra (frames, cepstra) in, as much silence as wanted out."""

    def __init__(self, cepstra: _Array) -> None:
        level = cepstra[:, 0]
        low, high = np.quantile(level, [0.05, 0.95])
        loud = np.flatnonzero(level > low + _LOUD * (high - low))
        self.speech = (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, len(level))
        """The first loud frame, and the one after the last."""
        size = max(0, self.speech[0] - MARGIN)
        quiet = cepstra[:size]
        if size < _LEAST:
            width = min(_LEAST, len(level))
            sums = np.convolve(level, np.ones(width), mode="valid")
            first = int(sums.argmin())
            quiet = cepstra[first : first + width]
        self._quiet = quiet

    def make(self, frames: int, rng: np.random.Generator) -> _Array:
        """Silence of so many frames: the quiet ones forth and back, with noise."""
        count = len(self._quiet)
        phase = int(rng.integers(0, 2 * count))
        place = (phase + np.arange(frames)) % (2 * count)
        place = np.where(place < count, place, 2 * count - 1 - place)
        noise = rng.normal(size=(frames, self._quiet.shape[1])) * self._quiet.std(axis=0)
        return np.asarray(self._quiet[place] + _JITTER * noise)


def padded(
    cepstra: _Array,
    seconds: float,
    rng: np.random.Generator,
    noise_db: float | None = None,
    gain_db: float = 0.0,
    front_end: MfccDefinition | None = None,
) -> _Array:
    """Cepstra (frames, cepstra) with silence behind them, made of their own leading frames.

    noise_db   so far below the speech noise is added to what is behind; None: none
    gain_db    so much louder than the own silence is what is behind
    front_end  whose cepstra they are; None: AN4's
    """
    behind = Silence(cepstra).make(round(seconds * SECOND), rng)
    axis = MelAxis(front_end or MfccDefinition())
    behind = behind + axis.flat(gain_db * NEPERS)
    if noise_db is not None and len(behind):
        recipe = RoomRecipe(noisy=1.0, below=(noise_db, noise_db))
        behind = put_in_room(np.concatenate([cepstra, behind]), recipe, axis, rng)[len(cepstra) :]
    return np.concatenate([cepstra, behind])
