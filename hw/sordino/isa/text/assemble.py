"""Programs from text.

    # a comment line
    label:
        12  MATVEC source=0 columns=117 rows=16 matrix=0 slot=1 shift=2 overlaps=VECTOR  ; encoder.0

The address is optional and must be right. Fields that are left out are 0; enumerations are given
by name, targets by label or address, the units of `overlaps` by name with + between them; what
follows `;` is the layer.
"""

import re
from collections.abc import Mapping
from typing import Any

from sordino.files import text_lines
from sordino.isa.encoding import EncodingError
from sordino.isa.fields import Kind
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.instruction_set import InstructionSet
from sordino.isa.operations import ISA
from sordino.isa.text.disassemble import OVERLAPS
from sordino.isa.text.program import ProgramBuilder

__all__ = ["AssemblyError", "assemble"]

_LABEL = re.compile(r"([A-Za-z_][\w.]*):")
_NUMBER = re.compile(r"-?(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})")
_ADDRESS = re.compile("[0-9]{1,20}")


class AssemblyError(ValueError):
    """Text that is no program; the message names the line."""


def assemble(
    text: str, isa: InstructionSet = ISA
) -> tuple[tuple[Instruction, ...], Mapping[str, int]]:
    """The program and its labels; AssemblyError for what cannot be read."""
    builder = ProgramBuilder()
    for number, raw in enumerate(text_lines(text.removeprefix("\ufeff")), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            if match := _LABEL.fullmatch(line):
                builder.label(match[1])
            else:
                _instruction(builder, line, isa)
        except EncodingError as error:
            raise AssemblyError(f"line {number}: {error}") from None
    try:
        return builder.finish(), builder.labels
    except EncodingError as error:
        raise AssemblyError(str(error)) from None


def _instruction(builder: ProgramBuilder, line: str, isa: InstructionSet) -> None:
    code, _, layer = line.partition(";")
    words = code.split()
    if words and _ADDRESS.fullmatch(words[0]):
        if int(words[0]) != len(builder):
            raise EncodingError(f"address {words[0]}, this is instruction {len(builder)}")
        words = words[1:]
    name = words[0].upper() if words else ""
    operation = isa.named(name)
    fields: dict[str, int | str] = {}
    for word in words[1:]:
        field, equals, text = word.partition("=")
        if not equals or field in fields:
            raise EncodingError(f"wanted each field once as name=value, got {word!r}")
        fields[field] = _value(operation, field, text)
    # Checked here, where the line is known; targets are resolved at the end.
    known: dict[str, Any] = {name: 0 if isinstance(v, str) else v for name, v in fields.items()}
    operation(**known).encode()
    builder.emit(operation, layer.strip(), **fields)


def _value(operation: type[Instruction], name: str, text: str) -> int | str:
    if _NUMBER.fullmatch(text):
        return int(text, 0) if "x" in text else int(text)
    if name == OVERLAPS:
        return _units(text)
    field = operation.FIELDS.get(name)
    if field is not None and field.meaning.kind is Kind.ADDRESS:
        return text
    choices = field.choices if field is not None else None
    if choices is not None and text.upper() in choices.__members__:
        return int(choices[text.upper()].value)
    raise EncodingError(f"wanted a number for {operation.mnemonic} {name}, got {text!r}")


def _units(text: str) -> int:
    units = 0
    for name in text.upper().split("+"):
        if name not in Unit.__members__:
            raise EncodingError(f"wanted units with + between them, got {text!r}")
        units |= Unit[name].value
    return units
