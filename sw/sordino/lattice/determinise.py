"""One path for each sequence of words: the subset construction with costs.

M. Mohri, "Finite-state transducers in language and speech processing", 1997. A state is a set of
the trellis's nodes, each with what it costs beyond the cheapest of them. The best states come
first, so that where there would be too many, it is the worst that are left out.
"""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sordino.lattice.trellis import Trellis

__all__ = ["Choice", "Place", "determinise"]

_Pending = tuple[str, ...] | None
_Item = tuple[int, _Pending]
"""A node, and the words that are still to come before it goes on; None: the utterance is over."""
_Subset = tuple[tuple[_Item, int], ...]


@dataclass(slots=True)
class Choice:
    """A way on: the number of the state, and what it costs."""

    target: int
    cost: int


@dataclass(slots=True)
class Place:
    """A state.

    final    what it costs to end here; None where that is not possible
    choices  the ways on, by word
    frame    that of the last letter before it on the best path
    """

    final: int | None
    frame: int
    choices: dict[str, Choice] = field(default_factory=dict)


def determinise(trellis: Trellis, best: Sequence[str], most: int, states: int) -> list[Place]:
    """All word sequences that cost `most` at most, in parts of a nat; the first place is the start.

    The ways on are known of about `states` places; others lead nowhere. The path of the words
    `best` is among them.
    """
    return _Determiniser(trellis, most).run(best, states)


class _Determiniser:
    def __init__(self, trellis: Trellis, most: int) -> None:
        self._trellis, self._most = trellis, most
        self._places: list[Place] = []
        self._numbers: dict[_Subset, int] = {}
        self._subsets: list[_Subset] = []
        self._expanded = set[int]()
        self._todo: list[tuple[int, int, _Subset]] = []

    def run(self, best: Sequence[str], states: int) -> list[Place]:
        self._place((((0, ()), 0),), 0)
        while self._todo and len(self._expanded) < states:
            self._expand(*heapq.heappop(self._todo))
        number, before = 0, 0
        for word in best:  # nobody else would go there where much is better than it
            self._expand(before, number, self._subsets[number])
            choice = self._places[number].choices[word]
            number, before = choice.target, before + choice.cost
        self._expand(before, number, self._subsets[number])
        return self._places

    def _expand(self, before: int, number: int, subset: _Subset) -> None:
        if number in self._expanded:
            return
        self._expanded.add(number)
        place = self._places[number]
        ways, place.final = self._follow(subset, before)
        for word, items in sorted(ways.items()):
            least = min(items.values())
            costs = ((item, cost - least) for item, cost in items.items())
            target = self._place(tuple(sorted(costs, key=_order)), before + least)
            place.choices[word] = Choice(target, least)

    def _place(self, subset: _Subset, before: int) -> int:
        if subset not in self._numbers:
            self._numbers[subset] = len(self._places)
            self._subsets.append(subset)
            self._places.append(Place(None, self._frame(subset)))
        number = self._numbers[subset]
        heapq.heappush(self._todo, (before, number, subset))
        return number

    def _frame(self, subset: _Subset) -> int:
        (node, pending), _ = min(subset, key=lambda each: (self._whole(each), _order(each)))
        return self._trellis.ended(node, progress=pending is None)

    def _whole(self, each: tuple[_Item, int]) -> int:
        """What the best path through an item costs, which only its end decides."""
        (node, pending), cost = each
        rest = 0 if pending is None else self._trellis.rests[node]
        assert rest is not None, "nothing was kept that leads nowhere"
        return cost + rest

    def _follow(
        self, subset: _Subset, before: int
    ) -> tuple[dict[str, dict[_Item, int]], int | None]:
        """What follows from each next word, and what it costs to end before there is one."""
        trellis = self._trellis
        ways: dict[str, dict[_Item, int]] = defaultdict(dict)
        costs, final, todo = dict[int, int](), list[int](), list[int]()

        def reach(node: int, pending: _Pending, cost: int) -> None:
            if pending is None:
                final.append(cost)
            elif pending:
                keep(pending[0], (node, pending[1:]), cost)
            elif node not in costs:
                costs[node] = cost
                heapq.heappush(todo, node)
            else:
                costs[node] = min(costs[node], cost)

        def keep(word: str, item: _Item, cost: int) -> None:
            ways[word][item] = min(ways[word].get(item, cost), cost)

        for (node, pending), cost in subset:
            reach(node, pending, cost)
        while todo:
            node = heapq.heappop(todo)
            cost = costs[node]
            end = trellis.finals.get(node)
            if end is not None and before + cost + end <= self._most:
                if (word := trellis.word(node)) is None:
                    final.append(cost + end)
                else:
                    keep(word, (node, None), cost + end)
            for edge in trellis.edges[node]:
                rest = trellis.rests[edge.target]
                if rest is not None and before + cost + edge.cost + rest <= self._most:
                    reach(edge.target, edge.words, cost + edge.cost)
        return ways, min(final, default=None)


def _order(each: tuple[_Item, int]) -> tuple[int, bool, tuple[str, ...], int]:
    (node, pending), cost = each
    return node, pending is None, pending or (), cost
