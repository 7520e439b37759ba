"""What decisions are worth, each speaker judged with what is chosen on all the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.endpoint.decisions import Level, firings, ready
from sordino.endpoint.sets import Example

__all__ = [
    "LEVELS",
    "Grid",
    "Judged",
    "bootstrap",
    "choose",
    "choose_final",
    "judge",
    "network_frames",
]

_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


LONGEST = (None, 11, 13, 15, 16, 17, 18, 20, 24)
"""Frames without a token after which a level may be reached by any score."""
LEVELS = tuple(
    Level(round(0.1 * step, 1), frames, longest)
    for longest in LONGEST
    for step in range(-20, 41)
    for frames in (1, 2, 3, 4, 6, 8)
)
"""Scores are logarithms of odds; those that decide lie in here."""
_PAIRED = 24
"""Final points that a speculation is looked for before, at most."""


def network_frames(
    scores: Sequence[NDArray[np.float64]],
    examples: Sequence[Example],
    grid: Sequence[Level] = LEVELS,
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


def _finals(grid: Grid, on: _Mask, most: float) -> tuple[NDArray[np.float64], _Ints]:
    """Mean waits of all points, and the points that may be chosen, the shortest wait first."""
    early = grid.early[:, on].mean(axis=1)
    fine = ~grid.early[:, on]
    waits = (grid.wait[:, on] * fine).sum(axis=1) / np.maximum(fine.sum(axis=1), 1)
    allowed = np.flatnonzero(early <= max(most, early.min()) + 1e-9)
    return waits, allowed[np.argsort(waits[allowed], kind="stable")]


def choose_final(grid: Grid, on: _Mask, most: float) -> int:
    """The point with the shortest mean wait of those that cut at most a share `most` early."""
    return int(_finals(grid, on, most)[1][0])


def _best(speculative: Grid, final: _Ints, on: _Mask, sooner: int) -> tuple[float, int]:
    """The share that is right, and the point, where more than half come so many frames sooner.

    Where there is no such point, one less.
    """
    frames, came = speculative.frames[:, on], speculative.came[:, on]
    ahead = np.where(came, final[on] - frames, 0)
    right = (came & ~speculative.early[:, on] & (ahead >= 0)).mean(axis=1)
    allowed = (ahead >= sooner).mean(axis=1) > 0.5
    worth = np.where(allowed, right, right - 1)
    point = int(worth.argmax())
    return float(worth[point]), point


def choose(
    final: Grid, speculative: Grid, on: _Mask, *, most: float, within: float, sooner: Sequence[int]
) -> tuple[int, tuple[int, ...]]:
    """A final point, and a speculative one for each of `sooner`.

    Of the final points that cut at most a share `most` early and wait at most `within` frames on
    average (else of the one that waits shortest), it is the one before which speculations `sooner`
    frames earlier, for more than half of the utterances, are right most often.
    """
    waits, allowed = _finals(final, on, most)
    near = [p for p in allowed if waits[p] <= within] or allowed[:1].tolist()
    seen: dict[bytes, int] = {}
    for point in near:
        seen.setdefault(final.at[point].tobytes(), int(point))
    kept = list(seen.values())
    kept = kept[:: -(-len(kept) // _PAIRED)]
    found = []
    for point in kept:
        pairs = [_best(speculative, final.at[point], on, k) for k in sooner]
        found.append((sum(right for right, _ in pairs), point, tuple(p for _, p in pairs)))
    _, point, points = max(found, key=lambda one: one[0])
    return point, points


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
    grid: Grid,
    speakers: Sequence[str],
    *,
    most: float,
    within: float,
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
        point, others = choose(grid, grid, ~own, most=most, within=within, sooner=sooner)
        at = grid.at[point]
        frames[own], wait[own], early[own] = at[own], grid.wait[point, own], grid.early[point, own]
        for k, best in zip(sooner, others, strict=True):
            said, right, earlier = ahead[k]
            spoke = grid.frames[best]
            came = grid.came[best] & (spoke <= at)
            said[own] = np.where(came, spoke, -1)[own]
            right[own] = (came & ~grid.early[best])[own]
            earlier[own] = np.where(came, at - spoke, 0)[own]
        points[str(name)] = (point, *others)
    return Judged(final=frames, early=early, wait=wait, sooner=ahead, points=points)


def bootstrap(values: NDArray[Any], *, median: bool = False, seed: int = 0) -> tuple[float, float]:
    """95 % interval of a mean or median over utterances, drawn with replacement."""
    if not len(values):
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(0, len(values), (2000, len(values)))
    found = np.median(values[drawn], axis=1) if median else values[drawn].mean(axis=1)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
