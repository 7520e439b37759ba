"""What the rings hold when a MATVEC takes them `again`, on whatever path the program came there."""

from collections.abc import Iterable, Iterator, Sequence

from sordino.isa.instructions import Instruction, Opcode
from sordino.isa.overlap import successors

__all__ = ["NOTHING", "strays"]

NOTHING = -1
"""In place of a matrix: what the rings hold is not known."""


def strays(
    program: Sequence[Instruction], entries: Iterable[int], streamed: Sequence[bool]
) -> Iterator[tuple[int, int]]:
    """Every MATVEC with `again` that may find something else in the rings, and what: a matrix.

    `streamed` says of each matrix whether it is; only those use the rings. At `entries` they hold
    NOTHING.
    """
    following = successors(program)
    arriving: list[frozenset[int]] = [frozenset()] * len(program)
    pending = []
    for entry in entries:
        arriving[entry] = frozenset({NOTHING})
        pending.append(entry)
    while pending:
        at = pending.pop()
        i = program[at]
        leaving = arriving[at]
        if i.opcode is Opcode.MATVEC and streamed[i.matrix]:
            leaving = frozenset({i.matrix})
        for then in following[at]:
            if not leaving <= arriving[then]:
                arriving[then] |= leaving
                pending.append(then)
    for at, i in enumerate(program):
        if i.opcode is Opcode.MATVEC and i.again:
            yield from ((at, matrix) for matrix in sorted(arriving[at] - {i.matrix}))
