"""The clock loop: what an instruction decodes, what it takes, when it begins, what it leaves.

Whoever asks when instructions begin goes this way, address by address: the cycles engine, the time
of a trace, a frame's timeline, a frame's bounds.
"""

from typing import NamedTuple

from sordino.cycles.durations import Durations
from sordino.cycles.schedule import IDLE, Clock, Flight, Turn, turns
from sordino.cycles.tables import Decoding, Tables, after, decoding, empty
from sordino.isa import timing

__all__ = ["Issue", "Issuer", "Passage"]


class Issue(NamedTuple):
    """An instruction that is met while others are at work.

    address   in the program
    turn      how it takes its turn
    decoded   the tables that it decodes with, if it is a MATVEC
    begins    the cycle in which it begins
    duration  cycles from its unit's start to its done; 0 if the sequencer executes it
    """

    address: int
    turn: Turn
    decoded: Decoding | None
    begins: int
    duration: int

    @property
    def start(self) -> int:
        """The cycle of its unit's start."""
        return self.begins + timing.UNIT_START

    @property
    def done(self) -> int:
        """The cycle in which it is done."""
        return self.begins if self.turn.unit is None else self.start + self.duration


class Issuer:
    """A program whose instructions are met one after the other."""

    def __init__(self, durations: Durations) -> None:
        self.durations = durations
        self.program = durations.image.program
        self.turns = turns(self.program)

    def meet(
        self,
        address: int,
        flight: Flight,
        tables: Tables,
        *,
        features: int | None = None,
        now: int = 0,
    ) -> Issue:
        """The instruction at `address`, where in cycle `now` `flight` is at work.

        An INPUT finds `features` before the end of input; None: all that it wants. NotLoaded for a
        MATVEC without its tables.
        """
        turn = self.turns[address]
        begins = now + flight.wait(turn.awaits)
        if turn.unit is None:
            return Issue(address, turn, None, begins, 0)
        decoded = decoding(self.program[address], tables)
        if features is None:
            return Issue(address, turn, decoded, begins, self.durations.at(address, decoded))
        return Issue(address, turn, decoded, begins, self.durations.short_input(features))

    def after(self, address: int, tables: Tables) -> Tables:
        """The tables that the decoders hold after the instruction at `address`."""
        return after(self.program[address], tables)


class Passage:
    """One way through a program: the time that passes, and the tables that the decoders hold.

    It begins with `flight` at work and with `tables`, by default as at power-up.
    """

    def __init__(self, issuer: Issuer, flight: Flight = IDLE, tables: Tables | None = None) -> None:
        self.issuer = issuer
        self.clock = Clock(flight=flight)
        self.tables = empty(issuer.durations.image.config) if tables is None else tables

    def due(self, address: int) -> int:
        """The cycle in which the instruction at `address` begins if it comes next."""
        return self.clock.due(self.issuer.turns[address].awaits)

    def meet(self, address: int, features: int | None = None) -> Issue:
        """The instruction at `address`, which comes next; as `Issuer.meet`."""
        clock = self.clock
        return self.issuer.meet(
            address, clock.flight, self.tables, features=features, now=clock.now
        )

    def begin(self, step: Issue) -> None:
        """Time passes until it begins; an INPUT, until it is done."""
        self.clock.reach(step.begins, step.address)
        self.clock.begin(step.turn, step.duration, step.address)
        self.tables = self.issuer.after(step.address, self.tables)

    def take(self, address: int, features: int | None = None) -> Issue:
        """Meet the next instruction and let it begin."""
        step = self.meet(address, features)
        self.begin(step)
        return step
