"""How a program uses its matrices: with which tables, and who takes their results."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from sordino.arch import QUAD
from sordino.cycles.path import decisions_of, follow
from sordino.cycles.trace import Trace
from sordino.errors import InputError
from sordino.golden.vector import index_words
from sordino.isa.image import Image
from sordino.isa.instructions import Instruction, Opcode

__all__ = ["Use", "matrix_uses", "speech_trace", "time_reduction"]

_TAKERS = (Opcode.CELL, Opcode.DRAIN, Opcode.ARGMAX)


@dataclass(frozen=True, kw_only=True)
class Use:
    """One entry of the directory as MATVEC uses it.

    name     label of the MATVEC: the matrix of the model that it is, or is a part of
    layer    label of the instruction that takes the accumulators
    address  of the first MATVEC
    rows, columns  a lane's rows, and columns
    outputs  results that the layer has of these accumulators: all slots but the empty ones
    part     which outputs: parts of one matrix with the same number are columns of the same ones
    runs, values   numbers of its run table and its value table
    """

    matrix: int
    name: str
    layer: str
    address: int
    rows: int
    columns: int
    outputs: int
    part: int
    runs: int
    values: int


def time_reduction(image: Image) -> int:
    """The number of input vectors that time reduction stacks; 1 without."""
    reduction = image.host["model"].get("time_reduction") or {}
    return int(reduction.get("factor", 1))


def speech_trace(image: Image, vectors: int, tokens: int) -> Trace:
    """The path of so many input vectors with so many tokens, spread evenly.

    InputError where they do not fit, or the image is not that of a greedy RNN-T.
    """
    try:
        blank, most = int(image.host["blank"]), int(image.host["max_symbols"])
        groups = -(-vectors // time_reduction(image))
    except (KeyError, TypeError, ValueError):
        raise InputError(
            "wanted an image of a greedy RNN-T, got one without blank, max_symbols or model; "
            "compile a model"
        ) from None
    if tokens > groups * most:
        raise InputError(
            f"wanted at most {groups * most} tokens in {vectors} input vectors, got {tokens}; "
            "a frame has room for no more"
        )
    ends = (np.arange(groups + 1) * tokens + groups // 2) // groups
    frames = [[0 if blank else 1] * int(n) for n in np.diff(ends)]
    return follow(image, vectors, decisions_of(image, frames))


def matrix_uses(image: Image) -> list[Use]:
    """Every matrix that the program uses, in the order of the directory."""
    factor = time_reduction(image)
    trace = speech_trace(image, 3 * factor, 3)
    program, uses = image.program, dict[int, Use]()
    slots: dict[tuple[int, int], int] = {}
    waiting: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for address in trace.addresses.tolist():
        i = program[address]
        if i.opcode is Opcode.TABLE:
            slots[i.runs, i.slot] = i.source
        elif i.opcode is Opcode.MATVEC:
            where = (i.bank, i.first)
            waiting[where].append((address, slots[1, i.run_slot], slots[0, i.slot]))
        elif i.opcode in _TAKERS:
            where = (i.bank, i.fields.get("first", 0))
            for first, runs, values in waiting.pop(where, ()):
                use = _use(image, first, i, runs, values)
                uses.setdefault(use.matrix, use)
    return [uses[number] for number in sorted(uses)]


def _use(image: Image, address: int, taker: Instruction, runs: int, values: int) -> Use:
    i = image.program[address]
    return Use(
        matrix=i.matrix,
        name=i.layer,
        layer=taker.layer,
        address=address,
        rows=i.rows,
        columns=i.columns,
        outputs=_outputs(image, taker),
        part=taker.parameters,
        runs=runs,
        values=values,
    )


def _outputs(image: Image, taker: Instruction) -> int:
    """The number of slots of a bank that `taker` makes results of, empty ones not counted."""
    lanes = image.config.lanes
    match taker.opcode:
        case Opcode.CELL:
            return QUAD * taker.units
        case Opcode.ARGMAX:
            indices = index_words(image.parameters, taker.parameters, taker.rows * lanes)[1]
            return int((indices >= 0).sum())
        case _:
            begin, end = taker.destination, taker.destination + taker.rows * lanes
            read = np.zeros(end - begin, np.bool_)
            for i in image.program:
                if i.opcode is Opcode.ADD and taker.wide:
                    for base in (i.a, i.b):
                        read[max(0, base - begin) : max(0, base + i.count - begin)] = True
            return int(read.sum()) or end - begin
