"""Bounds beyond which nothing good comes of a recording or of features, and what to say then.

The bounds were chosen on two sets. The first are the cepstra of AN4's 65 training speakers, shifted
and scaled as another gain or another definition would do it. Their measure is the word errors of
the shipped models in float, on every twentieth utterance. The second are the seven shipped
utterances, 35 words, made quieter, clipped and so on. Their measure is the word errors of the
shipped images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.errors import warn
from sordino.speech.features import FeatureDefinition
from sordino.speech.files.level import Audio

__all__ = [
    "BOUNDS",
    "Likeness",
    "UsualRange",
    "doubts_of_audio",
    "doubts_of_input",
    "likeness",
    "likeness_of_means",
    "warn_of",
]


@dataclass(frozen=True)
class UsualRange:
    """The least and the most of a measure that raises no doubt, and why."""

    low: float
    high: float
    why: str

    def holds(self, value: float | None) -> bool:
        """Whether a value is within; what is not known is."""
        return value is None or self.low <= value <= self.high


BOUNDS = {
    "level_dbfs": UsualRange(
        -40.0,
        0.0,
        "AN4's training speakers lie, by their first cepstrum, between about -36 and -17. At "
        "-40 the shipped images get one word of 35 more wrong than at -20, at -45 four, at -60 "
        "five to ten.",
    ),
    "peak_dbfs": UsualRange(
        -np.inf,
        3.0,
        "Resampling and lossy coding overshoot by up to 3 dB. More is a float file in other units "
        "than 1.0 for full scale, and another gain for the model.",
    ),
    "clipped": UsualRange(
        0.0,
        0.01,
        "One sample in a hundred costs one or two words of 35, two in a hundred up to six.",
    ),
    "dc": UsualRange(
        -0.1,
        0.1,
        "The front end takes an offset out: a tenth of full scale costs at most one word of 35. "
        "More is a broken input.",
    ),
    "mixed_db": UsualRange(
        -6.0,
        np.inf,
        "Unrelated channels keep 0 dB. Below, they cancel each other out, as the two poles of a "
        "balanced line do.",
    ),
    "missing": UsualRange(
        0.0,
        0.001,
        "What is not there cannot be recognised; less than a thousandth is a wrong last byte.",
    ),
    "uncounted": UsualRange(
        0.0, 0.02, "A header that was never finished; less is a mark that another tool left."
    ),
    "saturated": UsualRange(
        0.0,
        0.03,
        "AN4's training speakers saturate 0.21 % at most. Twice their cepstra saturate 3 %, and "
        "the causal model gets 22 % of the words wrong instead of 1.3 %.",
    ),
    "spread": UsualRange(
        0.55,
        1.25,
        "AN4's training speakers lie between 0.61 and 1.02. Half their cepstra lie below 0.54 "
        "(47 % of the words wrong), twice their cepstra above 1.23.",
    ),
    "distance": UsualRange(
        0.0,
        1.0,
        "AN4's training speakers lie below 0.71, 25 digits of FSDD by statistics of their own "
        "below 0.79. Recordings without what is above 4 kHz lie above 1.36 (14 to 46 % of the "
        "words wrong instead of 3 %), 40 dB less than what the model was trained on at 1.0.",
    ),
}
"""Of the keys that `run --json` has for every input."""
_EACH = 3
"""Of a set of recordings so many are warned of one by one."""
_BAND = 0.9
"""Share of the front end's highest frequency that a recording should reach."""


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How like an input is to the training data of its model; None where nobody knows.

    spread    root mean square of the model's input, about 0.8 for what it was trained on
    distance  root mean square of the mean cepstra's differences from the model's, in deviations

    Both without what lies more than half a second from speech, where it is a recording.
    """

    spread: float | None = None
    distance: float | None = None


def likeness(
    definition: FeatureDefinition,
    features: NDArray[np.float64],
    cepstra: NDArray[np.float64] | None,
) -> Likeness:
    """How like (frames, dim) features and (T, cepstra) cepstra are to the definition's statistics.

    A definition with a mean of zeros has none: whoever made it has normalised elsewhere.
    """
    with np.errstate(over="ignore"):
        square = float(np.mean(features**2))
    return likeness_of_means(definition, square, None if cepstra is None else cepstra.mean(axis=0))


def likeness_of_means(
    definition: FeatureDefinition, square: float, mean: NDArray[np.float64] | None
) -> Likeness:
    """The same of the features' mean square and of the mean cepstra (cepstra,)."""
    if not any(definition.mean):
        return Likeness()
    with np.errstate(over="ignore"):
        spread = float(np.sqrt(square))
        if mean is None:
            return Likeness(spread=_finite(spread))
        away = (mean - np.array(definition.mean)) / np.array(definition.std)
        distance = float(np.sqrt(np.mean(away**2)))
    return Likeness(spread=_finite(spread), distance=_finite(distance))


def _finite(value: float) -> float:
    return min(value, float(np.finfo(np.float64).max))


def _outside(audio: Audio, name: str) -> bool:
    return not BOUNDS[name].holds(getattr(audio, name))


def doubts_of_audio(audio: Audio) -> tuple[str, ...]:
    """What there is to say against a recording, whatever the model; a phrase each."""
    found = []
    if _outside(audio, "peak_dbfs"):
        return (
            f"its samples reach {audio.peak_dbfs:.0f} dB above full scale: divide them so that "
            "1.0 is full scale",
        )
    if _outside(audio, "mixed_db"):
        found.append(
            f"its {audio.channels} channels cancel each other out ({audio.mixed_db:.0f} dB): "
            "keep one of them"
        )
    elif audio.level_dbfs is None:
        found.append("it holds nothing but silence")
    elif _outside(audio, "level_dbfs"):
        found.append(
            f"its speech is at {audio.level_dbfs:.0f} dBFS (wanted "
            f"{BOUNDS['level_dbfs'].low:.0f} to {BOUNDS['level_dbfs'].high:.0f}): record it "
            "at another level"
        )
    if _outside(audio, "clipped"):
        found.append(f"{audio.clipped:.1%} of its samples are clipped: record it less loud")
    if _outside(audio, "dc"):
        found.append(f"it has an offset of {audio.dc:.2f} of full scale: its input is broken")
    if audio.missing is not None and _outside(audio, "missing"):
        found.append(f"{audio.missing:.1%} of the sound that its header declares is missing")
    if _outside(audio, "uncounted"):
        found.append(
            f"{audio.uncounted:.1%} of it follows the sound that its header declares and is not "
            "heard: mend the header"
        )
    return tuple(found)


def doubts_of_input(
    definition: FeatureDefinition, like: Likeness, saturated: float, audio: Audio | None
) -> tuple[str, ...]:
    """What there is to say against a model's input; a phrase each, the strongest alone."""
    if audio is not None and (audio.level_dbfs is None or _outside(audio, "peak_dbfs")):
        return ()  # said of the recording
    if not BOUNDS["saturated"].holds(saturated):
        return (
            f"{saturated:.1%} of the model's int8 input is saturated: it is not scaled as the "
            "model's training was",
        )
    if not BOUNDS["spread"].holds(like.spread):
        low, high = BOUNDS["spread"].low, BOUNDS["spread"].high
        return (
            f"the model's input spreads by {like.spread:.3g} (wanted {low} to {high}): it is not "
            "scaled as the model's training was",
        )
    if BOUNDS["distance"].holds(like.distance):
        return ()
    highest = definition.front_end.highest
    if audio is not None and (audio.bandwidth_hz or np.inf) < _BAND * highest:
        return (
            f"it holds nothing above {audio.bandwidth_hz:,.0f} Hz, and the model hears up to "
            f"{highest:,.0f} Hz: record it at {definition.front_end.sample_rate:,} Hz",
        )
    return (
        f"its mean cepstra lie {like.distance:.2f} deviations from those of the model's training "
        f"(wanted {BOUNDS['distance'].high} at most): another front end, level or channel",
    )


def warn_of(doubts: Mapping[str, Sequence[str]]) -> None:
    """Warn of doubtful inputs by name: of the first ones, and of how many there are more."""
    doubtful = {name: said for name, said in doubts.items() if said}
    for name, said in list(doubtful.items())[:_EACH]:
        warn(f"{name}: {'; '.join(said)}")
    if (more := len(doubtful) - _EACH) > 0:
        warn(f"{more:,} more recordings are as doubtful; listen to some of them")
