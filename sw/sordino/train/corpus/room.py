"""Another level, and noise, on the cepstra of a recording whose waveform is not there.

A louder recording has the same amount more in every log mel energy. Of noise and speech the
energies add. Cepstra are the smooth part of log energies, so the sum is of what is smooth of both;
where there is no noise, it is the identity.
"""

import numpy as np
from numpy.typing import NDArray

from sordino.train.corpus.augment import MelAxis
from sordino.train.recipes.room import RoomRecipe

__all__ = ["put_in_room"]

_Array = NDArray[np.float64]
_NEPERS = np.log(10) / 10
"""Natural logarithm of an energy that is 1 dB more."""
_SLOPE = 8.0
"""dB by which noise rises or falls at most from the middle of the mel axis to its end."""
_BUMP = 3.0
"""Standard deviation, in dB, of what makes one noise's spectrum unlike another's."""
_RIPPLE = 0.35
"""Standard deviation of noise's log energy in a filter from frame to frame: that of a mean over
eight bins, each distributed exponentially."""


def put_in_room(
    cepstra: _Array, recipe: RoomRecipe, axis: MelAxis, rng: np.random.Generator
) -> _Array:
    """Cepstra (frames, cepstra) at another level, with noise; numbers are drawn from `rng`.

    Nothing is drawn for a recipe that changes nothing.
    """
    if recipe == RoomRecipe():
        return cepstra
    if rng.random() < recipe.noisy:
        cepstra = _add_noise(cepstra, rng.uniform(*recipe.below), axis, rng)
    return np.asarray(cepstra + axis.flat(rng.uniform(*recipe.level) * _NEPERS))


def _add_noise(cepstra: _Array, below: float, axis: MelAxis, rng: np.random.Generator) -> _Array:
    """Energies of noise added, in all so many dB below the speech.

    The energy of the speech is the mean over the louder half of its frames.
    """
    speech = axis.energies(cepstra)  # natural logarithms, (frames, filters)
    frames, filters = speech.shape
    places = np.linspace(-1, 1, filters)
    bumps = np.convolve(rng.normal(size=filters + 8), np.ones(9) / 3, mode="valid")
    shape = (rng.uniform(-_SLOPE, _SLOPE) * places + _BUMP * bumps) * _NEPERS
    power = np.exp(speech) @ axis.widths
    wanted = np.log(np.sort(power)[frames // 2 :].mean()) - below * _NEPERS
    shape += wanted - np.log(np.exp(shape) @ axis.widths)
    noise = shape + _RIPPLE * rng.normal(size=speech.shape)
    more = np.logaddexp(speech, noise) - speech
    return cepstra + axis.cepstra(more)
