"""How an end-pointer is trained: the numbers."""

from dataclasses import dataclass

__all__ = ["INPUTS", "EndpointRecipe"]

INPUTS = ("encoder", "encoder.0", "prediction")
"""What may be read beside the run of frames without a token."""


@dataclass(frozen=True, kw_only=True)
class EndpointRecipe:
    """How an end-pointer is made and trained.

    inputs    what it reads beside the run of frames without a token, of `INPUTS`
    units     of its LSTM; `width` of the run's rows
    bits      of a weight; `zeros` share of them that become zero, four of a unit together
    epochs    over all versions of all utterances; `batch` of them a step; `rate` is the largest
              learning rate
    dropout   of inputs, each in all frames of an utterance; `decay` of the weights
    pause     weight of a frame in a pause inside, beside 1 of a frame behind the end
    patience  frames behind the end, and into a pause, that count in full; later ones count `later`,
              and `rare` in pauses. By then a level's longest run has decided
    """

    inputs: tuple[str, ...] = ("encoder", "prediction")
    units: int = 16
    width: int = 8
    bits: int = 4
    zeros: float = 0.7
    epochs: int = 10
    batch: int = 96
    rate: float = 1.2e-2
    dropout: float = 0.2
    decay: float = 1e-3
    pause: float = 2.0
    patience: int = 18
    later: float = 0.0
    rare: float = 0.0
    seed: int = 0
