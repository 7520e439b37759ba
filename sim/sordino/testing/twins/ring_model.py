"""The rule of streamed weights as a small model whose every state is visited.

Groups make their steps, each taking nothing or one burst from each of its streams, whatever it
pleases; none may be more than `apart` steps ahead of another, as the broadcast and its FIFOs have
it. Bursts are asked for in any order that the rule allows and come back in order, whenever they
please. Every event is progress and there are finitely many, so where no state is stuck, every
interleaving comes to its end.

A pass `again` begins with what the one before left in the rings and asks for nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

__all__ = ["Overwritten", "RingModel", "Stuck"]

_Stream = tuple[int, int, int]
"""Bursts asked for, in the ring or through it, taken."""
_State = tuple[
    tuple[_Stream, ...],
    tuple[int, ...],  # streams of bursts on their way, in order
    tuple[int, ...],  # steps that each group made
    tuple[int, ...],  # what each group's next step takes: a bit a stream of its own
]


class Stuck(Exception):
    """A state in which nothing can happen and some group is not done."""


class Overwritten(Exception):
    """A burst that is to be taken again, and is not in its ring any more."""


@dataclass(frozen=True, kw_only=True)
class RingModel:
    """Two or more groups and their rings.

    bursts       of each stream, group by group
    groups       how many; each has equally many streams
    steps        of each group
    ring         bursts that a ring holds
    outstanding  bursts on their way at most
    apart        steps that a group may be ahead of the last one
    reserved     a burst is asked for only if its ring has room for it and for all of its bursts on
                 their way; without, what finds no room waits, and all behind it
    again        a pass from the rings as another one left them
    """

    bursts: tuple[int, ...]
    groups: int = 2
    steps: int = 3
    ring: int = 2
    outstanding: int = 3
    apart: int = 1
    reserved: bool = True
    again: bool = False

    def states(self) -> int:
        """Visit all states; how many there are. Raises Stuck, Overwritten."""
        width = len(self.bursts) // self.groups
        start: tuple[_Stream, ...] = ((0, 0, 0),) * len(self.bursts)
        if self.again:
            start = tuple((count, count, 0) for count in self.bursts)
        first: list[_State] = [
            (start, (), (0,) * self.groups, demands)
            for demands in product(range(1 << width), repeat=self.groups)
        ]
        seen = set(first)
        todo = list(first)
        while todo:
            state = todo.pop()
            following = list(self._following(state, width))
            if not following and min(state[2]) < self.steps:
                raise Stuck(f"streams {state[0]}, on their way {state[1]}, steps {state[2]}")
            for new in following:
                if new not in seen:
                    seen.add(new)
                    todo.append(new)
        return len(seen)

    def _following(self, state: _State, width: int) -> Iterator[_State]:
        streams, way, steps, demands = state
        if len(way) < self.outstanding:
            for number, (asked, _, taken) in enumerate(streams):
                room = asked - taken < self.ring or not self.reserved
                if asked < self.bursts[number] and room:
                    new = _with(streams, number, asked=1)
                    yield new, (*way, number), steps, demands
        if way:
            number = way[0]
            _, here, taken = streams[number]
            if here - taken < self.ring:
                yield _with(streams, number, here=1), way[1:], steps, demands
        for group in range(self.groups):
            yield from self._step(state, width, group)

    def _step(self, state: _State, width: int, group: int) -> Iterator[_State]:
        """A group's step, if all that it takes is here; then it decides what the next one takes."""
        streams, way, steps, demands = state
        if steps[group] == self.steps or steps[group] - min(steps) >= self.apart:
            return
        new = streams
        for lane in range(width):
            number = group * width + lane
            _, here, taken = streams[number]
            if demands[group] >> lane & 1 and taken < self.bursts[number]:
                if here == taken:
                    return
                if self.again and taken < here - self.ring:
                    raise Overwritten(f"stream {number}: burst {taken} of {here}")
                new = _with(new, number, taken=1)
        made = (*steps[:group], steps[group] + 1, *steps[group + 1 :])
        for demand in range(1 << width) if made[group] < self.steps else (0,):
            yield new, way, made, (*demands[:group], demand, *demands[group + 1 :])


def _with(
    streams: tuple[_Stream, ...], number: int, *, asked: int = 0, here: int = 0, taken: int = 0
) -> tuple[_Stream, ...]:
    a, h, t = streams[number]
    return (*streams[:number], (a + asked, h + here, t + taken), *streams[number + 1 :])
