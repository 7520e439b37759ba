"""Programs from text.

    # a comment line
    label:
        12  MATVEC source=0 columns=117 rows=16 matrix=0 slot=1 shift=2 beside=VECTOR   ; encoder.0

The address is optional and must be right. Fields that are left out are 0; enumerations are given
by name, targets by label or address, the units of `beside` by name with + between them; what
follows `;` is the layer.
"""

import re
from collections.abc import Mapping
from typing import Any

from sordino.compiler.disassemble import BESIDE, field_enum
from sordino.compiler.program import TARGETS, ProgramBuilder
from sordino.files import text_lines
from sordino.isa.encoding import EncodingError
from sordino.isa.instructions import Instruction, Opcode, Unit

__all__ = ["AssemblyError", "assemble"]

_LABEL = re.compile(r"([A-Za-z_][\w.]*):")
_NUMBER = re.compile(r"-?(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})")
_ADDRESS = re.compile("[0-9]{1,20}")


class AssemblyError(ValueError):
    """Text that is no program; the message names the line."""


def assemble(text: str) -> tuple[tuple[Instruction, ...], Mapping[str, int]]:
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
                _instruction(builder, line)
        except EncodingError as error:
            raise AssemblyError(f"line {number}: {error}") from None
    try:
        return builder.finish(), builder.labels
    except EncodingError as error:
        raise AssemblyError(str(error)) from None


def _instruction(builder: ProgramBuilder, line: str) -> None:
    code, _, layer = line.partition(";")
    words = code.split()
    if words and _ADDRESS.fullmatch(words[0]):
        if int(words[0]) != len(builder):
            raise EncodingError(f"address {words[0]}, this is instruction {len(builder)}")
        words = words[1:]
    name = words[0].upper() if words else ""
    if name not in Opcode.__members__:
        raise EncodingError(f"wanted an operation, got {name or 'nothing'!r}")
    opcode = Opcode[name]
    fields: dict[str, int | str] = {}
    for word in words[1:]:
        field, equals, text = word.partition("=")
        if not equals or field in fields:
            raise EncodingError(f"wanted each field once as name=value, got {word!r}")
        fields[field] = _value(opcode, field, text)
    # Checked here, where the line is known; targets are resolved at the end.
    known: dict[str, Any] = {name: 0 if isinstance(v, str) else v for name, v in fields.items()}
    Instruction.make(opcode, **known).encode()
    builder.emit(opcode, layer.strip(), **fields)


def _value(opcode: Opcode, field: str, text: str) -> int | str:
    if _NUMBER.fullmatch(text):
        return int(text, 0) if "x" in text else int(text)
    if field == BESIDE:
        return _units(text)
    if field in TARGETS:
        return text
    kind = field_enum(opcode, field)
    if kind is not None and text.upper() in kind.__members__:
        return int(kind[text.upper()].value)
    raise EncodingError(f"wanted a number for {opcode.name} {field}, got {text!r}")


def _units(text: str) -> int:
    units = 0
    for name in text.upper().split("+"):
        if name not in Unit.__members__:
            raise EncodingError(f"wanted units with + between them, got {text!r}")
        units |= Unit[name].value
    return units
