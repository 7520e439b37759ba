"""What may be at work when an instruction begins, on whatever path the program came there.

Paths are all that the program text allows: both ways of every BRANCH, LOOP and INPUT, and from a
RETURN to the instruction after any CALL.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from sordino.arch import Config
from sordino.isa.effects import Region, conflict
from sordino.isa.instructions import Instruction, Opcode, Unit, unit_of

__all__ = ["UNITS", "Hazard", "hazards", "in_flight", "successors", "waits", "with_overlap"]

UNITS = (Unit.ARRAY, Unit.VECTOR, Unit.TABLE)
_ALL = Unit.ARRAY | Unit.VECTOR | Unit.TABLE

Hazard = tuple[int, int, Region]
"""Address of an instruction, of one that may be at work when it begins, what they both touch."""


def waits(instruction: Instruction) -> Unit:
    """The units that are idle when `instruction` begins, its own among them."""
    always = unit_of(instruction.opcode)
    if instruction.opcode is Opcode.HALT:
        always = _ALL
    elif instruction.opcode is Opcode.INPUT:
        always = Unit.ARRAY | Unit.VECTOR
    return always | (_ALL & ~instruction.beside)


def successors(program: Sequence[Instruction]) -> list[list[int]]:
    """Addresses that may come after each one."""
    returns = [at + 1 for at, i in enumerate(program) if i.opcode is Opcode.CALL]
    found: list[list[int]] = []
    for at, i in enumerate(program):
        match i.opcode:
            case Opcode.HALT:
                then = []
            case Opcode.JUMP | Opcode.CALL:
                then = [i.target]
            case Opcode.RETURN:
                then = returns
            case Opcode.LOOP | Opcode.BRANCH:
                then = [at + 1, i.target]
            case Opcode.INPUT:
                then = [at + 1, i.end]
            case _:
                then = [at + 1]
        found.append([n for n in then if n < len(program)])
    return found


def in_flight(program: Sequence[Instruction], entries: Iterable[int]) -> list[frozenset[int]]:
    """For each address, those of instructions that may be at work when it begins.

    Those are left out that its unit or its `beside` wait for. Nothing is at work at `entries`.
    """
    following = successors(program)
    units = [unit_of(i.opcode) for i in program]
    arriving: list[frozenset[int] | None] = [None] * len(program)
    left: list[frozenset[int]] = [frozenset()] * len(program)
    pending = []
    for entry in entries:
        arriving[entry] = frozenset()
        pending.append(entry)
    while pending:
        at = pending.pop()
        idle = waits(program[at])
        left[at] = frozenset(n for n in arriving[at] or () if not units[n] & idle)
        leaving = left[at]
        if units[at] and program[at].opcode is not Opcode.INPUT:
            leaving |= {at}
        for then in following[at]:
            known = arriving[then]
            if known is None or not leaving <= known:
                arriving[then] = leaving | (known or frozenset())
                pending.append(then)
    return left


def hazards(
    program: Sequence[Instruction], entries: Iterable[int], config: Config
) -> Iterator[Hazard]:
    """Every pair of instructions that may be at work together and must not."""

    @cache
    def common(a: int, b: int) -> Region | None:
        return conflict(program[a], program[b], config)

    for at, others in enumerate(in_flight(program, entries)):
        for other in sorted(others):
            region = common(other, at)
            if region is not None:
                yield at, other, region


def with_overlap(
    program: Sequence[Instruction], entries: Iterable[int], config: Config
) -> tuple[Instruction, ...]:
    """The program with as much in `beside` as is free of hazards; what it held is not looked at."""
    starts = tuple(entries)
    best = [replace(i, beside=_ALL) for i in program]
    while found := list(hazards(best, starts, config)):
        for at, other, _ in found:
            best[at] = replace(best[at], beside=best[at].beside & ~unit_of(best[other].opcode))
    # What waits anyway is not said again.
    return tuple(replace(i, beside=_ALL & ~waits(i)) for i in best)
