"""How instructions follow one another in time: strictly one after the other.

Everything that knows this is here; what an instruction's unit takes is `durations`' business.
"""

from dataclasses import dataclass, field

from amaranth.lib import enum

from sordino.isa.instructions import Opcode
from sordino.rtl.sequencer import SEQUENCER_CYCLES

__all__ = ["UNITS", "Clock", "Unit", "instruction_cycles"]


class Unit(enum.Enum, shape=2):
    """Who executes an instruction; the names are those of the counters."""

    SEQUENCER = 0
    TABLE = 1
    MATVEC = 2
    VECTOR = 3


UNITS: dict[Opcode, Unit] = {
    **dict.fromkeys(Opcode, Unit.VECTOR),
    **dict.fromkeys(
        (
            *(Opcode.HALT, Opcode.SET, Opcode.JUMP, Opcode.CALL, Opcode.RETURN, Opcode.LOOP),
            *(Opcode.BRANCH, Opcode.EMIT),
        ),
        Unit.SEQUENCER,
    ),
    Opcode.TABLE: Unit.TABLE,
    Opcode.MATVEC: Unit.MATVEC,
}


def instruction_cycles(duration: int) -> int:
    """Cycles of an instruction whose unit takes `duration` (0: the sequencer executes it)."""
    return duration + SEQUENCER_CYCLES


@dataclass
class Clock:
    """Time that passes as instructions execute, until `limit` cycles (0: no limit).

    now   cycles since START
    busy  of these, how many each unit worked
    """

    limit: int = 0
    now: int = 0
    busy: dict[Unit, int] = field(default_factory=lambda: dict.fromkeys(Unit, 0))

    @property
    def expired(self) -> bool:
        """Whether the limit is reached: what ended in that very cycle did still end."""
        return 0 < self.limit <= self.now

    def execute(self, unit: Unit, duration: int) -> bool:
        """One instruction; false if the limit comes before its end, which is then `now`."""
        end = self.now + instruction_cycles(duration)
        if 0 < self.limit < end:
            self.busy[unit] += max(0, self.limit - self.now - instruction_cycles(0))
            self.now = self.limit
            return False
        self.busy[unit] += duration
        self.now = end
        return True
