"""A program under construction: instructions in order, targets by label."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sordino.isa.encoding import EncodingError
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Halt, Jump

__all__ = ["Banks", "OneBank", "ProgramBuilder"]


class Banks(Iterator[int]):
    """Both accumulator banks in turn; `ahead` is the one that comes next."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead

    def __next__(self) -> int:
        self.ahead = 1 - self.ahead
        return 1 - self.ahead


class OneBank(Banks):
    """The same accumulator bank every time."""

    def __next__(self) -> int:
        return self.ahead


@dataclass
class ProgramBuilder:
    """A list of instructions in the making; a target may be a label that comes later.

    `scope` begins the name of every label, where it is set and where it is a target, so that parts
    of a program may use the same names.
    """

    labels: dict[str, int] = field(default_factory=dict)
    scope: str = ""
    _pending: list[Instruction] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._pending)

    def label(self, name: str) -> None:
        """Name the address of the next instruction; EncodingError for a name used before."""
        name = self.scope + name
        if name in self.labels:
            raise EncodingError(f"label {name!r} stands twice")
        self.labels[name] = len(self._pending)

    def append(self, instruction: Instruction) -> None:
        """Append an instruction, whose targets may be labels."""
        if self.scope:
            targets: dict[str, Any] = {
                name: self.scope + target
                for name, target in instruction.fields.items()
                if isinstance(target, str)
            }
            instruction = instruction.replace(**targets)
        self._pending.append(instruction)

    def emit(self, operation: type[Instruction], layer: str = "", **fields: Any) -> None:
        """Append an instruction of this operation."""
        self.append(operation(layer, **fields))

    def jump(self, label: str) -> None:
        """Go on at a label."""
        self.emit(Jump, target=label)

    def halt(self) -> None:
        """End the program."""
        self.emit(Halt)

    def finish(self) -> tuple[Instruction, ...]:
        """The program; EncodingError for an unknown label or a field that does not fit."""
        program = tuple(instruction.resolved(self.labels) for instruction in self._pending)
        for instruction in program:
            instruction.encode()
        return program
