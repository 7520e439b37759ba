"""How long the vector unit takes."""

from sordino.arch import Config
from sordino.isa import timing
from sordino.isa.instructions import Function, Instruction, Opcode
from sordino.rtl.vector_plan import Work

__all__ = ["LATENCY", "duration"]

LATENCY: dict[Work, int] = {
    Work.INPUT: timing.VECTOR_INPUT,
    Work.FILL: timing.VECTOR_FILL,
    Work.COPY: timing.VECTOR_COPY,
    Work.EMBED: timing.VECTOR_EMBED,
    Work.VALUE: timing.VECTOR_VALUE,
    Work.TANH: timing.VECTOR_TANH,
    Work.CELL: timing.VECTOR_CELL,
    Work.ARGMAX: timing.VECTOR_ARGMAX,
}
"""Cycles from the one that presents an element's addresses to the one that has its result."""


def duration(instruction: Instruction, config: Config) -> int:
    """Cycles from `start` to `done`; those in which an INPUT waits are not counted.

    An element a cycle and a constant of `timing`, where no element counts as one. INPUT, FILL,
    COPY, EMBED and ADD have `count` elements, ARGMAX and DRAIN `rows` * lanes, CELL `units`. An
    INPUT that meets the end of input is done `timing.INPUT_END` after the cycle in which it met it.
    """
    i = instruction
    work = Work.VALUE
    match i.opcode:
        case Opcode.INPUT | Opcode.FILL | Opcode.COPY | Opcode.EMBED:
            elements, work = i.count, Work[i.opcode.name]
        case Opcode.CELL:
            elements, work = i.units, Work.CELL
        case Opcode.ARGMAX:
            elements, work = i.rows * config.lanes, Work.ARGMAX
        case Opcode.DRAIN:
            elements = i.rows * config.lanes
        case Opcode.ADD:
            elements = i.count
        case _:
            raise ValueError(f"{i.opcode.name} is not an instruction of the vector unit")
    if i.opcode in (Opcode.DRAIN, Opcode.ADD) and i.function == Function.TANH.value:
        work = Work.TANH
    first = timing.FIRST_ELEMENT + (timing.EMBED_ROW if i.opcode is Opcode.EMBED else 0)
    return first + max(0, elements - 1) + LATENCY[work] + timing.DONE
