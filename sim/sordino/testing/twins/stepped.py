"""Exact time of one MATVEC whose matrix is streamed, cycle by cycle.

What `sordino.cycles.streamed` finds from one event to the next, here by registers: all streams and
groups go side by side in numpy, and every state is that of a register in cycle `now`, where `start`
is in cycle 0. Slow, and the reference for the other.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.cycles.matvec import MatvecCycles, without_places
from sordino.engines.memory_timing import BEAT, MemoryTiming
from sordino.golden.codec import GroupStreams
from sordino.isa import timing

__all__ = ["stepped_cycles"]

_Ints = NDArray[np.int64]
_Bools = NDArray[np.bool_]


def stepped_cycles(
    groups: Sequence[GroupStreams], *, config: Config, memory: MemoryTiming, again: bool = False
) -> MatvecCycles:
    """The time of a MATVEC, as `sordino.cycles.streamed.streamed_cycles` must find it."""
    active = [group for group in groups if len(group.padding)]
    walked = np.array([len(group.walk.columns) for group in groups], np.int64)
    if not active:
        return without_places(walked)
    race = _SteppedMatvec(active, config, memory)
    if again:
        race.hold_all()
    race.run()
    cycles = int(race.last.max()) + timing.SETTLE
    placed = race.final - (timing.DEPTH - 1)
    waits = race.last - (timing.FIRST_PLACE - 1) - race.outside - placed - race.waits_x
    wait_x, wait_stream = int(race.waits_x.sum()), int(waits.sum())
    return MatvecCycles(
        cycles=cycles,
        wait_x=wait_x,
        wait_broadcast=race.wait_broadcast,
        walked=walked,
        padding=sum(group.walk.padding for group in groups),
        idle=cycles * len(groups) - int(walked.sum()) - wait_x - wait_stream,
        wait_stream=wait_stream,
        stream=cycles if race.beats * BEAT > int(walked.max()) * memory.rate else 0,
        beats=race.beats,
    )


class _SteppedMatvec:
    """Groups that have places, their rings, the read manager and the memory."""

    def __init__(
        self, groups: Sequence[GroupStreams], config: Config, memory: MemoryTiming
    ) -> None:
        self.groups, self.width = len(groups), 1 + config.group
        self.memory = memory
        self.depth = config.x_fifo
        self.outside = np.array([group.walk.outside for group in groups])
        self._script(groups)
        count = self.groups * self.width
        # Rings: words of the stream, those that came, those that left.
        self.length = np.array([n for group in groups for n in group.words], np.int64)
        self.landed, self.taken = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.here, self.stage = np.zeros(count, np.bool_), np.zeros(count, np.int64)
        self.ready = np.zeros(self.groups, np.bool_)
        # Read manager.
        self.parts = config.stream_bus // STREAM_WORD_BITS
        self.burst, self.most = config.stream_burst, config.stream_outstanding
        self.burst_mask = self.burst * self.parts - 1
        self.unasked = -(-self.length // self.parts)
        self.room = np.full(count, config.stream_ring, np.int64)
        self.outstanding, self.chosen, self.next_choice = 0, -1, 0
        # Memory: bursts as [due, beats left, stream], beats as (when they can be read, stream).
        self.bursts: deque[list[int]] = deque()
        self.flying: deque[tuple[int, int]] = deque()
        self.credit, self.beats = BEAT - 1 + memory.rate, 0
        # Groups and broadcast.
        self.active = np.ones(self.groups, np.bool_)
        self.moves, self.present = (np.zeros(self.groups, np.int64) for _ in range(2))
        self.open = np.ones(self.groups, np.bool_)
        self.sent = [0] * timing.ARRIVAL
        self.last = np.zeros(self.groups, np.int64)
        self.waits_x = np.zeros(self.groups, np.int64)
        self.wait_broadcast = 0

    def _script(self, groups: Sequence[GroupStreams]) -> None:
        """Note for each move of each group the column it needs and the streams that pass a word."""
        columns, passes, first = list[_Ints](), list[_Bools](), list[int]()
        at = 0
        for group in groups:
            count, good = len(group.padding), len(group.walk.columns)
            size = count + timing.DEPTH + 1
            column = np.full(size, -1, np.int64)
            column[timing.DEPTH : timing.DEPTH + good] = group.walk.columns
            moved = np.zeros((size, self.width), np.bool_)
            moved[:count, 0] = group.passes[0]
            values = np.flatnonzero(~group.padding) + timing.VALUE
            for lane, passed in enumerate(group.passes[1:], 1):
                moved[values[: len(passed)], lane] = passed
            columns.append(column)
            passes.append(moved)
            first.append(at)
            at += size
        self.column, self.passes = np.concatenate(columns), np.concatenate(passes)
        self.first = np.array(first, np.int64)
        walked = np.array([len(group.walk.columns) for group in groups], np.int64)
        self.final = walked + timing.DEPTH - 1
        """The move with which a group ends; one that walks outside ends before the next."""
        self.columns = 1 + max(int(self.column.max()), -1)

    def hold_all(self) -> None:
        """The rings hold every stream as a whole from before, and nothing is left to ask for."""
        self.landed[:], self.unasked[:] = self.length, 0

    def run(self) -> None:
        now = timing.MATVEC_RUN
        while self.active.any():
            while self.flying and self.flying[0][0] <= now:
                self.landed[self.flying.popleft()[1]] += self.parts
            at = self.first + self.moves
            unread = self.taken < self.length
            waiting = unread & ~self.here
            column = self.column[at]
            available = column < self.sent[0]
            fed = ~waiting.reshape(self.groups, -1).any(axis=1)
            self.waits_x += self.active & ~available
            if self.columns > now - timing.FIRST_COLUMN - timing.ARRIVAL:
                late = ~available & (column >= now - timing.FIRST_COLUMN - timing.ARRIVAL + 1)
                self.wait_broadcast += int((self.active & late).sum())
            move = self.active & self.ready & available & fed
            refill = (self.passes[at] & move[:, None]).ravel()
            if not self.ready.all():
                refill |= self._fill(waiting)
            freed = self._fetch(refill, unread, waiting)
            self._choose(now)
            self._answer(now)
            if freed is not None:
                self.room += freed
            self._broadcast()
            self._advance(now, move, column)
            now += 1

    def _fill(self, waiting: _Bools) -> _Bools:
        """The decoders that begin: each takes two words into its window, then the first state."""
        shift = (self.stage < 2) & ~waiting
        self.stage += shift | (self.stage == 2)
        self.ready = (self.stage == 3).reshape(self.groups, -1).all(axis=1)
        return shift

    def _fetch(self, refill: _Bools, unread: _Bools, waiting: _Bools) -> _Bools | None:
        """Take words from the rings; the streams whose burst is used up, if any."""
        fetch = (refill | waiting) & unread & (self.taken < self.landed)
        self.here = fetch | (self.here & ~refill)
        if not fetch.any():
            return None
        self.taken += fetch
        freed: _Bools = fetch & (self.taken & self.burst_mask == 0)
        return freed

    def _choose(self, now: int) -> None:
        """Ask for a burst of the next stream in turn that has one left and room for it."""
        if now < self.next_choice or self.outstanding == self.most:
            return
        wants = np.flatnonzero((self.unasked > 0) & (self.room > 0))
        if not len(wants):
            return
        behind = int(np.searchsorted(wants, self.chosen, side="right"))
        chosen = int(wants[behind if behind < len(wants) else 0])
        beats = min(self.burst, int(self.unasked[chosen]))
        self.unasked[chosen] -= beats
        self.room[chosen] -= 1
        self.outstanding += 1
        self.chosen, self.next_choice = chosen, now + timing.ASK
        self.bursts.append([now + timing.ISSUE + self.memory.latency, beats, chosen])

    def _answer(self, now: int) -> None:
        """Let the memory answer for one cycle."""
        rate = self.memory.rate
        self.credit = min(self.credit + rate, BEAT - 1 + rate)
        if self.credit < BEAT or not self.bursts or self.bursts[0][0] > now:
            return
        burst = self.bursts[0]
        self.credit -= BEAT
        self.beats += 1
        burst[1] -= 1
        self.flying.append((now + timing.LAND, burst[2]))
        if not burst[1]:
            self.bursts.popleft()
            self.outstanding -= 1

    def _broadcast(self) -> None:
        """Send one column, unless a group's FIFO has no room; `sent` holds the latest cycles'."""
        sent = self.sent[-1]
        reserve = sent < self.columns and bool(self.open.all())
        self.open = ~self.active | (sent - self.present < self.depth - reserve)
        self.sent = [*self.sent[1:], sent + reserve]

    def _advance(self, now: int, move: _Bools, column: _Ints) -> None:
        ends = move & (self.moves == self.final) & ~self.outside
        ends |= self.active & self.outside & (self.moves > self.final)
        self.moves += move
        np.copyto(self.present, column, where=move & (column > 0))
        if ends.any():
            self.last[ends] = now
            self.active &= ~ends
