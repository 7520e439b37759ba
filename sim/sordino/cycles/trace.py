"""Paths through a program, and their time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sordino.cycles.durations import Durations
from sordino.cycles.issue import Issue, Issuer, Passage
from sordino.cycles.schedule import COUNTED, IDLE, Clock, Flight
from sordino.cycles.tables import Decoding, Tables, empty
from sordino.engines.memory_timing import MemoryTiming
from sordino.image.image import Image

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
        """How often each program address retired, and its cycles; (n, 2), as `Rtl.profile`."""
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


class _Piece(NamedTuple):
    """Instructions one after the other, from address `first` to `last`, at a moment of a number.

    `ended` says that the last one is an INPUT that meets the end of input.
    """

    moment: int
    first: int
    last: int
    ended: bool


class _Timed(NamedTuple):
    """A piece's time, its instructions, and the number of the moment after it."""

    clock: Clock
    steps: tuple[Issue, ...]
    following: int


class Timer:
    """The time of an image's paths, without values.

    Straight pieces of the program are timed once for each moment in which they are met, and there
    are few such: units start anew in every frame.
    """

    def __init__(self, image: Image, memory: MemoryTiming | None = None) -> None:
        self.durations = Durations(image, memory)
        self._issuer = Issuer(self.durations)
        self._moments: list[_Moment] = [(IDLE, empty(image.config))]
        self._numbers: dict[_Moment, int] = {self._moments[0]: 0}
        self._timed: dict[_Piece, _Timed] = {}
        self._inputs = np.array([turn.blocks for turn in self._issuer.turns], np.bool_)

    def time(self, trace: Trace) -> Profile:
        """Time a path from power-up on; whether the program can take it is not checked."""
        profile = Profile(self.durations)
        pieces, moment = self._pieces(trace)
        for piece, repeats in Counter(pieces).items():
            timed = self._timed[piece]
            profile.include(timed.clock, repeats=repeats)
            for step in timed.steps[: -1 if piece.ended else None]:
                profile.times[step.address, step.decoded] += repeats
                if step.decoded is not None:
                    matvec = self.durations.matvec(step.address, step.decoded)
                    profile.wait_x += repeats * matvec.wait_x
            if piece.ended:
                profile.ended[piece.last] += repeats
        rest = Clock(flight=self._moments[moment][0])
        rest.finish()
        profile.include(rest)
        return profile

    def frames(self, trace: Trace) -> list[int]:
        """A path's cycles from START to the first INPUT, between INPUTs, and from the last one on.

        In between is the cycle in which an INPUT begins, as in `spans.Bounds`. The last is the
        first that meets the end of input. INPUTs are those of the channel that is read first; what
        follows one that finds a request, up to the next one, is no frame and left out.
        """
        begun, now = list[tuple[int, bool]](), 0
        pieces, _ = self._pieces(trace)
        following = [piece.first for piece in pieces[1:]]
        for piece, after in zip_longest(pieces, following):
            timed, i = self._timed[piece], self._issuer.program[piece.last]
            if self._inputs[piece.last] and i.fields.get("channel", 0) == self._channel(pieces):
                asked = piece.ended and after == i.fields.get("request")
                begun.append((now + timed.steps[-1].begins + 1, asked))
                if piece.ended and not asked:
                    break
            now += timed.clock.now + 1
        total = self.time(trace).cycles
        moments = [(0, False), *begun, (total, False)]
        return [b - a for (a, asked), (b, _) in pairwise(moments) if not asked]

    def _channel(self, pieces: Sequence[_Piece]) -> int:
        """The channel of the first INPUT of a path; 0 for one without."""
        inputs = (self._issuer.program[p.last] for p in pieces if self._inputs[p.last])
        return int(next((i.fields.get("channel", 0) for i in inputs), 0))

    def _pieces(self, trace: Trace) -> tuple[list[_Piece], int]:
        """The straight pieces of a path and the number of the moment after them."""
        moment, pieces = 0, []
        for first, last, ended in _straight(trace, self._inputs):
            piece = _Piece(moment, first, last, ended)
            timed = self._timed.get(piece) or self._walk(piece)
            moment = timed.following
            pieces.append(piece)
        return pieces, moment

    def _walk(self, piece: _Piece) -> _Timed:
        """A piece for the first time."""
        passage = Passage(self._issuer, *self._moments[piece.moment])
        steps = [passage.take(address) for address in range(piece.first, piece.last)]
        steps.append(passage.take(piece.last, 0 if piece.ended else None))
        following = (passage.clock.flight, passage.tables)
        if following not in self._numbers:
            self._numbers[following] = len(self._moments)
            self._moments.append(following)
        timed = _Timed(passage.clock, tuple(steps), self._numbers[following])
        self._timed[piece] = timed
        return timed


def time_trace(image: Image, trace: Trace) -> Profile:
    """The time of one path. For many of the same image a `Timer` is faster."""
    return Timer(image).time(trace)


def _straight(trace: Trace, inputs: NDArray[np.bool_]) -> list[tuple[int, int, bool]]:
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
