"""Programs as text, which `assemble` reads back to the same words."""

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.lib import data, enum

from sordino.compiler.program import TARGETS
from sordino.isa.instructions import EXTENSIONS, Instruction, Opcode, Unit, field_layout

__all__ = ["BESIDE", "disassemble", "field_enum"]

BESIDE = "beside"
"""Written like a field, with the names of units joined by +; left out when there are none."""

_LAYER_COLUMN = 96


def field_enum(opcode: Opcode, name: str) -> Any:
    """The enumeration that a field holds; None for numbers and unknown fields."""
    field = field_layout(opcode).get(name)
    shape = field.shape if field is not None else None
    return shape if isinstance(shape, type) and issubclass(shape, enum.Enum) else None


def _names(program: Sequence[Instruction], labels: Mapping[str, int]) -> dict[int, list[str]]:
    """Labels by address; targets without one get a name of their own."""
    names: dict[int, list[str]] = {}
    for name, address in sorted(labels.items()):
        names.setdefault(address, []).append(name)
    for instruction in program:
        for field in TARGETS:
            target = instruction.fields.get(field)
            if target is not None and target not in names and target < len(program):
                names[target] = [f"at_{target}"]
    return names


def _extension(opcode: Opcode) -> set[str]:
    """Fields that are left out where they are 0."""
    layout = EXTENSIONS.get(opcode)
    return {str(name) for name, _ in data.Layout.cast(layout)} if layout is not None else set()


def _line(address: int, instruction: Instruction, names: Mapping[int, Sequence[str]]) -> str:
    words = [f"{address:6d}  {instruction.opcode.name:<7}"]
    hidden = _extension(instruction.opcode)
    for name, value in instruction.fields.items():
        if name in hidden and not value:
            continue
        kind = field_enum(instruction.opcode, name)
        if name in TARGETS and value in names:
            text = names[value][0]
        elif kind is not None and value in (member.value for member in kind):
            text = kind(value).name
        else:
            text = str(value)
        words.append(f"{name}={text}")
    if instruction.beside:
        words.append(
            f"{BESIDE}={'+'.join(str(unit.name) for unit in Unit if unit in instruction.beside)}"
        )
    line = " ".join(words)
    return f"{line:<{_LAYER_COLUMN}} ; {instruction.layer}" if instruction.layer else line.rstrip()


def disassemble(program: Sequence[Instruction], labels: Mapping[str, int] | None = None) -> str:
    """One line an instruction: address, operation, all fields, `;` and its layer.

    `labels` names addresses. Targets without a name get one.
    """
    names = _names(program, labels or {})
    lines = []
    for address, instruction in enumerate(program):
        lines += [f"{name}:" for name in names.get(address, ())]
        lines.append(_line(address, instruction, names))
    return "".join(f"{line}\n" for line in lines)
