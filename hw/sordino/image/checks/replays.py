"""What the rings hold when a MATVEC takes a matrix from them, on whatever path it came there."""

from collections.abc import Iterable, Iterator, Sequence

from sordino.isa.hazards import Effect, fixpoint
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

    anything = frozenset({UNKNOWN, *range(len(streamed))})

    def held(i: Instruction) -> Effect:
        if isinstance(i, Matvec) and streamed[i.matrix]:
            return Effect(anything, frozenset({i.matrix}))
        return Effect()

    arriving = fixpoint(program, entries, frozenset({UNKNOWN}), [held(i) for i in program])
    for address, i in enumerate(program):
        if isinstance(i, Matvec) and i.from_ring:
            other = arriving[address] - {i.matrix}
            yield from ((address, matrix) for matrix in sorted(other))
