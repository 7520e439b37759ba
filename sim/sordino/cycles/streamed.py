"""Exact time of one MATVEC whose matrix is streamed.

A group makes one move a cycle, unless the column at the end of its pipeline has not come yet, or
the move before took the last word of what has come of a stream. So with the cycle of `start` as 0
and, in a group, move k in cycle M(k), every further word's unit (what comes in one piece) with its
first words in the ring in cycle L,

    M(0) = max(L of the first unit of each stream) + DECODER_START
    M(k) = max(M(k - 1) + 1, A(column of k), L of the units that move k - 1 ran into + 1)

with A(c) = B(c) + ARRIVAL as in `matvec`. A unit is a burst, or a beat where beats come further
apart than a decoder can take a beat's words. A burst gives its room back with the move that fetches
its last word. Only the choice of the next burst looks at all streams: it is made once all groups
have gone as far as the bursts chosen before let them, so that all room up to then is known. Names
are those of `isa.timing`, `rtl.streaming.fetch` and `rtl.lanes.decoder`.
`sordino.testing.twins.stepped` is the same cycle by cycle, 7 to 25 times slower.
"""

from collections.abc import Sequence
from enum import IntEnum
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.cycles.matvec import MatvecCycles, without_places
from sordino.engines.memory_timing import BEAT, MemoryTiming
from sordino.golden.codec import GroupStreams
from sordino.isa import timing

__all__ = ["streamed_cycles"]


def streamed_cycles(
    groups: Sequence[GroupStreams], *, config: Config, memory: MemoryTiming, again: bool = False
) -> MatvecCycles:
    """Time of a MATVEC whose groups decode these streams, as `matvec_cycles`.

    With `again` the rings hold them from before.
    """
    active = [group for group in groups if len(group.padding)]
    walked = np.array([len(group.walk.columns) for group in groups], np.int64)
    if not active:
        return without_places(walked)
    race = _Race(active, config, memory)
    if again:
        race.reader.hold_all()
    race.run()
    cycles, beats = race.end + timing.SETTLE, race.reader.beats_until(race.end)
    wait_x = sum(walker.wait_x for walker in race.walkers)
    wait_stream = sum(
        walker.last - (timing.FIRST_PLACE - 1) - group.walk.outside - len(group.walk.columns)
        for walker, group in zip(race.walkers, active, strict=True)
    )
    wait_stream -= wait_x
    return MatvecCycles(
        cycles=cycles,
        wait_x=wait_x,
        wait_broadcast=sum(walker.wait_broadcast for walker in race.walkers),
        walked=walked,
        padding=sum(group.walk.padding for group in groups),
        idle=cycles * len(groups) - int(walked.sum()) - wait_x - wait_stream,
        wait_stream=wait_stream,
        stream=cycles if beats * BEAT > int(walked.max()) * memory.rate else 0,
        beats=beats,
    )


class _Event(IntEnum):
    """What a move may meet, in the order in which it counts."""

    COLUMN = 0
    """Its place is the group's first at a column."""
    FREE = 1
    """It fetches the last word of a burst."""
    END = 2
    NEED = 3
    """It runs into the next unit of a stream."""


class _Memory:
    """When the beats of bursts come, which are asked for one after the other."""

    def __init__(self, memory: MemoryTiming) -> None:
        self.latency, self.rate = memory.latency, memory.rate
        self.most = BEAT - 1 + memory.rate
        self.credit, self.latest = self.most, timing.MATVEC_RUN - 1

    def answer(self, asked: int, beats: int) -> list[int]:
        """The cycles of a burst's beats."""
        due, rate = asked + self.latency, self.rate
        if rate == BEAT:
            first = max(due, self.latest + 1)
            self.latest = first + beats - 1
            return list(range(first, first + beats))
        found = []
        for _ in range(beats):
            wait = max(1, -(-(BEAT - self.credit) // rate), due - self.latest)
            self.credit = min(self.credit + wait * rate, self.most) - BEAT
            self.latest += wait
            found.append(self.latest)
        return found


class _Reader:
    """The read manager: which burst is asked for when, and when its words are there.

    `landed` has for each stream the cycles from which its units can be read; `freed` those from
    which the room of its bursts is known to be there again.
    """

    def __init__(self, beats: Sequence[int], config: Config, memory: MemoryTiming) -> None:
        self.burst, self.ring = config.stream_burst, config.stream_ring
        self.most = config.stream_outstanding
        parts = config.stream_bus // STREAM_WORD_BITS
        self.memory = _Memory(memory)
        self.by_beat = -(-BEAT // memory.rate) > parts
        self.unit_words = parts if self.by_beat else parts * self.burst
        self.unasked = list(beats)
        self.asked = [0] * len(beats)
        self.landed: list[list[int]] = [[] for _ in beats]
        self.freed: list[list[int]] = [[] for _ in beats]
        self.wants = sum(1 << stream for stream, left in enumerate(beats) if left)
        """A bit for each stream that has a burst left and room."""
        self.later: list[tuple[int, int]] = []
        """Of others when they will, and their numbers; a heap."""
        self.next, self.chosen = timing.MATVEC_RUN, -1
        self.answered: list[list[int]] = []

    def hold_all(self) -> None:
        """The rings hold every stream as a whole from before, and nothing is left to ask for."""
        each = 1 if self.by_beat else self.burst
        self.landed[:] = [[timing.MATVEC_RUN] * -(-beats // each) for beats in self.unasked]
        self.unasked, self.wants = [0] * len(self.unasked), 0

    def free(self, stream: int, cycle: int) -> None:
        """The room of the stream's next burst comes free."""
        freed = self.freed[stream]
        known = cycle + timing.ROOM
        freed.append(known)
        if self.unasked[stream] > 0 and self.asked[stream] - self.ring == len(freed) - 1:
            heappush(self.later, (known, stream))

    def choose(self, last: int | None = None) -> int | None:
        """Ask for the next burst; its stream, or None if none can be before or in cycle `last`."""
        now, later = self.next, self.later
        if len(self.answered) >= self.most:
            now = max(now, self.answered[-self.most][-1] + timing.RETURN)
        if not self.wants:
            if not later:
                return None
            now = max(now, later[0][0])
        if last is not None and now > last:
            return None
        while later and later[0][0] <= now:
            self.wants |= 1 << heappop(later)[1]
        behind = self.wants >> self.chosen + 1
        if behind:
            stream = self.chosen + (behind & -behind).bit_length()
        else:
            stream = (self.wants & -self.wants).bit_length() - 1
        self.chosen, self.next = stream, now + timing.ASK
        self._ask(stream, now)
        return stream

    def _ask(self, stream: int, now: int) -> None:
        beats = min(self.burst, self.unasked[stream])
        cycles = self.memory.answer(now + timing.ISSUE, beats)
        self.answered.append(cycles)
        self.landed[stream] += [c + timing.LAND for c in (cycles if self.by_beat else cycles[:1])]
        self.unasked[stream] -= beats
        self.asked[stream] = asked = self.asked[stream] + 1
        if asked < self.ring and self.unasked[stream]:
            return
        self.wants &= ~(1 << stream)
        freed = self.freed[stream]
        if self.unasked[stream] and asked - self.ring < len(freed):
            heappush(self.later, (freed[asked - self.ring], stream))

    def beats_until(self, end: int) -> int:
        """How many of those asked for come up to the cycle `end`."""
        return sum(sum(cycle <= end for cycle in burst) for burst in self.answered)


class _Broadcast:
    """When columns can be read, as far as that is known; all groups have to make room."""

    def __init__(self, columns: int, groups: int, depth: int) -> None:
        self.columns, self.depth = columns, depth
        first = timing.FIRST_COLUMN + timing.ARRIVAL
        self.available = list(range(first, first + min(depth, columns)))
        self.missing = [groups] * (columns + 1)
        """By column how many groups have neither reached it or a later one nor ended,"""
        self.reached = [0] * (columns + 1)
        """and when the others did at the latest."""

    def pass_to(self, before: int, column: int, cycle: int) -> bool:
        """A group comes from one column to another; whether more can be read then."""
        reached, missing = self.reached, self.missing
        for passed in range(before + 1, column + 1):
            if reached[passed] < cycle:
                reached[passed] = cycle
            missing[passed] -= 1
        available = self.available
        known = len(available)
        for room in range(known - self.depth + 1, self.columns - self.depth + 1):
            if missing[room]:
                break
            announced = reached[room] + timing.RELEASE
            available.append(max(available[-1] + 1, announced + timing.ARRIVAL))
        return len(available) > known


class _Walker:
    """One group. Move k comes in cycle `lead` + k, as far as that is known."""

    def __init__(
        self, group: GroupStreams, first_stream: int, reader: _Reader, broadcast: _Broadcast
    ) -> None:
        self.reader, self.broadcast = reader, broadcast
        self.streams = [first_stream + number for number, words in enumerate(group.words) if words]
        self.outside = group.walk.outside
        self.final = len(group.walk.columns) + timing.DEPTH - 1
        """The move with which it ends; one that walks outside ends before the next."""
        self.events = self._script(group, first_stream)
        self.at, self.lead, self.column = 0, 0, 0
        self.held = (-1, 0)
        """The latest move that ran into a unit that had not come, and its cycle."""
        self.used = dict.fromkeys(self.streams, 1)
        self.last = 0
        self.wait_x = self.wait_broadcast = 0

    def _script(self, group: GroupStreams, first_stream: int) -> list[tuple[int, int, int]]:
        """(move, event, column or stream) in the order of moves."""
        reader, last = self.reader, self.final + self.outside
        columns = group.walk.columns
        stops = np.flatnonzero(np.diff(columns, prepend=-1))
        parts = [_events(stops + timing.DEPTH, _Event.COLUMN, columns[stops])]
        parts.append(_events(np.array([self.final]), _Event.END, 0))
        values = np.flatnonzero(~group.padding) + timing.VALUE
        burst = reader.burst * (reader.unit_words if reader.by_beat else 0) or reader.unit_words
        for number, passes in enumerate(group.passes):
            words = group.words[number]
            moves = np.flatnonzero(passes) if not number else values[: len(passes)][passes]
            for event, first, every in (
                (_Event.NEED, reader.unit_words, reader.unit_words),
                (_Event.FREE, burst - 1, burst),
            ):
                at = np.arange(first, words, every) - timing.AHEAD
                found = moves[at[at < len(moves)]]
                parts.append(_events(found[found <= last], event, first_stream + number))
        events = np.concatenate(parts)
        order = np.lexsort((events[:, 1], events[:, 0]))
        script: list[tuple[int, int, int]] = list(map(tuple, events[order].tolist()))
        return script

    def go(self) -> bool:
        """Walk as far as is known; whether more columns are known then."""
        reader, broadcast, events = self.reader, self.broadcast, self.events
        landed, available = reader.landed, broadcast.available
        news = False
        if not self.lead and not self._begin():
            return False
        while self.at < len(events):
            move, event, what = events[self.at]
            if event == _Event.NEED:
                units, unit = landed[what], self.used[what]
                if unit >= len(units):
                    return news
                self.used[what] = unit + 1
                if units[unit] > self.lead + move:
                    if self.held[0] != move:
                        self.held = (move, self.lead + move)
                    self.lead = units[unit] - move
            elif event == _Event.COLUMN:
                if what >= len(available):
                    return news
                news |= self._enter(move, what, available[what])
            elif event == _Event.FREE:
                # Behind the end only what comes in the cycle of the end.
                if move <= self.final or self.lead + move == self.last:
                    reader.free(what, self.lead + move)
            else:
                self.last = self.lead + move + self.outside
                news |= broadcast.pass_to(self.column, broadcast.columns, self.last)
            self.at += 1
        return news

    def _begin(self) -> bool:
        first = [self.reader.landed[stream] for stream in self.streams]
        if not all(first):
            return False
        self.lead = (
            max([units[0] for units in first], default=timing.MATVEC_RUN - 1) + timing.DECODER_START
        )
        return True

    def _enter(self, move: int, column: int, there: int) -> bool:
        """The first place at a column that can be read from cycle `there` on."""
        held, since = self.held
        due = since + 1 if held == move - 1 else self.lead + move
        if there > due:
            self.wait_x += there - due
            self.wait_broadcast += max(0, column + timing.FIRST_COLUMN + timing.ARRIVAL - due)
            self.lead = max(self.lead, there - move)
        before, self.column = self.column, column
        return self.broadcast.pass_to(before, column, self.lead + move)


def _events(
    moves: NDArray[np.int64], event: int, what: NDArray[np.int64] | int
) -> NDArray[np.int64]:
    return np.stack(np.broadcast_arrays(moves, event, what), axis=1)


class _Race:
    """Groups that have places, their rings, the read manager and the memory."""

    def __init__(
        self, groups: Sequence[GroupStreams], config: Config, memory: MemoryTiming
    ) -> None:
        parts = config.stream_bus // STREAM_WORD_BITS
        self.width = 1 + config.group
        self.reader = _Reader(
            [-(-words // parts) for group in groups for words in group.words], config, memory
        )
        columns = 1 + max(
            (int(g.walk.columns[-1]) for g in groups if len(g.walk.columns)), default=-1
        )
        broadcast = _Broadcast(columns, len(groups), config.x_fifo)
        self.walkers = [
            _Walker(group, number * self.width, self.reader, broadcast)
            for number, group in enumerate(groups)
        ]
        self.end = 0

    def run(self) -> None:
        walkers = self.walkers
        while sum(walker.go() for walker in walkers):
            pass
        while not all(walker.last for walker in walkers):
            stream = self.reader.choose()
            assert stream is not None, "no burst can be asked for, and not all groups are done"
            self._go(stream)
        self.end = max(walker.last for walker in walkers)
        while (stream := self.reader.choose(self.end)) is not None:
            self._go(stream)

    def _go(self, stream: int) -> None:
        """Walk as far as is known with a further burst of a stream."""
        if self.walkers[stream // self.width].go():
            while sum(walker.go() for walker in self.walkers):
                pass
