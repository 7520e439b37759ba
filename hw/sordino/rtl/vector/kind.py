"""What a kind of recurrent cell does in the pipeline that all kinds share."""

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from amaranth.hdl import Mux, Value

from sordino.arch import Config
from sordino.arith import CELL_STATE, GATE
from sordino.isa import timing
from sordino.isa.instruction import Instruction

__all__ = ["ALIGN", "SUM_SHIFT", "Hold", "Keeps", "Kind", "Multiply", "of_kind"]

Hold = Callable[[Value], Value]
Multiply = Callable[[Value, Value], Value]

ALIGN = GATE.fraction - CELL_STATE.fraction
"""The product with gate 1 goes into the sum times 2 to this."""
SUM_SHIFT = 2 * GATE.fraction - CELL_STATE.fraction
"""The sum, divided by 2 to this and saturated to int16, is what `Kind.argument` gets."""


class Keeps(enum.Enum):
    """What a unit keeps for the next step in its word of state memory, and when it passes by.

    Its values are cycles from the last that presents a unit's addresses: to its state of the step
    before, at the cell, and to the new one; both again where gates come one after the other.
    """

    SUM = (
        (timing.VECTOR_VALUE, timing.VECTOR_STATE),
        (timing.VECTOR_VALUE, timing.SERIAL_STATE),
    )
    """The rounded sum: the state before comes with the pre-activations."""
    HIDDEN = (
        (timing.VECTOR_LATE, timing.VECTOR_CELL),
        (timing.SERIAL_LATE, timing.SERIAL_CELL),
    )
    """h itself, Q0.15: the state before comes with the second tanh."""

    def read(self, config: Config) -> int:
        """Cycles to the state of the step before."""
        return self._of(config)[0]

    def write(self, config: Config) -> int:
        """Cycles to the new one."""
        return self._of(config)[1]

    def _of(self, config: Config) -> tuple[int, int]:
        at_once, serial = self.value
        found: tuple[int, int] = serial if config.vector_gates == 1 else at_once
        return found


class Kind(ABC):
    """A kind of cell: what its units bring to each stage of `sordino.rtl.vector.cell.Cell`.

    operation  the instruction that computes it
    keeps      what becomes of its state
    """

    operation: ClassVar[type[Instruction]]
    keeps: ClassVar[Keeps]

    @abstractmethod
    def factor(self, sums: Sequence[Value], state: Value) -> Any:
        """What gate 1 is multiplied by, int16: of the pre-activations, and the state before."""

    @abstractmethod
    def addend(
        self, sums: Sequence[Value], gates: Sequence[Value], hold: Hold, multiply: Multiply
    ) -> Any:
        """What is added to that product times 2^ALIGN: of the gates, after sigmoid or tanh.

        `hold` gives a value of the pre-activations in the cycle in which their gates are there.
        `multiply` gives the product of gates 0 and 2, the only one that there may be.
        """

    @abstractmethod
    def argument(self, total: Value) -> Any:
        """What the second tanh is taken of, Q3.12: of the rounded sum."""

    @abstractmethod
    def offset(self, state: Value) -> Any:
        """What is taken off the second tanh before gate 3 multiplies it: of the state before."""

    @abstractmethod
    def result(self, tanh: Value, product: Value) -> Any:
        """h, from the second tanh and the product with gate 3: Q0.15 if it is kept, else int8."""


def of_kind(kind: Value, values: Sequence[Any]) -> Any:
    """The one of the values whose number `kind` is; the first for a number that none has."""
    chosen = values[0]
    for number, value in enumerate(values[1:], 1):
        chosen = Mux(kind == number, value, chosen)
    return chosen
