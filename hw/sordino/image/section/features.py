"""How recordings become a model's int8 input: what an image and a model's meta say of it."""

from dataclasses import dataclass, fields
from typing import ClassVar

from sordino.schema.kinds import FINITE, Choice, Many, Number, Whole
from sordino.schema.record import Nested, Record, declare

__all__ = ["FEATURE_KIND", "MEANS", "FeatureSettings", "FrontEnd", "ImageFeatures", "Normalisation"]
__all__ += ["WholeFrontEnd"]

FEATURE_KIND = "sphinx-mfcc"
MEANS = ("utterance", "running")
"""What a cepstral mean can be taken over."""
_UNITS = Whole(1, 1 << 20)
_SHARE = Number(0, 1)
_NUMBERS = Many(FINITE, "finite numbers")


@dataclass(frozen=True, kw_only=True)
class FrontEnd(Record):
    """How a recording becomes cepstra. The defaults are those of the AN4 features."""

    sample_rate: int = declare(
        Whole(1000, 192_000), "Hz; recordings are resampled to it", default=16000
    )
    pre_emphasis: float = declare(
        _SHARE, "share of the previous sample that is subtracted from each", 0.97
    )
    window_seconds: float = declare(Number(0.001, 1), "length of a frame", 0.025625)
    frame_rate: int = declare(Whole(1, 1000), "frames a second", 100)
    fft_size: int = declare(Whole(2, 1 << 16), "samples of the transform; a window fits it", 512)
    filters: int = declare(Whole(1, 1024), "mel filters", 40)
    lowest: float = declare(Number(0, 96_000), "Hz, where the lowest filter begins", 130.0)
    highest: float = declare(Number(0, 96_000), "Hz, where the highest filter ends", 6800.0)
    cepstra: int = declare(Whole(1, 1024), "cepstra of a frame, at most as many as filters", 13)


@dataclass(frozen=True, kw_only=True)
class WholeFrontEnd(FrontEnd):
    """A front end as an image states it: every entry."""

    STATED: ClassVar[frozenset[str]] = frozenset(one.name for one in fields(FrontEnd))


@dataclass(frozen=True, kw_only=True)
class FeatureSettings(Record):
    """How recordings become the encoder's input, but for the statistics."""

    kind: str = declare(
        Choice((FEATURE_KIND,)), "name of the way in which cepstra are computed", FEATURE_KIND
    )
    stack: int = declare(Whole(1, 1024), "frames in one input vector", 3)
    utterance_mean_weight: float = declare(
        _SHARE,
        "share of the utterance's mean that is subtracted; with global_mean_weight it usually "
        "makes 1",
        default=0.7,
    )
    global_mean_weight: float = declare(_SHARE, "share of the tensor `features.mean`", 0.3)
    mean_over: str = declare(Choice(MEANS), "what the utterance's mean is taken over", MEANS[0])
    prior_frames: float = declare(
        Number(0, 100_000),
        "frames at `features.mean` with which a running mean begins",
        default=100.0,
    )
    fraction_bits: int = declare(Whole(0, 15), "fraction bits of the int8 input", 5)
    front_end: FrontEnd = declare(Nested(FrontEnd), "where it is not the usual one", FrontEnd())


@dataclass(frozen=True, kw_only=True)
class Normalisation(FeatureSettings):
    """The settings with what cepstra are normalised by, and the deltas."""

    mean: tuple[float, ...] = declare(_NUMBERS, "mean of each cepstrum in the training data")
    std: tuple[float, ...] = declare(_NUMBERS, "deviation of each cepstrum in the training data")
    delta_taps: tuple[float, ...] = declare(
        _NUMBERS, "weights of the neighbours in a delta, the nearest first", (0.3, 0.6)
    )


@dataclass(frozen=True, kw_only=True)
class ImageFeatures(Normalisation):
    """How recordings become the encoder's input, as an image states it.

    What came later than the first images, `mean_over` and `prior_frames`, need not be stated.
    """

    STATED: ClassVar[frozenset[str]] = frozenset(
        ("kind", "stack", "utterance_mean_weight", "global_mean_weight", "fraction_bits")
    ) | {"front_end", "delta_taps"}
    front_end: WholeFrontEnd = declare(Nested(WholeFrontEnd), "how a recording becomes cepstra")
    cepstra: int | None = declare(_UNITS, "cepstra of a frame; the front end's", None)
    dim: int | None = declare(_UNITS, "width of an input vector: 3 · cepstra · stack", None)
