"""A determinised graph becomes the least one: pruned, its costs pushed and quantised.

Costs move towards the beginning as far as they go, so that the best way on from a state costs
nothing. Then states with the same ways, to the same states and at the same cost, are one state
(M. Mohri, "Minimization algorithms for sequential transducers", 2000).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sordino.lattice.determinise import Place
from sordino.lattice.graph import END, Arc, Lattice, State, topological
from sordino.lattice.trellis import PARTS

__all__ = ["Way", "Ways", "minimise", "prune", "single", "ways_of"]


@dataclass(frozen=True, slots=True)
class Way:
    """A way on: what it costs in parts of a nat, its word (None: the end), where it leads."""

    cost: int
    word: str | None
    target: int


Ways = dict[int, list[Way]]
"""The ways on from every state that leads to the end, in topological order, 0 first."""


def ways_of(places: Sequence[Place]) -> Ways:
    """The ways of a determinised graph, without those that lead nowhere."""
    leading: Ways = {}
    order = topological([[c.target for c in place.choices.values()] for place in places])
    for number in reversed(order):
        place = places[number]
        found = [] if place.final is None else [Way(place.final, None, END)]
        found += [Way(c.cost, w, c.target) for w, c in place.choices.items() if c.target in leading]
        if found:
            leading[number] = found
    return {number: leading[number] for number in order if number in leading}


def single(ways: Ways, best: Sequence[str]) -> Ways:
    """The path of these words alone."""
    kept: Ways = {}
    number = 0
    for word in (*best, None):
        way = next(way for way in ways[number] if way.word == word)
        kept[number], number = [way], way.target
    return kept


def prune(ways: Ways, best: Sequence[str], most: int) -> Ways:
    """The ways on paths that cost at most `most` more than the path of the `best` words."""
    rest, before = _rests(ways), _befores(ways)
    limit = sum(way.cost for path in single(ways, best).values() for way in path) + most
    kept: Ways = {}
    for number, ahead in ways.items():
        if before[number] + rest[number] <= limit:
            kept[number] = [w for w in ahead if before[number] + w.cost + rest[w.target] <= limit]
    return kept


def minimise(ways: Ways, best: Sequence[str], step: float) -> tuple[Lattice, list[int]]:
    """The least lattice, in which the words of the `best` path are first ways.

    With it, for each of its states one of `ways` that it stands for: that on the best path.
    """
    first = _first_ways(ways, best)
    rest, merged = {END: 0}, {END: END}
    numbers: dict[tuple[Arc, ...], int] = {}
    for number in reversed(ways):
        chosen = first[number]
        rest[number] = chosen.cost + rest[chosen.target]
        others = [
            Arc(w.word, merged[w.target], _steps(w.cost + rest[w.target] - rest[number], step))
            for w in ways[number]
            if w is not chosen
        ]
        others.sort(key=lambda arc: (arc.steps, arc.word or ""))
        key = (Arc(chosen.word, merged[chosen.target], 0), *others)
        merged[number] = numbers.setdefault(key, len(numbers))
    through, before = _rests(ways), _befores(ways)
    stands: dict[int, int] = {}
    for number in sorted(ways, key=lambda n: (before[n] + through[n], n)):
        stands.setdefault(merged[number], number)
    arcs = list(numbers)
    order = topological([[arc.target for arc in each] for each in arcs], merged[0])
    new = {END: END} | {old: number for number, old in enumerate(order)}
    states = [
        State(tuple(Arc(arc.word, new[arc.target], arc.steps) for arc in arcs[old]))
        for old in order
    ]
    return Lattice(tuple(states), step), [stands[old] for old in order]


def _steps(cost: int, step: float) -> int:
    """The number of steps whose range a cost is in: from just above n - 1 to n of them."""
    size = int(step * PARTS)
    return max(1, -(-cost // size)) if cost >= 0 else -max(1, -(cost // size))


def _first_ways(ways: Ways, best: Sequence[str]) -> dict[int, Way]:
    """The best way on from every state; on the path of these words, that path's."""
    rest = _rests(ways)
    first = {
        number: min(ahead, key=lambda w: (w.cost + rest[w.target], w.word or ""))
        for number, ahead in ways.items()
    }
    return first | {number: path[0] for number, path in single(ways, best).items()}


def _rests(ways: Ways) -> dict[int, int]:
    """What leads to the end from each state, at the least."""
    rest = {END: 0}
    for number in reversed(ways):
        rest[number] = min(way.cost + rest[way.target] for way in ways[number])
    return rest


def _befores(ways: Ways) -> dict[int, int]:
    """What leads to each state, at the least."""
    before = {0: 0}
    for number, ahead in ways.items():
        for way in ahead:
            after = before[number] + way.cost
            before[way.target] = min(before.get(way.target, after), after)
    return before
