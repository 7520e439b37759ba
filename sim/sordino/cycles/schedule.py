"""How instructions follow one another in time on units that work side by side.

Everything that knows this is here; what a unit takes is `durations`' business. Instructions begin
in program order, SEQUENCER_CYCLES (`isa.timing`) apart or more, each when the units that it waits
for are idle. What begins in cycle c on a unit that takes d is at work from c + UNIT_START, its
start, to c + UNIT_START + d, its done. Own instructions of the sequencer are done in the cycle in
which they begin.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sordino.isa import timing
from sordino.isa.hazards import waits
from sordino.isa.instruction import UNITS, Instruction, Unit

__all__ = ["ARRAY", "COUNTED", "EVERY", "IDLE", "NOBODY", "Clock", "Flight", "Turn", "turns"]

COUNTED = tuple({"ARRAY": "matvec"}.get(str(u.name), str(u.name).lower()) for u in UNITS)
"""The counter of each unit."""
EVERY = tuple(range(len(UNITS)))
"""All units, by number."""
ARRAY = UNITS.index(Unit.ARRAY)
NOBODY = -1


class Turn(NamedTuple):
    """How an instruction takes its turn.

    unit    the number of the one that executes it; None: the sequencer
    awaits  the units that are idle when it begins
    blocks  nothing is read before it is done: an INPUT
    """

    unit: int | None
    awaits: tuple[int, ...]
    blocks: bool


def turns(program: Sequence[Instruction]) -> list[Turn]:
    """The `Turn` of every instruction."""
    return [
        Turn(
            unit=UNITS.index(i.unit) if i.unit else None,
            awaits=tuple(number for number, unit in enumerate(UNITS) if unit & waits(i)),
            blocks=i.blocks,
        )
        for i in program
    ]


class Flight(NamedTuple):
    """What is at work, seen from a cycle: that in which an instruction began or an INPUT was done.

    left    for each unit the cycles after this one in which it is at work
    owners  addresses of what they work on, else NOBODY
    """

    left: tuple[int, ...]
    owners: tuple[int, ...]

    def wait(self, awaits: Sequence[int]) -> int:
        """Cycles from this one to that in which the next instruction begins."""
        free = (self.left[unit] + timing.UNIT_FREE for unit in awaits)
        return max(timing.SEQUENCER_CYCLES, *free, 0)

    def later(self, cycles: int) -> "Flight":
        """What is still at work so many cycles later."""
        if self is IDLE:
            return self
        left = tuple(max(0, n - cycles) for n in self.left)
        if not any(left):
            return IDLE
        owners = zip(left, self.owners, strict=True)
        return Flight(left, tuple(owner if n else NOBODY for n, owner in owners))

    def begun(self, unit: int, duration: int, address: int) -> "Flight":
        """The flight with what begins in this very cycle."""
        left, owners = list(self.left), list(self.owners)
        left[unit], owners[unit] = timing.UNIT_START + duration, address
        return Flight(tuple(left), tuple(owners))

    def shares(self, cycles: int) -> tuple[list[tuple[int, int]], int]:
        """The owners of the next cycles, (address, cycles), and cycles in which nobody is at work.

        The array goes before the vector unit, that before the table loader.
        """
        found, passed = [], 0
        for left, owner in zip(self.left, self.owners, strict=True):
            until = min(left, cycles)
            if until > passed:
                found.append((owner, until - passed))
                passed = until
        return found, cycles - passed


IDLE = Flight((0,) * len(UNITS), (NOBODY,) * len(UNITS))
"""Nothing at work, as before the first instruction, which begins as if after cycle -1."""


@dataclass
class Clock:
    """Time that passes as instructions begin.

    now      cycle in which the latest one began or, an INPUT, was done
    flight   what is at work, seen from there
    busy     for each unit, cycles of all that began there, from start to done
    exposed  by address: cycles at work that nobody goes before
    issuing  by address: cycles in which nobody is at work and it begins next, reading it included
    """

    now: int = -1
    flight: Flight = IDLE
    busy: list[int] = field(default_factory=lambda: [0] * len(UNITS))
    exposed: Counter[int] = field(default_factory=Counter)
    issuing: Counter[int] = field(default_factory=Counter)

    def due(self, awaits: Sequence[int]) -> int:
        """The cycle in which an instruction begins that waits for these units."""
        return self.now + self.flight.wait(awaits)

    def reach(self, cycle: int, address: int) -> None:
        """Time passes up to `cycle`, that included; `address` begins next."""
        shares, rest = self.flight.shares(cycle - self.now)
        for owner, cycles in shares:
            self.exposed[owner] += cycles
        if rest:
            self.issuing[address] += rest
        self.flight, self.now = self.flight.later(cycle - self.now), cycle

    def begin(self, turn: Turn, duration: int, address: int) -> None:
        """What a unit is to do begins in this very cycle; an INPUT is done at once."""
        if turn.unit is None:
            return
        self.busy[turn.unit] += duration
        self.flight = self.flight.begun(turn.unit, duration, address)
        if turn.blocks:
            self.reach(self.now + timing.UNIT_START + duration, address)

    def cut(self) -> None:
        """The machine stops in this very cycle: what is at work is not done."""
        self.busy = [n - left for n, left in zip(self.busy, self.flight.left, strict=True)]
        self.flight = IDLE

    def finish(self) -> None:
        """What is at work goes on to its end."""
        self.reach(self.now + max(self.flight.left), NOBODY)
