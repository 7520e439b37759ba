"""Cepstra made to what a model's first layer reads: normalised, with deltas, stacked, int8."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sordino.errors import InputError
from sordino.image.image import Image, ImageError
from sordino.image.section.features import (
    FeatureSettings,
    FrontEnd,
    ImageFeatures,
    Normalisation,
    WholeFrontEnd,
)
from sordino.meta.table import FeaturesMeta
from sordino.schema.record import Nested, declare
from sordino.speech.mfcc import MfccDefinition

__all__ = ["ADD_FEATURES", "FeatureDefinition"]

ADD_FEATURES = (
    "compile its model again with `features` in its meta and the tensors features.mean and "
    "features.std, see docs/meta.md"
)
"""What to do about an image that takes no recordings."""
_MOST_CEPSTRA = 1024


@dataclass(frozen=True, kw_only=True)
class FeatureDefinition(Normalisation):
    """All that turns a recording into a model's int8 input.

    With c[t] the cepstra of frame t and m[t] their mean in the utterance:
    x[t] = (c[t] − utterance_mean_weight · m[t] − global_mean_weight · mean) / std;
    d[t] = Σ_k delta_taps[k − 1] · (x[t + k] − x[t − k]), the edges repeated; dd = d of d;
    `stack` frames of [x, d, dd] make one input vector, left-over frames at the end are dropped;
    int8 = x · 2^fraction_bits rounded half away from zero and saturated.

    `mean_over` says what m[t] is: over the whole "utterance", or "running", over what has been
    heard up to t after `prior_frames` frames at `mean`, so that a recogniser need not wait:
    m[t] = (prior_frames · mean + c[0] + … + c[t]) / (prior_frames + t + 1).

    `mean` and `std` have one value per cepstrum. Raises `InputError` for what cannot be meant.
    """

    front_end: MfccDefinition = declare(
        Nested(MfccDefinition), "how a recording becomes cepstra", MfccDefinition()
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.mean) == len(self.std) == self.cepstra:
            raise InputError(
                f"wanted {self.cepstra} feature means and deviations, "
                f"got {len(self.mean)} and {len(self.std)}"
            )
        if min(self.std) <= 0:
            raise InputError(f"wanted positive feature deviations, got {min(self.std)}")
        if not self.delta_taps:
            raise InputError("wanted at least one delta tap, got none; give one")

    @property
    def cepstra(self) -> int:
        """Cepstra in a frame."""
        return self.front_end.cepstra

    @property
    def look_ahead(self) -> int | None:
        """Frames after an input vector's last one that it depends on; None: all of the utterance.

        Deltas reach as far as their taps, deltas of deltas twice as far.
        """
        waits = self.mean_over == "utterance" and self.utterance_mean_weight != 0
        return None if waits else 2 * len(self.delta_taps)

    @property
    def dim(self) -> int:
        """Width of the model's input: cepstra, deltas and their deltas of every stacked frame."""
        return 3 * self.cepstra * self.stack

    def section(self) -> ImageFeatures:
        """The definition as an image states it; `of` gives it back exactly."""
        own = {one.name: getattr(self, one.name) for one in Normalisation.table()}
        entries = {one.name: getattr(self.front_end, one.name) for one in FrontEnd.table()}
        own["front_end"] = WholeFrontEnd(**entries)
        return ImageFeatures(**own, cepstra=self.cepstra, dim=self.dim)

    @classmethod
    def of(cls, features: ImageFeatures) -> Self:
        """The definition that an image states.

        Raises `InputError` for entries that do not fit each other.
        """
        own = {one.name: getattr(features, one.name) for one in Normalisation.table()}
        own |= {name: tuple(map(float, own[name])) for name in ("mean", "std", "delta_taps")}
        return cls._made(own, features.front_end, features.cepstra, features.dim)

    @classmethod
    def of_image(cls, image: Image) -> Self:
        """The definition that an image states; ImageError where it states none."""
        if image.host.features is None:
            raise ImageError(f"the image holds no feature definition; {ADD_FEATURES}")
        return cls.of(image.host.features)

    @classmethod
    def from_meta(cls, meta: FeaturesMeta, mean: ArrayLike, std: ArrayLike) -> Self:
        """The definition that a model's meta describes, with its `features.mean` and `.std`.

        Raises `InputError` for what contradicts itself.
        """
        own = {one.name: getattr(meta, one.name) for one in FeatureSettings.table()}
        own |= meta.mean_weights() | {"mean": _floats(mean), "std": _floats(std)}
        return cls._made(own, meta.front_end, meta.cepstra, meta.dim)

    @classmethod
    def _made(
        cls, own: Mapping[str, Any], front_end: FrontEnd, cepstra: int | None, dim: int | None
    ) -> Self:
        """The definition of entries that have been read; sizes that are stated must be its own."""
        try:
            whole = MfccDefinition(
                **{one.name: getattr(front_end, one.name) for one in FrontEnd.table()}
            )
        except ValueError as error:
            raise InputError(
                f"wanted a front_end whose entries fit each other, but {error}"
            ) from None
        definition = cls(**{**own, "front_end": whole})
        for name, stated in (("cepstra", cepstra), ("dim", dim)):
            if stated not in (None, size := getattr(definition, name)):
                raise InputError(
                    f"wanted {name} {size} in the feature definition, as its other entries "
                    f"make it, got {stated}"
                )
        return definition

    def model_input(self, cepstra: ArrayLike) -> NDArray[np.float64]:
        """Model input of shape (T // stack, dim), float64, from cepstra of shape (T, cepstra).

        Raises `InputError` for another shape, too few frames or values that are not finite.
        """
        c = np.asarray(cepstra, dtype=np.float64)
        if c.ndim != 2 or c.shape[1] != self.cepstra:
            raise InputError(f"wanted cepstra of shape (frames, {self.cepstra}), got {c.shape}")
        vectors = len(c) // self.stack
        if vectors == 0:
            raise InputError(
                f"wanted at least {self.stack} frames (one input vector), got {len(c)}; "
                "give a longer recording"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            x = self.normalise(c, self._means(c))
            delta = self._delta(x)
            frames = np.concatenate([x, delta, self._delta(delta)], axis=1)
        if not np.isfinite(frames).all():
            raise InputError("wanted finite cepstra, got NaN or infinity; repair the input")
        return frames[: vectors * self.stack].reshape(vectors, self.dim)

    def normalise(self, c: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """x of the definition, from cepstra and what m is for them, both (…, cepstra)."""
        subtracted = self.utterance_mean_weight * mean
        rest = c - subtracted - self.global_mean_weight * np.array(self.mean)
        return np.asarray(rest / np.array(self.std))

    def running_mean(
        self, sums: NDArray[np.float64], count: NDArray[np.float64] | float
    ) -> NDArray[np.float64]:
        """m of the definition where it runs, from the sums over `count` frames: (…, cepstra)."""
        return np.asarray(
            (self.prior_frames * np.array(self.mean) + sums) / (self.prior_frames + count)
        )

    def _means(self, c: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.mean_over == "utterance":
            return np.asarray(c.mean(axis=0))
        return self.running_mean(c.cumsum(axis=0), np.arange(1.0, len(c) + 1)[:, None])

    def _delta(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        reach, frames = len(self.delta_taps), len(x)
        e = np.pad(x, ((reach, reach), (0, 0)), mode="edge")
        delta = np.zeros_like(x)
        for k, tap in enumerate(self.delta_taps, start=1):
            delta += tap * (e[reach + k :][:frames] - e[reach - k :][:frames])
        return delta

    def quantise(self, x: ArrayLike) -> NDArray[np.int8]:
        """Values in steps of 2^-fraction_bits: rounded half away from zero, saturated to int8.

        Keeps the shape. Raises `InputError` for NaN (infinities saturate).
        """
        values = np.asarray(x, dtype=np.float64)
        if np.isnan(values).any():
            raise InputError("wanted numbers in the model's input, got NaN; repair the input")
        scale = 2.0**self.fraction_bits
        scaled = np.clip(values, -256 / scale, 256 / scale) * scale
        rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)
        return np.clip(rounded, -128, 127).astype(np.int8)


def _floats(values: ArrayLike) -> tuple[float, ...]:
    if (size := np.size(values)) > _MOST_CEPSTRA:
        raise InputError(
            f"wanted a mean and a deviation of each cepstrum, at most {_MOST_CEPSTRA}, got "
            f"{size:,}; export features.mean and features.std again"
        )
    return tuple(float(v) for v in np.asarray(values, dtype=np.float64).ravel())
