"""How a program uses its matrices: with which tables, and who takes their results."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from sordino.arch import QUAD
from sordino.cycles.path import decisions_of, follow
from sordino.cycles.trace import Trace
from sordino.errors import InputError
from sordino.golden.vector import index_words
from sordino.image.image import Image
from sordino.isa.fields import Store, Words
from sordino.isa.hazards import claims
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Argmax, Matvec

__all__ = ["Use", "matrix_uses", "speech_trace"]

_BANKS = (Store.BANK0, Store.BANK1)


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


def speech_trace(image: Image, vectors: int, tokens: int) -> Trace:
    """The path of so many input vectors with so many tokens, spread evenly.

    InputError where they do not fit, ImageError where the image is not that of a network.
    """
    host = image.network
    blank, most = host.blank, host.max_symbols
    groups = -(-vectors // host.time_reduction)
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
    factor = image.network.time_reduction
    trace = speech_trace(image, 3 * factor, 3)
    program, uses = image.program, dict[int, Use]()
    slots: dict[tuple[Store, int], int] = {}
    waiting: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for address in trace.addresses.tolist():
        i = program[address]
        for region in claims(i, image.config)[1]:
            if region.store in (Store.VALUE_TABLE, Store.RUN_TABLE):
                slots[region.store, region.base] = i.source
        if isinstance(i, Matvec):
            runs, values = slots[Store.RUN_TABLE, i.run_slot], slots[Store.VALUE_TABLE, i.slot]
            waiting[i.bank, i.first_row].append((address, runs, values))
        elif (bank := _taken(i, image)) is not None:
            for first, runs, values in waiting.pop(bank, ()):
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


def _taken(i: Instruction, image: Image) -> tuple[int, int] | None:
    """Bank and first row of the accumulators that an instruction of the vector unit reads."""
    for name in i.meant(Words):
        store, row, _ = i.uses(name, image.config)
        if store in _BANKS and i.FIELDS[name].meaning.reads:
            return _BANKS.index(store), row
    return None


def _outputs(image: Image, taker: Instruction) -> int:
    """The number of slots of a bank that `taker` makes results of, empty ones not counted."""
    lanes = image.config.lanes
    if "units" in taker.fields:
        return QUAD * int(taker.units)
    if isinstance(taker, Argmax):
        indices = index_words(image.parameters, taker.parameters, taker.rows * lanes)[1]
        return int((indices >= 0).sum())
    begin, end = taker.destination, taker.destination + taker.rows * lanes
    read = np.zeros(end - begin, np.bool_)
    for i in image.program:
        for region in claims(i, image.config)[0]:
            if region.store is Store.STATE and taker.wide:
                read[max(0, region.base - begin) : max(0, region.base + region.count - begin)] = 1
    return int(read.sum()) or end - begin
