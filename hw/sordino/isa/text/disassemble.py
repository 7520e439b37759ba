"""Programs as text, which `assemble` reads back to the same words."""

from collections.abc import Mapping, Sequence

from sordino.isa.fields import Kind
from sordino.isa.instruction import Instruction, Unit

__all__ = ["OVERLAPS", "disassemble"]

OVERLAPS = "overlaps"
"""Written like a field, with the names of units joined by +; left out when there are none."""

_LAYER_COLUMN = 96


def _names(program: Sequence[Instruction], labels: Mapping[str, int]) -> dict[int, list[str]]:
    """Labels by address; targets without one get a name of their own."""
    names: dict[int, list[str]] = {}
    for name, address in sorted(labels.items()):
        names.setdefault(address, []).append(name)
    for instruction in program:
        for field in instruction.meant(Kind.ADDRESS):
            target = instruction.fields[field]
            if _absent(instruction, field):
                continue
            if target not in names and target < len(program):
                names[target] = [f"at_{target}"]
    return names


def _absent(instruction: Instruction, name: str) -> bool:
    """Whether a field is not written: it came later than others, and is 0."""
    meaning = instruction.FIELDS[name].meaning
    later = meaning.streaming or meaning.since > instruction.since
    return later and not instruction.fields[name]


def _line(address: int, instruction: Instruction, names: Mapping[int, Sequence[str]]) -> str:
    words = [f"{address:6d}  {instruction.mnemonic:<7}"]
    for name, field in instruction.FIELDS.items():
        value = instruction.fields[name]
        if _absent(instruction, name):
            continue
        if field.meaning.kind is Kind.ADDRESS and value in names:
            text = names[value][0]
        elif field.choices is not None and value in (member.value for member in field.choices):
            text = field.choices(value).name
        else:
            text = str(value)
        words.append(f"{name}={text}")
    if instruction.overlaps:
        units = "+".join(str(unit.name) for unit in Unit if unit in instruction.overlaps)
        words.append(f"{OVERLAPS}={units}")
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
