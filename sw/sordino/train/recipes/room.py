"""A recipe's table for levels and noise that are added to the cepstra of its own corpus."""

from dataclasses import dataclass

from sordino.errors import InputError
from sordino.train.recipes.checks import within

__all__ = ["RoomRecipe"]

_DECIBELS = 100.0


@dataclass(frozen=True, kw_only=True)
class RoomRecipe:
    """What is done to the own corpus, whose waveforms may not be there; all zero: nothing.

    Further corpora are heard as they are: what is done to their waveforms is better.

    level  [lowest, highest] dB by which the utterance is louder. Exact on cepstra, but for the
           front end's floor
    noisy  share of the utterances behind which there is steady noise
    below  [least, most] dB by which the noise is below the speech
    """

    level: tuple[float, float] = (0.0, 0.0)
    noisy: float = 0.0
    below: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        within(self, "noisy", 0, 1)
        for name in ("level", "below"):
            low, high = getattr(self, name)
            if not -_DECIBELS <= low <= high <= _DECIBELS:
                raise InputError(
                    f"wanted {name} as [low, high] in dB, each within ±{_DECIBELS:g}, got "
                    f"{[low, high]}"
                )
        if self.noisy and self.below == (0.0, 0.0):
            raise InputError(
                "wanted below, how many dB noise is below the speech, where noisy is not 0, got "
                "none; add below = [low, high]"
            )
