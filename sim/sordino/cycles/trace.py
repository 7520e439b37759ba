"""Paths through a program, and their time."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sordino.cycles.durations import Durations
from sordino.cycles.schedule import COUNTED, IDLE, Clock, Flight, turns
from sordino.cycles.tables import Decoding, Tables, after, decoding, empty
from sordino.engines.memory_timing import MemoryTiming
from sordino.isa import timing
from sordino.isa.image import Image

__all__ = ["Profile", "Timer", "Trace", "time_trace"]


@dataclass(frozen=True, eq=False)
class Trace:
    """A run as its path.

    addresses  int64: of every retired instruction, in order
    ended      int64: which of these (indices) are an INPUT that met the end of input at once
    """

    addresses: NDArray[np.int64]
    ended: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass
class Profile:
    """How often each instruction retired, and what that took.

    cycles  of the whole run
    busy    for each unit the cycles in which it worked
    wait_x  group cycles in which a place waited for its column
    times   by address and a MATVEC's tables, else None; an INPUT that met the end of input is
            in `ended` instead
    exposed, issuing
            cycles by address, as in `Clock`; together they sum to `cycles`
    """

    durations: Durations
    cycles: int = 0
    busy: list[int] = field(default_factory=lambda: [0] * len(COUNTED))
    wait_x: int = 0
    times: Counter[tuple[int, Decoding | None]] = field(default_factory=Counter)
    ended: Counter[int] = field(default_factory=Counter)
    exposed: Counter[int] = field(default_factory=Counter)
    issuing: Counter[int] = field(default_factory=Counter)

    def include(self, clock: Clock, since: int = -1, repeats: int = 1) -> None:
        """Add the time of a clock that began after cycle `since`, so many times over."""
        self.cycles += repeats * (clock.now - since)
        self.busy = [a + repeats * b for a, b in zip(self.busy, clock.busy, strict=True)]
        for mine, its in ((self.exposed, clock.exposed), (self.issuing, clock.issuing)):
            for address, cycles in its.items():
                mine[address] += repeats * cycles

    def table(self) -> NDArray[np.int64]:
        """For each program address: times retired and cycles, (n, 2), as `Rtl.profile`."""
        out = np.zeros((len(self.durations.image.program), 2), np.int64)
        for (address, _), times in self.times.items():
            out[address, 0] += times
        for address, times in self.ended.items():
            out[address, 0] += times
        for spent in (self.exposed, self.issuing):
            for address, cycles in spent.items():
                out[address, 1] += cycles
        return out

    def counters(self) -> dict[str, int]:
        """The timed counters; nobody waits for features or tokens."""
        return {
            "cycles": self.cycles,
            **dict(zip(COUNTED, self.busy, strict=True)),
            "wait_x": self.wait_x,
            "wait_input": 0,
            "wait_token": 0,
        }


_Moment = tuple[Flight, Tables]
"""All that the time of what comes next depends on."""
_Passage = tuple[int, int, int, bool]
"""Number of the moment before, first and last address, whether that is an INPUT at the end."""


class Timer:
    """The time of an image's paths, without values.

    Straight pieces of the program are timed once for each moment in which they are met, and there
    are few such: units start anew in every frame.
    """

    def __init__(self, image: Image, memory: MemoryTiming | None = None) -> None:
        self.durations = Durations(image, memory)
        self._program = image.program
        self._turns = turns(image.program)
        self._moments: list[_Moment] = [(IDLE, empty(image.config))]
        self._numbers: dict[_Moment, int] = {self._moments[0]: 0}
        self._clocks: dict[_Passage, Clock] = {}
        self._inputs = np.array([turn.blocks for turn in self._turns], np.bool_)
        self._next: dict[_Passage, int] = {}

    def time(self, trace: Trace) -> Profile:
        """Of a path from power-up on. Whether the program can take it is not checked."""
        profile = Profile(self.durations)
        passages, moment = self._passages(trace)
        passed = Counter(passages)
        for passage, repeats in passed.items():
            before, first, last, ended = passage
            profile.include(self._clocks[passage], repeats=repeats)
            tables = self._moments[before][1]
            for address in range(first, last + (not ended)):
                i = self._program[address]
                decoded = decoding(i, tables)
                profile.times[address, decoded] += repeats
                if decoded is not None:
                    profile.wait_x += repeats * self.durations.matvec(address, decoded).wait_x
                tables = after(i, tables)
            if ended:
                profile.ended[last] += repeats
        rest = Clock(flight=self._moments[moment][0])
        rest.finish()
        profile.include(rest)
        return profile

    def frames(self, trace: Trace) -> list[int]:
        """A path's cycles from START to the first INPUT, between INPUTs, and from the last one on.

        In between is the cycle in which an INPUT begins, as in `bounds.Bounds`. The last is the
        first that meets the end of input.
        """
        found, now, over = [0], 0, False
        passages, moment = self._passages(trace)
        for passage in passages:
            before, _, last, ended = passage
            now += self._clocks[passage].now + 1
            if self._inputs[last] and not over:
                over = ended
                takes = self._duration(last, self._moments[before][1], ended)
                found.append(now - timing.UNIT_START - takes)
        found.append(now + max(self._moments[moment][0].left))
        return [b - a for a, b in pairwise(found)]

    def _passages(self, trace: Trace) -> tuple[list[_Passage], int]:
        """The straight pieces of a path and the moment after them."""
        moment, passages = 0, []
        following = self._next
        for first, last, ended in _pieces(trace, self._inputs):
            passage = (moment, first, last, ended)
            then = following.get(passage)
            moment = self._walk(passage) if then is None else then
            passages.append(passage)
        return passages, moment

    def _duration(self, address: int, tables: Tables, ended: bool) -> int:
        if ended:
            return self.durations.short_input(address, 0)
        return self.durations.at(address, decoding(self._program[address], tables))

    def _walk(self, passage: _Passage) -> int:
        """A passage for the first time; the number of the moment after it."""
        moment, first, last, ended = passage
        flight, tables = self._moments[moment]
        clock = Clock(flight=flight)
        for address in range(first, last + 1):
            i, turn = self._program[address], self._turns[address]
            duration = self._duration(address, tables, ended and address == last)
            clock.reach(clock.due(turn.awaits), address)
            clock.begin(turn, duration, address)
            tables = after(i, tables)
        following = (clock.flight, tables)
        if following not in self._numbers:
            self._numbers[following] = len(self._moments)
            self._moments.append(following)
        self._clocks[passage] = clock
        self._next[passage] = self._numbers[following]
        return self._next[passage]


def time_trace(image: Image, trace: Trace) -> Profile:
    """The time of one path. For many of the same image a `Timer` is faster."""
    return Timer(image).time(trace)


def _pieces(trace: Trace, inputs: NDArray[np.bool_]) -> list[tuple[int, int, bool]]:
    """First and last address of every straight piece, and whether the last one met the end.

    `inputs` are addresses where a piece ends anyway.
    """
    addresses = trace.addresses
    if not len(addresses):
        return []
    ended = np.zeros(len(addresses), np.bool_)
    ended[trace.ended] = True
    parts = ended | inputs[addresses]
    parts[:-1] |= np.diff(addresses) != 1
    parts[-1] = True
    ends = np.flatnonzero(parts)
    starts = np.concatenate(([0], ends[:-1] + 1))
    columns = (addresses[starts].tolist(), addresses[ends].tolist(), ended[ends].tolist())
    return list(zip(*columns, strict=True))
