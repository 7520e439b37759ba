"""A program under construction: instructions in order, targets by label."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sordino.isa.encoding import EncodingError
from sordino.isa.instructions import Instruction, Opcode

__all__ = ["TARGETS", "Banks", "ProgramBuilder"]

TARGETS = ("target", "end")
"""Fields that hold a program address."""


class Banks(Iterator[int]):
    """Both accumulator banks in turn; `ahead` is the one that comes next."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead

    def __next__(self) -> int:
        self.ahead = 1 - self.ahead
        return 1 - self.ahead


@dataclass
class ProgramBuilder:
    """Collects instructions; a target may be a label that comes later."""

    labels: dict[str, int] = field(default_factory=dict)
    _pending: list[tuple[Opcode, str, dict[str, Any]]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._pending)

    def label(self, name: str) -> None:
        """Name the address of the next instruction; EncodingError for a name used before."""
        if name in self.labels:
            raise EncodingError(f"label {name!r} stands twice")
        self.labels[name] = len(self._pending)

    def emit(self, opcode: Opcode, layer: str = "", **fields: Any) -> None:
        """Append an instruction; fields as for `Instruction.make`, targets also by label."""
        self._pending.append((opcode, layer, fields))

    def finish(self) -> tuple[Instruction, ...]:
        """The program; EncodingError for an unknown label or a field that does not fit."""
        program = []
        for opcode, layer, fields in self._pending:
            values = {
                name: self._address(value) if name in TARGETS and isinstance(value, str) else value
                for name, value in fields.items()
            }
            instruction = Instruction.make(opcode, layer, **values)
            instruction.encode()
            program.append(instruction)
        return tuple(program)

    def _address(self, label: str) -> int:
        if label not in self.labels:
            raise EncodingError(f"no label {label!r} in the program")
        return self.labels[label]
