"""The paths of a lattice, the one that costs least first."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

from sordino.lattice.graph import END
from sordino.lattice.scored import ScoredArc, ScoredLattice

__all__ = ["Path", "best_paths", "total"]


@dataclass(frozen=True, slots=True)
class Path:
    """A path's words, and its costs by the transducer and by a language model, in nats."""

    words: tuple[str, ...]
    transducer: float
    language: float

    @property
    def cost(self) -> float:
        """What it costs in all."""
        return self.transducer + self.language


_Link = tuple[ScoredArc, "_Link"] | None
"""The last way of a path and what is before it."""


def best_paths(lattice: ScoredLattice) -> Iterator[Path]:
    """All paths, each once, in the order of their costs; those that cost the same in a fixed one.

    What leads from a state to the end is known, so nothing is looked at that is on no path asked
    for: a path takes as many steps as it has words, and memory grows as much.
    """
    rest = lattice.rests()
    ranked: dict[int, list[ScoredArc]] = {}
    heap: list[tuple[float, int, int, int, float, _Link]] = []
    pushed = 0

    def push(number: int, rank: int, before: float, link: _Link) -> None:
        nonlocal pushed
        if number not in ranked:
            arcs = lattice.states[number].arcs
            ranked[number] = sorted(arcs, key=lambda arc: arc.cost + rest[arc.target])
        if rank < len(ranked[number]):
            arc = ranked[number][rank]
            expected = before + arc.cost + rest[arc.target]
            heapq.heappush(heap, (expected, pushed, number, rank, before, link))
            pushed += 1

    push(0, 0, 0.0, None)
    while heap:
        _, _, number, rank, before, link = heapq.heappop(heap)
        push(number, rank + 1, before, link)
        arc = ranked[number][rank]
        if arc.target == END:
            yield _path((arc, link))
        else:
            push(arc.target, 0, before + arc.cost, (arc, link))


def _path(link: _Link) -> Path:
    arcs = []
    while link is not None:
        arc, link = link
        arcs.append(arc)
    arcs.reverse()
    return Path(
        tuple(arc.word for arc in arcs if arc.word is not None),
        sum(arc.transducer for arc in arcs),
        sum(arc.language for arc in arcs),
    )


def total(lattice: ScoredLattice) -> float:
    """The natural logarithm of the sum of all paths' probabilities."""
    after = [-math.inf] * len(lattice.states) + [0.0]
    for number in range(len(lattice.states) - 1, -1, -1):
        found = [after[arc.target] - arc.cost for arc in lattice.states[number].arcs]
        largest = max(found)
        after[number] = largest + math.log(sum(math.exp(each - largest) for each in found))
    return after[0]
