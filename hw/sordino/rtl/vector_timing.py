"""How long the vector unit takes."""

from sordino.arch import Config
from sordino.isa.instructions import Function, Instruction, Opcode
from sordino.rtl.argmax import Argmax
from sordino.rtl.vector_arithmetic import Arithmetic
from sordino.rtl.vector_fetch import Fetch
from sordino.rtl.vector_plan import Work

__all__ = ["DONE", "LATENCY", "duration"]

DONE = 2
"""Cycles from an element's result to `done`: its write is presented in the one between."""

LATENCY: dict[Work, int] = {
    Work.INPUT: 0,
    Work.FILL: 0,
    Work.COPY: 1,
    Work.EMBED: 1,
    Work.VALUE: Fetch.LATENCY + Arithmetic.VALUE,
    Work.TANH: Fetch.LATENCY + Arithmetic.TANH,
    Work.CELL: Fetch.LATENCY + Arithmetic.HIDDEN,
    # There is nothing to write, so that the two cycles until `done` are those of the comparison.
    Work.ARGMAX: Fetch.LATENCY + Argmax.LATENCY - DONE,
}
"""Cycles from the one that presents an element's addresses to the one that has its result."""


def duration(instruction: Instruction, config: Config) -> int:
    """Cycles from `start` to `done`; those in which an INPUT waits are not counted.

    An element a cycle and a constant, where no element counts as one: INPUT and FILL `count` + 2,
    COPY `count` + 3, EMBED `count` + 4 (its row address takes a cycle), ARGMAX slots + 4, DRAIN
    slots + 10, ADD `count` + 10, both + 14 with TANH, CELL `units` + 23; slots are `rows` * lanes.
    An INPUT that meets the end of input is done two cycles after the one in which it met it.
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
    return max(1, elements) + LATENCY[work] + DONE + (i.opcode is Opcode.EMBED)
