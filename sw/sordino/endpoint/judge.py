"""What decisions are worth, each speaker judged with what is chosen on all the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.endpoint.decisions import Level, firings, ready
from sordino.endpoint.sets import Example

__all__ = [
    "Grid",
    "Judged",
    "bootstrap",
    "choose_final",
    "choose_speculative",
    "judge",
    "levels",
    "network_frames",
]

_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


_HANGOVERS = (1, 2, 3, 4, 6, 8)


def levels(
    scores: Sequence[NDArray[np.float64]], frames: Sequence[int] = _HANGOVERS
) -> list[Level]:
    """Thresholds that lie densely where scores of pauses are, each with some hangovers."""
    every = np.concatenate(scores)
    limits = np.unique(np.round(np.quantile(every, np.linspace(0.35, 0.995, 48)), 2))
    return [Level(float(limit), count) for limit in limits for count in frames]


def network_frames(
    scores: Sequence[NDArray[np.float64]], examples: Sequence[Example], grid: Sequence[Level]
) -> _Ints:
    """The first decision at each level, (levels, examples); -1: none."""
    found = np.full((len(grid), len(examples)), -1)
    for column, (own, one) in enumerate(zip(scores, examples, strict=True)):
        run = one.run
        for row, level in enumerate(grid):
            fired = firings(own, run, level)
            found[row, column] = fired[0] if len(fired) else -1
    return found


class Grid:
    """Decisions of one rule at all points of its grid, on the same utterances.

    frames  (points, utterances), -1 where there was none
    early   whether each came too early; one that never came is not
    wait    frames from the end of speech; where none came, to the end of the recording
    """

    def __init__(self, frames: _Ints, examples: Sequence[Example]) -> None:
        self.frames = frames
        sizes = np.array([len(one.encoder) for one in examples])
        ends = np.array([one.end for one in examples])
        written = np.array([ready(one) for one in examples])
        self.came = frames >= 0
        self.early: _Mask = self.came & (frames < written)
        self.at: _Ints = np.where(self.came, frames, sizes - 1)
        self.wait: _Ints = self.at - ends


def choose_final(grid: Grid, on: _Mask, most: float) -> int:
    """The point with the shortest mean wait of those that cut at most a share `most` early."""
    early = grid.early[:, on].mean(axis=1)
    fine = ~grid.early[:, on]
    waits = (grid.wait[:, on] * fine).sum(axis=1) / np.maximum(fine.sum(axis=1), 1)
    allowed = early <= max(most, early.min()) + 1e-9
    return int(np.where(allowed, waits, np.inf).argmin())


def choose_speculative(grid: Grid, final: _Ints, on: _Mask, sooner: int) -> int:
    """The point that is right most often of those `sooner` frames before `final` in the median."""
    ahead = np.where(grid.came, np.maximum(final - grid.frames, 0), 0)[:, on]
    right = (grid.came & ~grid.early & (grid.frames <= final))[:, on].mean(axis=1)
    allowed = np.median(ahead, axis=1) >= sooner
    if not allowed.any():
        return int(np.median(ahead, axis=1).argmax())
    return int(np.where(allowed, right, -1.0).argmax())


@dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """Decisions of all utterances, each speaker with what the others chose, (utterances,).

    final, early, wait  the frame, whether it was too early, frames from the end of speech
    sooner              for each number of frames that a speculation should be sooner: its frame
                        (-1: none), whether it was right, and how many frames sooner it came
    points              what was chosen for each speaker: of the final grid, and of the others
    """

    final: _Ints
    early: _Mask
    wait: _Ints
    sooner: dict[int, tuple[_Ints, _Mask, _Ints]]
    points: dict[str, tuple[int, ...]]


def judge(
    final: Grid,
    speculative: Grid,
    speakers: Sequence[str],
    *,
    most: float,
    sooner: Sequence[int] = (5, 3),
) -> Judged:
    """Choose for each speaker on all the others, and put what it decides together."""
    names, count = np.array(speakers), len(speakers)
    frames, wait = (np.zeros(count, np.int64) for _ in range(2))
    early = np.zeros(count, np.bool_)
    ahead = {
        k: (np.full(count, -1), np.zeros(count, np.bool_), np.zeros(count, np.int64))
        for k in sooner
    }
    points = {}
    for name in np.unique(names):
        own = names == name
        point = choose_final(final, ~own, most)
        at = final.at[point]
        frames[own], early[own], wait[own] = (
            at[own],
            final.early[point, own],
            final.wait[point, own],
        )
        chosen = [point]
        for k in sooner:
            best = choose_speculative(speculative, at, ~own, k)
            chosen.append(best)
            said, right, earlier = ahead[k]
            spoke = speculative.frames[best]
            came = speculative.came[best] & (spoke <= at)
            said[own] = np.where(came, spoke, -1)[own]
            right[own] = (came & ~speculative.early[best])[own]
            earlier[own] = np.where(came, at - spoke, 0)[own]
        points[str(name)] = tuple(chosen)
    return Judged(final=frames, early=early, wait=wait, sooner=ahead, points=points)


def bootstrap(values: NDArray[Any], *, median: bool = False, seed: int = 0) -> tuple[float, float]:
    """95 % interval of a mean or median over utterances, drawn with replacement."""
    if not len(values):
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(0, len(values), (2000, len(values)))
    found = np.median(values[drawn], axis=1) if median else values[drawn].mean(axis=1)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
