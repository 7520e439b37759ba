"""Best and worst case of a frame, and of all that a host may ask for, from the program alone.

Every path from one INPUT to the next is followed, with the registers as far as they are known: SET
and LOOP tell them, what ARGMAX finds may be anything, and so may all of them where a frame begins.
With them goes what the units still have to do, so that every path's time is exact; where paths meet
again with the same left to do, they are followed as one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sordino.cycles.durations import Durations, NotLoaded
from sordino.cycles.issue import Issue, Issuer
from sordino.cycles.schedule import IDLE, NOBODY, Flight
from sordino.cycles.spans import Bounds, Span
from sordino.cycles.tables import NO_TABLES, Tables, after, empty
from sordino.image.image import Image
from sordino.isa.instruction import REGISTERS, Control, Instruction
from sordino.isa.operations import Branch, Loop, Set, Take

__all__ = ["Bounds", "Span", "entry_bounds", "frame_bounds"]

_MOST_TOKENS = 64
"""Token counts that are kept apart."""
_LONG_LOOP = 1024
"""With a loop that may be so long none but 0 is: there would be too many to keep."""


def frame_bounds(
    image: Image, *, entry: str = "main", durations: Durations | None = None
) -> Bounds | None:
    """Bounds of a program that reads input from one or more INPUTs; None if it never does.

    It begins at power-up, without tables.
    """
    found = _Explorer(durations or Durations(image)).bounds(image.entry(entry))
    return found if isinstance(found, Bounds) else None


def entry_bounds(
    image: Image, *, durations: Durations | None = None
) -> dict[str, Bounds | Span | None]:
    """Bounds of every entry point, by its name.

    Of one that reads no input it is the span from START to HALT. Before it there were none or any
    runs of all entry points, each to its HALT, so that it finds the tables that one of them left.
    None where no time is known, since it never halts, or takes a product without its tables.
    """
    known = durations or Durations(image)
    entries = {name: image.entry(name) for name in image.entries}
    found: dict[str, Bounds | Span | None] = dict.fromkeys(entries)
    left = {empty(image.config)}
    tried = set[tuple[str, Tables]]()
    while todo := [(n, t) for n in entries for t in left if (n, t) not in tried]:
        for name, tables in todo:
            tried.add((name, tables))
            explorer = _Explorer(known)
            found[name] = _both(found[name], explorer.bounds(entries[name], tables))
            left |= explorer.halted
    return found


def _both(one: Bounds | Span | None, other: Bounds | Span | None) -> Bounds | Span | None:
    """What holds for both; where one of them reads no input, what holds for the other."""
    if isinstance(one, Bounds) and isinstance(other, Bounds):
        return one | other
    if isinstance(one, Span) and isinstance(other, Span):
        return one | other
    return one if isinstance(one, Bounds) else other or one


def _parts(image: Image) -> Iterator[tuple[str, list[range]]]:
    """The addresses of each network, where they are its own."""
    for name, network in image.host.networks.items():
        yield name, [range(first, first + count) for first, count in network.program]


@dataclass(frozen=True, slots=True)
class _State:
    """The state before an instruction is read; registers are None where anything may be in them.

    ended    channels whose input has ended: every INPUT meets the end again
    free     whether the input of any other channel may end
    request  what TAKE finds, where that is known
    """

    pc: int
    registers: tuple[int | None, ...]
    stack: tuple[int, ...] = ()
    tables: Tables = NO_TABLES
    flight: Flight = IDLE
    ended: frozenset[int] = frozenset()
    free: bool = False
    request: int | None = None

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
        self.channels = frozenset[int]()
        """Those that frames come on; an INPUT on another one is a part of the way."""
        self.halted = set[Tables]()
        """What a run leaves in the decoders."""
        self.parts = {name: parts for name, parts in _parts(durations.image) if parts}
        """The addresses of each network whose instructions stand by themselves."""
        self.begun = {part[0]: set[_State]() for one in self.parts.values() for part in one}
        """In which states a part begins, by its first address."""
        self.inside: range | None = None
        """What is timed ends where this part does."""
        longest = max((i.value for i in self.program if isinstance(i, Set)), default=0)
        self.most = _MOST_TOKENS if longest < _LONG_LOOP else 0

    def bounds(self, entry: int, tables: Tables | None = None) -> Bounds | Span | None:
        """The bounds from START on, by default without tables; a Span where no input is read."""
        tables = empty(self.issuer.durations.image.config) if tables is None else tables
        start = self.explore(_State(entry, (0,) * REGISTERS, tables=tables))
        self.channels = frozenset(self.channel(state.pc) for state in self.inputs)
        frame, end, asked, seen = _Found(), _Found(), _Found(), set[_State]()
        known = {number: _Found() for number in self.requests()}
        while len(seen) < len(self.inputs):
            state = next(s for s in self.inputs if s not in seen)
            seen.add(state)
            i = self.program[state.pc]
            self.read(frame, state, state.pc + 1)
            over = replace(state, ended=frozenset({self.channel(state.pc)}), free=True)
            self.read(end, over, i.end)
            if request := i.fields.get("request"):
                self.read(asked, replace(state, free=True), request, features=0)
                for number, found in known.items():
                    self.read(found, replace(state, request=number), request, features=0)
        if not self.inputs:
            return start.span
        if start.span is None or frame.span is None or end.span is None:
            return None
        if start.halts or frame.halts:
            end.span |= Span(0, 0)
        return Bounds(
            start=start.span,
            frame=frame.span,
            tokens=dict(sorted(frame.tokens.items())),
            end=end.span,
            request=asked.span,
            requests={n: found.span for n, found in known.items() if found.span is not None},
            networks={n: span for n in self.parts if (span := self.network(n)) is not None},
        )

    def network(self, name: str) -> Span | None:
        """A network that runs in a frame or on request, from its beginning to that of what follows.

        None where it is never reached.
        """
        found: Span | None = None
        for part in self.parts[name]:
            for state in self.begun[part[0]]:
                other = _Explorer(self.issuer.durations)
                other.inside = part
                span = other.explore(state).span
                if span is not None:
                    span = span.less(self.meet(state).begins)
                    found = span if found is None else found | span
        return found

    def channel(self, pc: int) -> int:
        """The channel of an INPUT."""
        return int(self.program[pc].fields.get("channel", 0))

    def requests(self) -> list[int]:
        """The requests that the program compares what it takes with."""
        taken = {i.register for i in self.program if isinstance(i, Take)}
        compared = {i.value for i in self.program if isinstance(i, Branch) and i.register in taken}
        return sorted(compared - {0})

    def meet(self, state: _State, features: int | None = None) -> Issue:
        """The state's instruction; after the end of input an INPUT meets it at once."""
        if self.issuer.turns[state.pc].blocks and self.channel(state.pc) in state.ended:
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
            if self.inside is not None and pc not in self.inside:
                yield cycles + self.meet(state).begins, emits, _INPUT
                return
            if pc in self.begun and not state.free:
                self.begun[pc].add(state)
            try:
                met = self.meet(state)
            except NotLoaded:
                return
            cycles += met.begins
            flight = state.flight.later(met.begins)
            if met.turn.blocks:
                if self.stops(state):
                    yield cycles, emits, self.stopped(replace(state, flight=flight))
                    return
                ways = list(self.through(replace(state, flight=flight), met))
                if len(ways) > 1 or ways[0][1].pc <= pc:  # perhaps in a circle
                    yield from ((cycles + takes, emits, after_it) for takes, after_it in ways)
                    return
                cycles, state = cycles + ways[0][0], ways[0][1]
                continue
            if met.turn.unit is not None:
                flight = flight.begun(met.turn.unit, met.duration, NOBODY)
            emits += i.emits
            following = self.step(replace(state, flight=flight), i)
            if len(following) != 1 or isinstance(i, Loop) or following[0].pc <= pc:
                yield from ((cycles, emits, s) for s in following)
                if not following:
                    self.halted.add(state.tables)
                    yield cycles, emits, _HALT
                return
            state = following[0]

    def stops(self, state: _State) -> bool:
        """Whether a frame ends at an INPUT: not where it meets the end, or is a part of the way."""
        channel = self.channel(state.pc)
        if self.inside is not None:
            return False
        return channel not in state.ended and (not self.channels or channel in self.channels)

    def stopped(self, state: _State) -> _Found:
        """Remember an INPUT at which a frame ends, whatever registers hold."""
        unknown: tuple[int | None, ...] = (None,) * REGISTERS
        self.inputs[_State(state.pc, unknown, state.stack, state.tables, state.flight)] = None
        return _INPUT

    def through(self, state: _State, met: Issue) -> Iterator[tuple[int, _State]]:
        """The ways on from an INPUT that has begun and at which no frame ends, and their cycles."""
        i, channel = self.program[state.pc], self.channel(state.pc)
        takes = met.done - met.begins
        if channel not in state.ended:
            yield takes, replace(state, pc=state.pc + 1, flight=state.flight.later(takes))
            if not state.free:
                return
            takes = self.issuer.durations.short_input(0) + met.start - met.begins
            state = replace(state, ended=state.ended | {channel})
        yield takes, replace(state, pc=i.end, flight=state.flight.later(takes))

    def step(self, state: _State, i: Instruction) -> list[_State]:
        """The states that may follow; none after the end."""
        tables = after(i, state.tables)
        if isinstance(i, Take):
            taken = state.at(state.pc + 1).holding(i.register, state.request)
            return [replace(taken, request=None)]
        return [
            replace(state, pc=way.pc, registers=way.registers, stack=way.stack, tables=tables)
            for way in i.ways(Control(state.pc, state.registers, state.stack))
        ]
