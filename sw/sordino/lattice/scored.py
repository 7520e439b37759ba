"""A lattice with all that its ways cost, by the transducer and by a language model apart.

Only the transducer's costs are sent. What a language model says of a word depends on the words
before it, so a state becomes one for each of the contexts that it is reached with, and every path
costs what the model says of just its words.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from sordino.errors import InputError
from sordino.lattice.graph import END, MOST_ARCS, Lattice

__all__ = ["ScoredArc", "ScoredLattice", "ScoredState", "WordModel", "score"]

_MOST_STATES, _MOST_WAYS = 4 * MOST_ARCS, 32 * MOST_ARCS
"""States with their contexts at the most, and ways from these."""


class WordModel(Protocol):
    """What a language model says of words, one after the other; its states can be compared."""

    def start(self) -> Any:
        """The state before the first word."""

    def say(self, state: Any, word: str) -> tuple[Any, float]:
        """The state after one more word, and the nats for it."""

    def finish(self, state: Any) -> float:
        """The nats for an end here."""


@dataclass(frozen=True, slots=True)
class ScoredArc:
    """A way on, as `sordino.lattice.graph.Arc`; both costs in nats, more is less probable."""

    word: str | None
    target: int
    transducer: float
    language: float

    @property
    def cost(self) -> float:
        """What it costs in all."""
        return self.transducer + self.language


@dataclass(frozen=True, slots=True)
class ScoredState:
    """A state; `frame` is that of the last letter before it, as in `sordino.lattice.graph`."""

    arcs: tuple[ScoredArc, ...]
    frame: int | None


@dataclass(frozen=True)
class ScoredLattice:
    """A word graph in topological order, 0 first; each state's first way is the search's choice."""

    states: tuple[ScoredState, ...]
    frames: int | None

    @property
    def best_arcs(self) -> list[tuple[int, int]]:
        """The ways of the path that costs least, each by its state and its place in it."""
        rest = self.rests()
        number, found = 0, list[tuple[int, int]]()
        while number != END:
            arcs = self.states[number].arcs
            place = min(range(len(arcs)), key=lambda n: arcs[n].cost + rest[arcs[n].target])
            found.append((number, place))
            number = arcs[place].target
        return found

    @property
    def best(self) -> list[str]:
        """The words of the path that costs least, both costs together."""
        words = [self.states[number].arcs[place].word for number, place in self.best_arcs]
        return [word for word in words if word is not None]

    def rests(self) -> list[float]:
        """The least that leads from each state to the end; END's, 0, is the last."""
        rest = [0.0] * (len(self.states) + 1)
        for number in range(len(self.states) - 1, -1, -1):
            rest[number] = min(arc.cost + rest[arc.target] for arc in self.states[number].arcs)
        return rest

    def posteriors(self) -> list[tuple[float, ...]]:
        """The probabilities of every state's ways among all paths: forward-backward."""
        count = len(self.states)
        after = [-math.inf] * count + [0.0]
        for number in range(count - 1, -1, -1):
            arcs = self.states[number].arcs
            after[number] = _total([after[arc.target] - arc.cost for arc in arcs])
        before: list[list[float]] = [[] for _ in range(count + 1)]
        before[0].append(0.0)
        found = []
        for number, state in enumerate(self.states):
            here = _total(before[number])
            for arc in state.arcs:
                before[arc.target].append(here - arc.cost)
            chances = (here - arc.cost + after[arc.target] - after[0] for arc in state.arcs)
            found.append(tuple(min(math.exp(chance), 1.0) for chance in chances))
        return found

    def ends(self, seconds: Fraction | None) -> list[float | None]:
        """When the last word before each state ends, in seconds; the last is the utterance's end.

        A frame lasts `seconds`, and a word ends with the frame that its last letter was heard in,
        as recognisers' events do. The first state is at 0. None where nobody knows.
        """
        behind = [0 if number == 0 else None if state.frame is None else state.frame + 1
                  for number, state in enumerate(self.states)]  # fmt: skip
        if seconds is None or self.frames is None:
            return [None] * (len(behind) + 1)
        return [None if n is None else float(n * seconds) for n in (*behind, self.frames)]

    def arcs(self) -> Iterator[tuple[int, ScoredArc]]:
        """All ways, with the state that each begins at."""
        for number, state in enumerate(self.states):
            for arc in state.arcs:
                yield number, arc


def _total(logarithms: list[float]) -> float:
    largest = max(logarithms)
    return largest + math.log(sum(math.exp(each - largest) for each in logarithms))


def score(lattice: Lattice, model: WordModel | None = None) -> ScoredLattice:
    """The lattice with the costs of a language model; without one, those cost nothing.

    Raises InputError where states have too many contexts.
    """
    start = model.start() if model is not None else None
    contexts: list[dict[Any, int]] = [{} for _ in lattice.states]
    contexts[0][start] = 0
    places = [(0, start)]
    arcs: dict[int, tuple[ScoredArc, ...]] = {}
    ways = 0
    for number, state in enumerate(lattice.states):
        for context, place in list(contexts[number].items()):
            ways += len(state.arcs)
            if len(places) > _MOST_STATES or ways > _MOST_WAYS:
                raise InputError(
                    f"wanted a lattice of at most {_MOST_STATES:,} states and {_MOST_WAYS:,} ways "
                    "with a language model's contexts, got more; use a language model of a lower "
                    "order, or a wire lattice"
                )
            found = []
            for arc in state.arcs:
                after, nats, target = context, 0.0, END
                if model is not None and arc.word is None:
                    nats = model.finish(context)
                elif model is not None and arc.word is not None:
                    after, nats = model.say(context, arc.word)
                if arc.word is not None:
                    target = contexts[arc.target].setdefault(after, len(places))
                    if target == len(places):
                        places.append((arc.target, after))
                found.append(ScoredArc(arc.word, target, lattice.nats(arc), 0.0 - nats))
            arcs[place] = tuple(found)
    order = sorted(range(len(places)), key=lambda place: (places[place][0], place))
    new = {END: END} | {old: number for number, old in enumerate(order)}
    states = tuple(
        ScoredState(
            tuple(ScoredArc(a.word, new[a.target], a.transducer, a.language) for a in arcs[old]),
            lattice.states[places[old][0]].frame,
        )
        for old in order
    )
    return ScoredLattice(states, lattice.frames)
