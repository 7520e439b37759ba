"""A set of operations: what a machine, a program or a tool understands.

Everything that reads instructions takes such a set as an argument. So a new operation can be tried
without changing anything global: `ISA.extended(MyOperation)`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from amaranth.lib import data, enum

from sordino.isa.encoding import EncodingError
from sordino.isa.fields import FIRST_VERSION
from sordino.isa.instruction import ARGUMENT_BITS, OPCODE_BITS, Instruction, Unit

__all__ = ["InstructionSet"]

Operation = type[Instruction]


class InstructionSet:
    """Operations by opcode and by mnemonic. ValueError if two share an opcode or a mnemonic.

    opcodes  an Amaranth enumeration of the opcodes, whose members are called by the mnemonics
    word     layout of an instruction word in the circuit: `opcode`, `overlaps` and `arguments`;
             `arguments` is a union of the layouts of all operations, called by their mnemonics in
             small letters, and of `raw`, all bits as one number
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        given = tuple(operations)
        for operation in given:
            if not (isinstance(operation, type) and issubclass(operation, Instruction)):
                raise TypeError(f"wanted operations, got {operation!r}")
            if operation is Instruction:
                raise TypeError("wanted operations, got Instruction itself")
        self.operations = tuple(sorted(given, key=lambda operation: operation.number))
        self._by_code = {operation.number: operation for operation in self.operations}
        self._by_name = {operation.mnemonic: operation for operation in self.operations}
        if not len(self._by_code) == len(self._by_name) == len(self.operations):
            names = ", ".join(f"{o.mnemonic} {o.number}" for o in _repeated(self.operations))
            raise ValueError(f"wanted every opcode and every mnemonic once, got {names}")
        self.opcodes: Any = _opcodes(self._by_name)
        layouts: dict[str, Any] = {o.mnemonic.lower(): o.layout for o in self.operations}
        arguments = data.UnionLayout({**layouts, "raw": ARGUMENT_BITS})
        self.word = data.StructLayout(
            {"opcode": self.opcodes, "overlaps": Unit, "arguments": arguments}
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InstructionSet) and self.operations == other.operations

    def __hash__(self) -> int:
        return hash(self.operations)

    def __reduce__(self) -> tuple[Any, ...]:
        return InstructionSet, (self.operations,)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def __contains__(self, operation: object) -> bool:
        return operation in self.operations

    @property
    def version(self) -> int:
        """The least version that has all operations, fields and choices of the set."""
        versions = {FIRST_VERSION, *(operation.since for operation in self)}
        for operation in self:
            for field in operation.FIELDS.values():
                members = [m.value for m in field.choices] if field.choices else [1]
                versions |= {field.since(value) for value in members}
        return max(versions)

    def extended(self, *operations: Operation) -> "InstructionSet":
        """A copy of the set with further operations."""
        return InstructionSet((*self.operations, *operations))

    def named(self, mnemonic: str) -> Operation:
        """The operation with this mnemonic; EncodingError if there is none."""
        if mnemonic not in self._by_name:
            raise EncodingError(f"wanted an operation, got {mnemonic or 'nothing'!r}")
        return self._by_name[mnemonic]

    def decode(self, word: int, layer: str = "") -> Instruction:
        """The instruction that a 128-bit word encodes.

        EncodingError is raised for an unknown opcode, and for set bits outside of the fields.
        """
        number = word & ((1 << OPCODE_BITS) - 1)
        if number not in self._by_code:
            raise EncodingError(f"unknown opcode {number} in word {word:#034x}")
        return self._by_code[number].of_word(word, layer)


def _repeated(operations: tuple[Operation, ...]) -> list[Operation]:
    """The operations whose opcode or mnemonic another has."""
    codes = [operation.number for operation in operations]
    names = [operation.mnemonic for operation in operations]
    return [o for o in operations if codes.count(o.number) > 1 or names.count(o.mnemonic) > 1]


def _opcodes(operations: dict[str, Operation]) -> Any:
    """An Amaranth enumeration of the opcodes by mnemonic."""
    bases = (enum.Enum,)
    members = enum.EnumMeta.__prepare__("Opcode", bases, shape=OPCODE_BITS)
    for name, operation in operations.items():
        members[name] = operation.number
    return enum.EnumMeta("Opcode", bases, members, shape=OPCODE_BITS)
