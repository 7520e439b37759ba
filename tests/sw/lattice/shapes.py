"""Lattices for tests: any shape that a lattice may have."""

from fractions import Fraction

from hypothesis import strategies as st

from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.lattice.graph import END, STEPS, Arc, Lattice, State, topological
from sordino.speech.text import Speller

TOKENS = ("<blank>", " ", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ'")
VOCABULARY = Vocabulary(Speller(TOKENS, 0), Fraction(1, 25))
WORDS = ("A", "B", "EIGHT", "ENTER", "K", "XQ", "ZZ'TOP", "ÆON", None)
"""Words of the n-gram that ships, others, one that the tokens do not spell, and the end."""


@st.composite
def lattices(draw, words=WORDS, most=6, signed=None, times=None):
    """A lattice of `most` states at the most; its ways are in order of their steps."""
    count = draw(st.integers(1, most))
    signed = draw(st.booleans()) if signed is None else signed
    times = draw(st.booleans()) if times is None else times
    ways = []
    for number in range(count):
        later = st.integers(number + 1, count - 1) if number + 1 < count else st.nothing()
        chosen = draw(st.lists(st.sampled_from(words), min_size=1, max_size=4, unique=True))
        if number + 1 == count:
            chosen = [None]
        steps = [
            draw(st.integers(-9, 40).filter(bool) if signed else st.integers(1, 40))
            for _ in chosen[1:]
        ]
        ways.append(
            [
                Arc(word, END if word is None else draw(later), cost)
                for word, cost in zip(chosen, [0, *sorted(steps)], strict=True)
            ]
        )
    order = topological([[arc.target for arc in arcs] for arcs in ways])
    numbers = {END: END} | {old: new for new, old in enumerate(order)}
    frames = draw(st.integers(1, 200)) if times else None
    states = []
    for old in order:
        arcs = tuple(Arc(arc.word, numbers[arc.target], arc.steps) for arc in ways[old])
        ends = draw(st.integers(0, frames - 1)) if frames and old else 0
        states.append(State(arcs, ends if times else None))
    return Lattice(tuple(states), draw(st.sampled_from(STEPS)), frames)


def every_path(lattice, number=0):
    """The words and the nats of each path."""
    for arc in lattice.states[number].arcs:
        if arc.word is None:
            yield (), lattice.nats(arc)
        else:
            for words, cost in every_path(lattice, arc.target):
                yield (arc.word, *words), lattice.nats(arc) + cost
