"""The page of the instruction set."""

from collections.abc import Iterator
from typing import Any

from sordino.isa import operations
from sordino.isa.choices import SINCE, Condition, Function, Space
from sordino.isa.fields import FIRST_VERSION, Field
from sordino.isa.instruction import HEAD_BITS, REGISTERS, STACK_DEPTH, Instruction, Unit
from sordino.isa.instruction_set import InstructionSet
from sordino.isa.operations import ISA
from sordino.isa.registers import ISA_VERSION
from sordino.reference.markdown import NOTE, docstring, table

__all__ = ["isa_page"]


def isa_page(isa: InstructionSet = ISA) -> str:
    """docs/isa.md: every operation's fields, what they mean, who executes it and how long."""
    parts = [
        NOTE,
        "# Instruction set\n\n",
        docstring(operations) + "\n\n",
        f"Version {ISA_VERSION}. {REGISTERS} registers of 16 bits, calls nest {STACK_DEPTH} deep. "
        f"The tables count bits from bit {HEAD_BITS} of the word, after opcode and `overlaps`. "
        "Bits that no field has are zero. The number in a heading is the opcode.\n",
    ]
    for operation in isa:
        parts.append(f"\n## {operation.number} {operation.mnemonic}\n\n{docstring(operation)}\n\n")
        parts.append(f"{_execution(operation)}\n\n")
        parts.append(table(("bits", "field", "type", "meaning"), _rows(operation)))
    for enum in (Unit, Condition, Function, Space):
        parts.append(f"\n## {enum.__name__}\n\n{docstring(enum)}\n\n")
        parts.append(table(("value", "name"), [(m.value, _member(m)) for m in enum]))
    return "".join(parts)


def _execution(operation: type[Instruction]) -> str:
    """Who executes an operation, and what it waits for."""
    unit = str(operation.unit.name).lower()
    parts = [f"Unit: {unit}." if operation.unit else "Executed by the sequencer itself."]
    if operation.awaits:
        units = ", ".join(str(u.name).lower() for u in Unit if u in operation.awaits)
        parts.append(f"It always waits for: {units}.")
    if operation.since != FIRST_VERSION:
        parts.append(f"Since version {operation.since}.")
    if operation.blocks:
        parts.append("Nothing begins before it is done.")
    return " ".join(parts)


def _member(member: Any) -> str:
    """The name of a member of an enumeration, and since when there is it."""
    since = SINCE.get(member, FIRST_VERSION)
    return str(member.name) + (f" (since version {since})" if since != FIRST_VERSION else "")


def _rows(operation: type[Instruction]) -> Iterator[tuple[str, str, str, str]]:
    for field in operation.FIELDS.values():
        high = field.offset + field.width - 1
        bits = f"{high}" if field.width == 1 else f"{high}:{field.offset}"
        sign = "signed" if field.signed else "unsigned"
        yield bits, f"`{field.name}`", sign, _meaning(field)


def _meaning(field: Field) -> str:
    choices = field.choices and field.choices.__name__
    text = f"one of [{choices}](#{choices.lower()})" if choices else field.meaning.text
    if field.meaning.since != FIRST_VERSION:
        text += f"; since version {field.meaning.since}"
    if field.meaning.streaming:
        text += "; streaming machines only"
    return text.lstrip("; ")
