"""Changing utterances so that no two epochs hear the same: all of it on cepstra.

Stretching the frequency axis is vocal tract length perturbation (N. Jaitly and G. Hinton, 2013);
masks are SpecAugment's (D. Park et al., 2019, arXiv:1904.08779). Both belong on log mel energies.
Cepstra are their smooth part, a sum of cosines that can be evaluated anywhere on the mel axis: so
either is one matrix on the cepstra, and the identity where nothing is stretched or masked.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sordino.speech.mfcc import MfccDefinition, hz_to_mel, mel_to_hz
from sordino.train.recipes.recipe import AugmentRecipe

__all__ = ["MelAxis", "change_cepstra", "mask_input"]

_Array = NDArray[np.float64]
_KNEE = 0.875
"""Share of the band below which frequencies are simply scaled; above, the top stays in place."""


class MelAxis:
    """The mel axis of a front end: from cepstra to log energies and back."""

    def __init__(self, front_end: MfccDefinition) -> None:
        self._front_end = front_end
        self._to_cepstra = front_end.cosines  # (cepstra, filters)
        places = np.arange(front_end.filters, dtype=np.float64) + 0.5
        turned = np.linalg.inv(np.asarray(self._to_cepstra @ self._cosines(places)))
        self._from_cepstra = np.asarray(turned, dtype=np.float64)

    @property
    def filters(self) -> int:
        """Mel filters."""
        return self._front_end.filters

    def _cosines(self, places: _Array) -> _Array:
        """The cepstra's cosines at places on the axis, filter m at m + 1/2; (places, cepstra)."""
        orders = np.arange(self._front_end.cepstra)
        return np.asarray(np.cos(np.pi * places[:, None] * orders / self._front_end.filters))

    def _places(self, warp: float) -> _Array:
        """Where filters' centres come to lie when frequencies are scaled by `warp`; (filters,)."""
        end = self._front_end
        low, high = hz_to_mel([end.lowest, end.highest])
        step = (high - low) / (end.filters + 1)
        hz = mel_to_hz(low + step * (1 + np.arange(end.filters)))
        top = end.sample_rate / 2
        knee = _KNEE * top / max(warp, 1.0)
        slope = (top - knee * warp) / (top - knee)
        scaled = np.where(hz <= knee, hz * warp, top - (top - hz) * slope)
        return np.asarray(np.clip((hz_to_mel(scaled) - low) / step - 0.5, 0, end.filters))

    @property
    def widths(self) -> _Array:
        """What a filter's energy counts in a sum over the axis: filters' widths in Hz."""
        end = self._front_end
        low, high = hz_to_mel([end.lowest, end.highest])
        edges = mel_to_hz(np.linspace(low, high, end.filters + 2))
        return np.asarray((edges[2:] - edges[:-2]) / 2)

    def energies(self, cepstra: _Array) -> _Array:
        """The smooth log mel energies (frames, filters) of cepstra (frames, cepstra)."""
        centres = np.arange(self.filters, dtype=np.float64) + 0.5
        return np.asarray(cepstra @ (self._cosines(centres) @ self._from_cepstra).T)

    def cepstra(self, energies: _Array) -> _Array:
        """The cepstra (frames, cepstra) of log mel energies (frames, filters)."""
        return np.asarray(energies @ self._to_cepstra.T)

    def flat(self, amount: float) -> _Array:
        """What `amount` more in every log mel energy is in cepstra, (cepstra,)."""
        return np.asarray(self._to_cepstra.sum(axis=1) * amount)

    def matrix(self, warp: float = 1.0, bands: Sequence[tuple[int, int]] = ()) -> _Array:
        """What stretching frequencies by `warp` and zeroing filters [low, high) does to cepstra.

        (cepstra, cepstra), to be multiplied from the left.
        """
        energies = self._cosines(self._places(warp)) @ self._from_cepstra
        for low, high in bands:
            energies[low:high] = 0.0
        return np.asarray(self._to_cepstra @ energies)


def _stretch(cepstra: _Array, factor: float) -> _Array:
    """Frames interpolated linearly to `factor` times as many, at least one."""
    frames = max(1, round(len(cepstra) * factor))
    places = np.linspace(0, len(cepstra) - 1, frames)
    left = places.astype(np.int64)
    right, share = np.minimum(left + 1, len(cepstra) - 1), (places - left)[:, None]
    return np.asarray(cepstra[left] * (1 - share) + cepstra[right] * share)


def change_cepstra(
    cepstra: _Array,
    recipe: AugmentRecipe,
    axis: MelAxis,
    deviations: _Array,
    rng: np.random.Generator,
) -> _Array:
    """Another version of an utterance's cepstra (frames, cepstra), with other frames' number.

    `deviations` (cepstra,) are those of the training data. Every number is drawn from `rng`.
    """
    filters, width = axis.filters, len(deviations)
    changed = _stretch(cepstra, rng.uniform(*recipe.tempo))
    changed = changed @ axis.matrix(rng.uniform(*recipe.warp)).T
    mean = changed.mean(axis=0)
    changed -= mean
    bands = []
    for _ in range(recipe.band_masks):
        size = int(rng.integers(0, min(recipe.band_mask, filters) + 1))
        low = int(rng.integers(0, filters - size + 1))
        bands.append((low, low + size))
    if bands:
        changed = changed @ axis.matrix(bands=bands).T
    changed *= 1 + recipe.gain * rng.uniform(-1, 1)
    offset = recipe.offset * rng.normal(size=width)
    noise = rng.uniform(0, recipe.noise) * rng.normal(size=changed.shape)
    return np.asarray(changed + mean + deviations * (offset + noise))


def mask_input(x: _Array, recipe: AugmentRecipe, rng: np.random.Generator) -> _Array:
    """Model input (frames, dim) with stretches of frames zeroed."""
    masked = x.copy()
    for _ in range(recipe.time_masks):
        size = int(rng.integers(0, recipe.time_mask + 1))
        if size < len(x):
            start = int(rng.integers(0, len(x) - size + 1))
            masked[start : start + size] = 0.0
    return masked
