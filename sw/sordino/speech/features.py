"""Cepstra made to what a model's first layer reads: normalised, with deltas, stacked, int8."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sordino.errors import InputError
from sordino.meta.entries import Entry, Numbers, Table
from sordino.meta.table import FEATURE_KIND, FEATURES, MEANS, mean_weights
from sordino.speech.mfcc import MfccDefinition

__all__ = ["FeatureDefinition"]

_LATER = ("mean_over", "prior_frames")
_SIZES = ("cepstra", "dim")
_MOST_CEPSTRA = 1024

_IMAGE = Table(
    (
        *(
            replace(entry, required=entry.name not in (*_LATER, *_SIZES))
            for entry in FEATURES
            if entry.name not in ("mean_subtraction", "deltas")
        ),
        Entry("mean", Numbers(), "of each cepstrum", required=True),
        Entry("std", Numbers(), "of each cepstrum", required=True),
        Entry("delta_taps", Numbers(), "of the deltas", required=True),
    )
)
"""What an image says of its features: all of it, and the tensors."""


@dataclass(frozen=True, kw_only=True)
class FeatureDefinition:
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

    mean: tuple[float, ...]
    std: tuple[float, ...]
    kind: str = FEATURE_KIND
    utterance_mean_weight: float = FEATURES.default("utterance_mean_weight")
    global_mean_weight: float = FEATURES.default("global_mean_weight")
    delta_taps: tuple[float, ...] = (0.3, 0.6)
    stack: int = FEATURES.default("stack")
    fraction_bits: int = FEATURES.default("fraction_bits")
    mean_over: str = FEATURES.default("mean_over")
    prior_frames: float = FEATURES.default("prior_frames")
    front_end: MfccDefinition = field(default_factory=MfccDefinition)

    def __post_init__(self) -> None:
        _refuse_other_kind(self.kind)
        if self.mean_over not in MEANS:
            raise InputError(
                f"wanted mean_over as one of {', '.join(MEANS)} in the feature definition, "
                f"got {self.mean_over!r}"
            )
        if not 0 <= self.prior_frames < np.inf:
            raise InputError(f"wanted prior_frames of 0 or more, got {self.prior_frames}")
        if not len(self.mean) == len(self.std) == self.cepstra:
            raise InputError(
                f"wanted {self.cepstra} feature means and deviations, "
                f"got {len(self.mean)} and {len(self.std)}"
            )
        weights = (self.utterance_mean_weight, self.global_mean_weight)
        if not np.isfinite([*self.mean, *self.std, *weights, *self.delta_taps]).all():
            raise InputError("wanted finite feature parameters, got NaN or infinity")
        if min(self.std) <= 0:
            raise InputError(f"wanted positive feature deviations, got {min(self.std)}")
        if not isinstance(self.stack, int) or not isinstance(self.fraction_bits, int):
            raise InputError(
                "wanted whole numbers for stack and fraction_bits, "
                f"got {self.stack!r} and {self.fraction_bits!r}"
            )
        if self.stack < 1 or not self.delta_taps:
            raise InputError(
                "wanted a stack of at least one frame and at least one delta tap, "
                f"got {self.stack} and {len(self.delta_taps)}"
            )
        if not 0 <= self.fraction_bits <= 15:
            raise InputError(f"wanted 0 to 15 fraction bits, got {self.fraction_bits}")

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

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-able values; `from_dict` gives it back exactly.

        What came later than the first images (`_LATER`) is left out where it is the default.
        """
        values = asdict(self) | {"cepstra": self.cepstra, "dim": self.dim}
        for name in _LATER:
            if values[name] == getattr(type(self), name):
                del values[name]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in sorted(values.items())}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The definition in `values`, as `to_dict` wrote it.

        Raises `InputError` for an unknown kind, missing, unknown or contradictory entries.
        """
        given = _IMAGE.read(values, "the image's", at="features.", remedy="compile the model again")
        for name in ("mean", "std", "delta_taps"):
            given[name] = tuple(map(float, given[name]))
        return cls._made(given)

    @classmethod
    def from_model_meta(cls, meta: Mapping[str, Any], mean: ArrayLike, std: ArrayLike) -> Self:
        """The definition that a model's `meta` describes, with its `features.mean` and `.std`.

        `features` is what `sordino.meta.table.FEATURES` says. Raises `InputError` for what is
        unknown, of another kind, or contradicts itself.
        """
        if "features" not in meta:
            raise InputError(
                "wanted features in the model's meta, got none; add them, see docs/meta.md"
            )
        given = FEATURES.read(meta["features"], at="features.")
        given |= mean_weights(given)
        given.pop("mean_subtraction", None)
        given.pop("deltas", None)
        return cls._made({**given, "mean": _floats(mean), "std": _floats(std)})

    @classmethod
    def _made(cls, values: Mapping[str, Any]) -> Self:
        """The definition of entries that have been read; sizes among them must be its own."""
        own = {name: value for name, value in values.items() if name not in _SIZES}
        try:
            front_end = MfccDefinition(**own.pop("front_end", {}))
        except ValueError as error:
            raise InputError(
                f"wanted a front_end whose entries fit each other, but {error}"
            ) from None
        definition = cls(**own, front_end=front_end)
        definition._refuse_other_sizes(values)
        return definition

    def _refuse_other_sizes(self, values: Mapping[str, Any]) -> None:
        for name, size in (("cepstra", self.cepstra), ("dim", self.dim)):
            if values.get(name, size) != size:
                raise InputError(
                    f"wanted {name} {size} in the feature definition, as its other entries "
                    f"make it, got {values[name]}"
                )

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


def _refuse_other_kind(kind: object) -> None:
    if kind != FEATURE_KIND:
        raise InputError(
            f"wanted features of kind {FEATURE_KIND!r}, got {kind!r}; this version computes no "
            "others"
        )


def _floats(values: ArrayLike) -> tuple[float, ...]:
    if (size := np.size(values)) > _MOST_CEPSTRA:
        raise InputError(
            f"wanted a mean and a deviation of each cepstrum, at most {_MOST_CEPSTRA}, got "
            f"{size:,}; export features.mean and features.std again"
        )
    return tuple(float(v) for v in np.asarray(values, dtype=np.float64).ravel())
