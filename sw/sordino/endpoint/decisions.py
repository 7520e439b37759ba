"""When a score has been high for long enough, and what that is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.endpoint.sets import Example

__all__ = ["LATE", "Level", "Outcome", "firings", "first_time", "first_times", "outcome", "ready"]

LATE = 5
"""Frames behind the end of speech in which the transducer may write a last token."""


@dataclass(frozen=True)
class Level:
    """A threshold, and for how many frames in a row it has to be reached.

    longest  after so many frames without a token any score reaches it; None: never
    """

    threshold: float
    frames: int
    longest: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one decision was worth.

    frame  of the decision; None: there was none
    early  whether it came before the end, or before a last token was written
    wait   frames from the end of speech to the decision; None where it was early or never came
    """

    frame: int | None
    early: bool
    wait: int | None


def firings(scores: NDArray[np.float64], run: NDArray[np.int64], level: Level) -> NDArray[np.int64]:
    """The frames in which a count reaches the level's frames, as the machine counts."""
    reached = scores >= level.threshold
    if level.longest is not None:
        reached = reached | (run > level.longest)
    high = reached & (run >= 2)
    at = np.arange(len(high))
    low = np.maximum.accumulate(np.where(high, -1, at))
    return np.flatnonzero(high & (at - low == level.frames))


def first_time(scores: NDArray[np.float64], run: NDArray[np.int64], level: Level) -> int | None:
    """The first of `firings`; None where there is none."""
    found = firings(scores, run, level)
    return int(found[0]) if len(found) else None


def ready(example: Example) -> int:
    """The first frame in which everything is said and written."""
    late = [t for t in example.frames if t <= example.end + LATE]
    return max([example.end, *late[-1:]])


def outcome(example: Example, frame: int | None) -> Outcome:
    """What a decision in a frame was worth."""
    if frame is None:
        return Outcome(frame=None, early=False, wait=None)
    early = frame < ready(example)
    return Outcome(frame=frame, early=early, wait=None if early else frame - example.end)


def first_times(
    scores: Sequence[NDArray[np.float64]], examples: Sequence[Example], level: Level
) -> list[int | None]:
    """`first_time` of each example."""
    return [first_time(s, e.run, level) for s, e in zip(scores, examples, strict=True)]
