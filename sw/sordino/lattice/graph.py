"""The word graph: deterministic, acyclic, minimal, each way with what it costs.

States are numbered so that ways lead from smaller to larger numbers, from 0 on. A state's first way
is the best continuation, and costs nothing; on the search's own best path it is that path's. The
others cost so many steps more, by whole numbers, in their order. Steps are a quantised number of
nats: n steps stand for all costs between n - 1 and n of them, and count as the middle of these, so
that a way that is not the first never costs nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from sordino.errors import InputError

__all__ = [
    "END",
    "MOST_ARCS",
    "MOST_STATES",
    "STEPS",
    "Arc",
    "Lattice",
    "State",
    "refuse",
    "topological",
]

END = -1
"""Where a way leads that ends the utterance."""
STEPS = (0.5, 0.25, 0.125, 0.0625)
"""The sizes in nats that a step may have."""
MOST_STATES, MOST_ARCS = 1024, 4096
"""Beyond these there is no lattice: a builder prunes more, a reader refuses."""


def refuse(got: str) -> NoReturn:
    """InputError for a lattice that is none."""
    raise InputError(f"wanted a lattice as `sordino lattice` writes it, got {got}; send it again")


def topological(targets: Sequence[Sequence[int]], start: int = 0) -> list[int]:
    """The states that can be reached, each before those that it leads to; `start` is the first.

    It is the order in which a search in depth is done with them, backwards. Targets that are END
    lead to no state.
    """
    order, seen = list[int](), {start, END}
    stack = [(start, iter(targets[start]))]
    while stack:
        number, rest = stack[-1]
        target = next((t for t in rest if t not in seen), None)
        if target is None:
            order.append(number)
            stack.pop()
        else:
            seen.add(target)
            stack.append((target, iter(targets[target])))
    return order[::-1]


@dataclass(frozen=True, slots=True)
class Arc:
    """A way on from a state.

    word    None where the utterance ends
    target  the state that it leads to, or END
    steps   what it costs more than the state's first way
    """

    word: str | None
    target: int
    steps: int


@dataclass(frozen=True, slots=True)
class State:
    """A place between words.

    arcs   the ways on, the first one best, no two with the same word
    frame  number of the frame with the last letter before it, from 0 on; 0 without letters; None
           where nobody knows
    """

    arcs: tuple[Arc, ...]
    frame: int | None = None


@dataclass(frozen=True)
class Lattice:
    """A word graph, whose states stand in topological order; state 0 is where it begins.

    step    nats of a step, one of STEPS
    frames  frames of the utterance; None without times
    """

    states: tuple[State, ...]
    step: float
    frames: int | None = None

    @property
    def arcs(self) -> int:
        """The number of ways with a word on them."""
        return sum(arc.word is not None for state in self.states for arc in state.arcs)

    @property
    def paths(self) -> int:
        """The number of different word sequences."""
        counts = [0] * len(self.states) + [1]
        for number in range(len(self.states) - 1, -1, -1):
            counts[number] = sum(counts[arc.target] for arc in self.states[number].arcs)
        return counts[0]

    @property
    def best(self) -> list[str]:
        """The words of the search's best path."""
        return [arc.word for arc in self.best_arcs() if arc.word is not None]

    def best_arcs(self) -> Iterator[Arc]:
        """The first ways, from the beginning to the end."""
        number = 0
        while number != END:
            arc = self.states[number].arcs[0]
            yield arc
            number = arc.target

    def nats(self, arc: Arc) -> float:
        """What a way costs more than the first one of its state, by the transducer."""
        if arc.steps > 0:
            return (arc.steps - 0.5) * self.step
        return (arc.steps + 0.5) * self.step if arc.steps else 0.0

    def check(self) -> None:
        """InputError where it is not what this module says."""
        if not self.states or len(self.states) > MOST_STATES:
            refuse(f"{len(self.states)} states, not 1 to {MOST_STATES}")
        if sum(len(state.arcs) for state in self.states) > MOST_ARCS:
            refuse(f"more than {MOST_ARCS} ways")
        entered = {0}
        for number, state in enumerate(self.states):
            words = [arc.word for arc in state.arcs]
            if not words or len(set(words)) < len(words):
                refuse(f"state {number} without ways, or with two of the same word")
            if number not in entered:
                refuse(f"state {number} that no way leads to")
            for place, arc in enumerate(state.arcs):
                if (arc.target == END) != (arc.word is None) or not (
                    arc.target == END or number < arc.target < len(self.states)
                ):
                    refuse(f"a way from state {number} to {arc.target}")
                if (place == 0) != (arc.steps == 0):
                    refuse(f"a way of {arc.steps} steps as number {place} of state {number}")
                entered.add(arc.target)
