"""The frames of a recording that have speech or lie near it."""

import numpy as np
from numpy.typing import NDArray

from sordino.speech.mfcc import MfccDefinition

__all__ = ["NEAR_SECONDS", "PAUSE_DB", "near_speech"]

PAUSE_DB = 20.0
"""Frames so far below the loudest are pauses, as where the level of speech is measured."""
NEAR_SECONDS = 0.5
"""So far around speech AN4's utterances reach; what lies further off is a long pause."""


def near_speech(
    samples: NDArray[np.float64], frames: int, front_end: MfccDefinition
) -> NDArray[np.bool_]:
    """Say of each frame (frames,) whether a loud one lies within half a second."""
    hop = max(1, front_end.sample_rate // front_end.frame_rate)
    starts = np.minimum(np.arange(frames) * hop, len(samples) - 1)
    power = np.add.reduceat((samples - samples.mean()) ** 2, starts) / hop
    loud = np.concatenate([[0], np.cumsum(power >= power.max() * 10 ** (-PAUSE_DB / 10))])
    reach = round(NEAR_SECONDS * front_end.frame_rate)
    at = np.arange(frames)
    last, first = np.minimum(at + reach + 1, frames), np.maximum(at - reach, 0)
    return np.asarray(loud[last] > loud[first])
