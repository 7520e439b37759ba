"""Best and worst case of a frame, from the program alone.

Every path from one INPUT to the next is followed, with the registers as far as they are known: SET
and LOOP tell them, what ARGMAX finds may be anything, and so may all of them where a frame begins.
With them goes what the units still have to do, so that every path's time is exact; where paths meet
again with the same left to do, they are followed as one.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sordino.cycles.durations import Durations, NotLoaded
from sordino.cycles.issue import Issue, Issuer
from sordino.cycles.schedule import IDLE, NOBODY, Flight
from sordino.cycles.tables import NO_TABLES, Tables, after, empty
from sordino.image.image import Image
from sordino.isa.instruction import REGISTERS, Control, Instruction
from sordino.isa.operations import Loop, Set

__all__ = ["Bounds", "Span", "frame_bounds"]

_MOST_TOKENS = 64
"""Token counts that are kept apart."""
_LONG_LOOP = 1024
"""With a loop that may be so long none but 0 is: there would be too many to keep."""


@dataclass(frozen=True, slots=True)
class Span:
    """Fewest and most cycles; `worst` is None if the program alone does not bound it."""

    best: int
    worst: int | None

    def __add__(self, other: "Span") -> "Span":
        if self.worst is None or other.worst is None:
            return Span(self.best + other.best, None)
        return Span(self.best + other.best, self.worst + other.worst)

    def __or__(self, other: "Span") -> "Span":
        best = min(self.best, other.best)
        if self.worst is None or other.worst is None:
            return Span(best, None)
        return Span(best, max(self.worst, other.worst))

    def holds(self, cycles: int) -> bool:
        """Whether so many cycles are within."""
        return self.best <= cycles and (self.worst is None or cycles <= self.worst)

    def times(self, n: int) -> "Span":
        """n times over."""
        return Span(self.best * n, None if self.worst is None else self.worst * n)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Cycles of a program with a host that is never late; errors and limits left out.

    start   from START to the cycle in which the first INPUT begins, that included
    frame   from there on, for an INPUT that reads a vector, to the next one's beginning or to HALT
    tokens  the same by number of tokens emitted, every possible count up to 64 (in programs with
            loops of 1024 times and more only 0)
    end     from there on, for an INPUT that meets the end of input, to HALT; may be 0 where a
            program also halts elsewhere
    request from there on, for an INPUT that finds a request, to the next one's beginning or to
            HALT; None where no INPUT takes requests
    """

    start: Span
    frame: Span
    tokens: dict[int, Span]
    end: Span
    request: Span | None = None

    def run(self, frames: int) -> Span:
        """A whole run of so many input vectors."""
        return self.start + self.frame.times(frames) + self.end

    def as_dict(self) -> dict[str, Any]:
        """Spans as {best, worst}, `tokens` by count as text."""
        request = ("request",) if self.request is not None else ()
        return {
            **{name: asdict(getattr(self, name)) for name in ("start", "frame", "end", *request)},
            "tokens": {str(count): asdict(span) for count, span in self.tokens.items()},
        }


def frame_bounds(
    image: Image, *, entry: str = "main", durations: Durations | None = None
) -> Bounds | None:
    """Bounds of a program that reads input from one or more INPUTs; None if it never does."""
    return _Explorer(durations or Durations(image)).bounds(image.entry(entry))


@dataclass(frozen=True, slots=True)
class _State:
    """The state before an instruction is read; registers are None where anything may be in them.

    After the end of input (`ended`) every INPUT meets it again.
    """

    pc: int
    registers: tuple[int | None, ...]
    stack: tuple[int, ...] = ()
    tables: Tables = NO_TABLES
    flight: Flight = IDLE
    ended: bool = False

    def at(self, pc: int) -> "_State":
        return replace(self, pc=pc)

    def holding(self, register: int, value: int | None) -> "_State":
        registers = list(self.registers)
        registers[register] = value
        return replace(self, registers=tuple(registers))


@dataclass(slots=True)
class _Found:
    """The cycles from a state on to an INPUT or the end, in all and by tokens emitted.

    `endless` says that a way may lead in a circle, so that nothing bounds the worst case; `halts`
    that one leads to the end.
    """

    span: Span | None = None
    tokens: dict[int, Span] = field(default_factory=dict)
    endless: bool = False
    halts: bool = False

    def include(self, cycles: int, emits: int, rest: "_Found", most: int) -> None:
        """One way to go on: so many cycles and tokens, then the rest; `most` tokens count."""
        self.endless |= rest.endless
        self.halts |= rest.halts
        if rest.span is None:
            return
        step = Span(cycles, None if self.endless else cycles)
        self.span = step + rest.span if self.span is None else self.span | (step + rest.span)
        for count, span in rest.tokens.items():
            total, one = count + emits, step + span
            if total <= most:
                self.tokens[total] = self.tokens[total] | one if total in self.tokens else one


_HALT = _Found(Span(0, 0), {0: Span(0, 0)}, halts=True)
_INPUT = _Found(Span(0, 0), {0: Span(0, 0)})
_CIRCLE = _Found(endless=True)
_Way = tuple[int, int, _State | _Found]
"""Cycles, tokens, and the state that follows, or what does."""


class _Explorer:
    def __init__(self, durations: Durations) -> None:
        self.issuer = Issuer(durations)
        self.program = self.issuer.program
        self.found: dict[_State, _Found] = {}
        self.inputs: dict[_State, None] = {}
        longest = max((i.value for i in self.program if isinstance(i, Set)), default=0)
        self.most = _MOST_TOKENS if longest < _LONG_LOOP else 0

    def bounds(self, entry: int) -> Bounds | None:
        tables = empty(self.issuer.durations.image.config)
        start = self.explore(_State(entry, (0,) * REGISTERS, tables=tables))
        frame, end, asked, seen = _Found(), _Found(), _Found(), set[_State]()
        while len(seen) < len(self.inputs):
            state = next(s for s in self.inputs if s not in seen)
            seen.add(state)
            i = self.program[state.pc]
            self.read(frame, state, state.pc + 1)
            self.read(end, replace(state, ended=True), i.end)
            if request := i.fields.get("request"):
                self.read(asked, state, request, features=0)
        if start.span is None or frame.span is None or end.span is None:
            return None
        if start.halts or frame.halts:
            end.span |= Span(0, 0)
        tokens = dict(sorted(frame.tokens.items()))
        return Bounds(
            start=start.span, frame=frame.span, tokens=tokens, end=end.span, request=asked.span
        )

    def meet(self, state: _State, features: int | None = None) -> Issue:
        """The state's instruction; after the end of input an INPUT meets it at once."""
        if state.ended and self.issuer.turns[state.pc].blocks:
            features = 0
        return self.issuer.meet(state.pc, state.flight, state.tables, features=features)

    def read(self, found: _Found, begun: _State, pc: int, *, features: int | None = None) -> None:
        """Include what follows an INPUT that has begun, at `pc`; it finds so many `features`."""
        step = self.meet(begun, features)
        takes = step.done - step.begins
        after_it = replace(begun, pc=pc, flight=begun.flight.later(takes))
        found.include(takes, 0, self.explore(after_it), self.most)

    def explore(self, first: _State) -> _Found:
        """All ways from a state on; depth first, without recursion."""
        passed: dict[_State, list[_Way]] = {}
        todo, closed = [first], list[_State]()
        while todo:
            state = todo[-1]
            if state in self.found:
                todo.pop()
            elif state in passed:
                # What follows is found, but for states that this one itself follows.
                todo.pop()
                self.found[state] = self._total(passed[state])
                closed.append(state)
            else:
                passed[state] = list(self.ways(state))
                following = [s for _, _, s in passed[state] if isinstance(s, _State)]
                todo += [s for s in following if s not in self.found and s not in passed]
        changed = self.found[first].endless
        while changed:
            # Circles: what was not found the first time is now; it only ever gets better.
            changed = False
            for state in closed:
                found = self._total(passed[state])
                changed |= found != self.found[state]
                self.found[state] = found
        return self.found[first]

    def _total(self, ways: list[_Way]) -> _Found:
        result = _Found()
        # The circles first: they take away the bound of all.
        parts = [s if isinstance(s, _Found) else self.found.get(s, _CIRCLE) for _, _, s in ways]
        result.endless = any(part.endless for part in parts)
        for (cycles, emits, _), part in zip(ways, parts, strict=True):
            result.include(cycles, emits, part, self.most)
        return result

    def ways(self, state: _State) -> Iterator[_Way]:
        """Go straight on to where the path may part, and in all directions from there."""
        cycles = emits = 0
        while True:
            pc, i = state.pc, self.program[state.pc]
            try:
                met = self.meet(state)
            except NotLoaded:
                return
            cycles += met.begins
            flight = state.flight.later(met.begins)
            if met.turn.blocks and state.ended:
                takes = met.done - met.begins
                cycles += takes
                state = replace(state, pc=i.end, flight=flight.later(takes))
                if i.end <= pc:  # perhaps in a circle
                    yield cycles, emits, state
                    return
                continue
            if met.turn.blocks:
                unknown: tuple[int | None, ...] = (None,) * REGISTERS
                self.inputs[replace(state, registers=unknown, flight=flight)] = None
                yield cycles, emits, _INPUT
                return
            if met.turn.unit is not None:
                flight = flight.begun(met.turn.unit, met.duration, NOBODY)
            emits += i.emits
            following = self.step(replace(state, flight=flight), i)
            if len(following) != 1 or isinstance(i, Loop) or following[0].pc <= pc:
                yield from ((cycles, emits, s) for s in following)
                if not following:
                    yield cycles, emits, _HALT
                return
            state = following[0]

    def step(self, state: _State, i: Instruction) -> list[_State]:
        """The states that may follow; none after the end."""
        tables = after(i, state.tables)
        return [
            replace(state, pc=way.pc, registers=way.registers, stack=way.stack, tables=tables)
            for way in i.ways(Control(state.pc, state.registers, state.stack))
        ]
