"""What the rings hold when a MATVEC takes a matrix from them, on whatever path it came there."""

from collections.abc import Iterable, Iterator, Sequence

from sordino.isa.hazards import Facts, fixpoint
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Matvec

__all__ = ["UNKNOWN", "stale_replays"]

UNKNOWN = -1
"""In place of a matrix: what the rings hold is not known."""


def stale_replays(
    program: Sequence[Instruction], entries: Iterable[int], streamed: Sequence[bool]
) -> Iterator[tuple[int, int]]:
    """Addresses of MATVECs with `from_ring` where the rings may hold another matrix, and which.

    `streamed` says of each matrix whether it is; only those use the rings. What the rings hold at
    `entries` is UNKNOWN.
    """

    def held(address: int, before: Facts) -> Facts:
        i = program[address]
        if isinstance(i, Matvec) and streamed[i.matrix]:
            return frozenset({i.matrix})
        return before

    arriving = fixpoint(program, entries, frozenset({UNKNOWN}), held)
    for address, i in enumerate(program):
        if isinstance(i, Matvec) and i.from_ring:
            other = (arriving[address] or frozenset()) - {i.matrix}
            yield from ((address, matrix) for matrix in sorted(other))
