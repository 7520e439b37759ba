"""Exact time of one MATVEC from where its groups stop.

All groups walk their columns in step with one broadcast. In every cycle a group does one place,
unless its column of x has not come yet; the broadcast sends one column, unless some group's FIFO
has no room for it. With the cycle of `start` as 0:

    column c is announced in cycle   B(c) = max(B(c - 1) + 1, R(c - depth + 1) + RELEASE)
    place k is done in cycle         P(k) = max(P(k - 1) + 1, B(column of k) + ARRIVAL)
    with                             B(0) = FIRST_COLUMN,  P(0) >= FIRST_PLACE

where R(d), for d > 0, is the latest cycle in which a group does its first place at column d or
further, or its last place of all. `done` comes SETTLE cycles after the last place of all groups.
The constants are those of `sordino.isa.timing`. Nothing here depends on x or on weights other than
by their places.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.arch import MAX_WRAPS
from sordino.golden.codec import GroupWalk
from sordino.isa import timing

__all__ = ["MatvecCycles", "matvec_cycles", "without_places"]

_Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class MatvecCycles:
    """What one MATVEC takes.

    cycles          from `start` to `done`, `done` included
    wait_x          group cycles in which a place waited for its column
    wait_broadcast  of these, how many an unhindered broadcast would have cost too: one column a
                    cycle is the limit; in the others it waited for room in a FIFO
    walked          (groups,) symbols of each group that had their place, padding among them
    padding         of these, how many are padding places
    idle            group cycles before the first place and after the last one
    wait_stream     group cycles in which words of a stream were not in their ring yet
    stream          cycles once more, if its beats alone take longer than the busiest group's places
    beats           read from external memory
    """

    cycles: int
    wait_x: int
    wait_broadcast: int
    walked: _Ints
    padding: int
    idle: int
    wait_stream: int = 0
    stream: int = 0
    beats: int = 0

    @property
    def overhead(self) -> int:
        """Group cycles that decoder start and settling take."""
        return min(self.cycles, timing.MATVEC_OVERHEAD) * len(self.walked)

    @property
    def imbalance(self) -> int:
        """Group cycles in which a group had finished before the last one, or has no places."""
        return self.idle - self.overhead


def without_places(walked: _Ints) -> MatvecCycles:
    """The cycles of a MATVEC in which no group of `walked` has a place."""
    idle = timing.NOTHING * len(walked)
    return MatvecCycles(
        cycles=timing.NOTHING, wait_x=0, wait_broadcast=0, walked=walked, padding=0, idle=idle
    )


def matvec_cycles(walks: Sequence[GroupWalk], *, x_fifo: int) -> MatvecCycles:
    """Time of a MATVEC whose groups walk so, with FIFOs of `x_fifo` columns.

    A walk that leaves its matrix ends, once it stands there, without waiting for x.
    """
    active = [walk for walk in walks if len(walk.columns) or walk.outside]
    walked = np.array([len(walk.columns) for walk in walks], np.int64)
    if not active:
        return without_places(walked)
    race = _Race(active, x_fifo)
    race.run()
    cycles = int(race.last.max()) + timing.SETTLE
    return MatvecCycles(
        cycles=cycles,
        wait_x=race.wait_x,
        wait_broadcast=race.wait_broadcast,
        walked=walked,
        padding=sum(walk.padding for walk in walks),
        idle=cycles * len(walks) - int(walked.sum()) - race.wait_x,
    )


class _Race:
    """Groups and broadcast, column by column.

    `last` (groups,) is the cycle of each group's latest place.
    """

    def __init__(self, walks: Sequence[GroupWalk], depth: int) -> None:
        self.depth = depth
        self.outside = np.array([walk.outside for walk in walks])
        self.columns = 1 + max((int(w.columns[-1]) for w in walks if len(w.columns)), default=-1)
        self.counts = np.stack(
            [np.bincount(walk.columns, minlength=self.columns) for walk in walks], axis=1
        )
        self.final = np.array([int(w.columns[-1]) if len(w.columns) else -1 for w in walks])
        self.last = np.full(len(walks), timing.FIRST_PLACE - 1, np.int64)
        self.wait_x = self.wait_broadcast = 0
        # reached[d] is R(d) but for the groups that have ended, which count from ended[d] on.
        self.reached = np.zeros(self.columns + 1, np.int64)
        self.ended = np.zeros(self.columns + 1, np.int64)

    def run(self) -> None:
        self._finish(self.final < 0, -1)
        present = np.full(len(self.last), -1)
        steps = np.arange(MAX_WRAPS + 1)
        sent, gone = timing.FIRST_COLUMN - 1, int(self.ended[0])
        for column, counts in enumerate(self.counts):
            sent += 1
            room = column - self.depth + 1
            if room > 0:
                gone = max(gone, int(self.ended[room]))
                sent = max(sent, max(gone, int(self.reached[room])) + timing.RELEASE)
            stops = counts > 0
            if not stops.any():
                continue
            first = self._first(column, sent + timing.ARRIVAL, stops)
            # A place here is the first one at or after each column since the group's last.
            since = (column - present)[:, None] > steps
            arrived = np.where(since & stops[:, None], first[:, None], 0).max(axis=0)
            low = max(0, column - MAX_WRAPS)
            part = self.reached[low : column + 1]
            np.maximum(part, arrived[: column + 1 - low][::-1], out=part)
            self.last = np.where(stops, first + counts - 1, self.last)
            present[stops] = column
            self._finish(self.final == column, column)

    def _first(self, column: int, there: int, stops: NDArray[np.bool_]) -> _Ints:
        """Cycle of each group's first place at a column that is there in cycle `there`."""
        due = self.last + 1
        first = np.maximum(due, there)
        waits = (first - due)[stops]
        self.wait_x += int(waits.sum())
        at_best = column + timing.FIRST_COLUMN + timing.ARRIVAL - due[stops]
        self.wait_broadcast += int(np.clip(at_best, 0, waits).sum())
        return first

    def _finish(self, groups: NDArray[np.bool_], column: int) -> None:
        """Groups whose walk ends at `column` hold nobody up from there on."""
        self.last += groups & self.outside
        if groups.any():
            at = self.ended[column + 1 :][:1]
            np.maximum(at, self.last[groups].max(), out=at)
