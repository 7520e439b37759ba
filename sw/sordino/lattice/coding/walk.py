"""The order in which a lattice is written, and how probable each thing in it is.

The search's best path comes first, from the beginning to the end; the other ways follow, from the
end to the beginning, as a search in depth meets them. Most of them lead back to states that have
been written already, and mostly to those written last.

The same lines write and read: a writer's coder is given what a reader's coder finds.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sordino.lattice.coding import tables
from sordino.lattice.coding.range_coder import Coder
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.lattice.coding.words import Words
from sordino.lattice.graph import END, MOST_ARCS, MOST_STATES, Arc, Lattice, State, refuse

__all__ = ["code_lattice"]

_MOST_BITS = 24
"""Bits of a number at the most."""


@dataclass(slots=True)
class _Written:
    """A state that is being written, or has been.

    source   its number in the lattice that is written; a reader has none
    best     whether the best path goes through it
    before   the word that led here first
    frame    where that word ends
    left     words on its best continuation; as far as is known, while its first way is written
    entered  the words on all ways that lead here
    """

    source: int
    best: bool
    before: str | None
    frame: int
    left: int
    arcs: list[Arc] = field(default_factory=list)
    entered: set[str] = field(default_factory=set)


def code_lattice(
    coder: Coder,
    vocabulary: Vocabulary,
    step: float,
    *,
    times: bool,
    signed: bool,
    lattice: Lattice | None = None,
) -> Lattice:
    """Write `lattice`, or read one where there is none; returns it.

    Raises InputError for what no writer writes, and beyond the limits of a lattice.
    """
    return _Walk(coder, vocabulary, step, times, signed, lattice).run()


class _Walk:
    def __init__(
        self,
        coder: Coder,
        vocabulary: Vocabulary,
        step: float,
        times: bool,
        signed: bool,
        lattice: Lattice | None,
    ) -> None:
        self._coder, self._words, self._step = coder, Words(coder, vocabulary), step
        self._times, self._signed, self._lattice = times, signed, lattice
        self._frames = 0
        self._stack: list[_Written] = []
        self._done: list[_Written] = []
        """In the order in which they were finished; ways lead to places here."""
        self._places: dict[int, int] = {}
        """The place in `_done` of each finished state of the lattice that is written."""
        self._ways = 0

    def run(self) -> Lattice:
        """The whole lattice, from its first state to its last."""
        if self._times:
            known = self._lattice.frames if self._lattice is not None else None
            self._frames = self._number(known or 0)
        self._stack.append(_Written(0, True, None, 0, 0))
        while self._stack:
            state = self._stack[-1]
            if state.arcs and not self._more(state):
                self._finish()
            else:
                self._way(state)
        states = [self._state(state) for state in reversed(self._done)]
        return Lattice(tuple(states), self._step, self._frames if self._times else None)

    def _state(self, done: _Written) -> State:
        last = len(self._done) - 1
        arcs = tuple(
            arc if arc.target == END else Arc(arc.word, last - arc.target, arc.steps)
            for arc in done.arcs
        )
        return State(arcs, done.frame if self._times else None)

    def _source(self, state: _Written) -> Arc | None:
        """The next way of the state that is written."""
        if self._lattice is None:
            return None
        arcs = self._lattice.states[state.source].arcs
        return arcs[len(state.arcs)] if len(state.arcs) < len(arcs) else None

    def _more(self, state: _Written) -> bool:
        ways = tables.MORE_BEST if state.best else tables.MORE
        table = ways[min(len(state.arcs), len(ways)) - 1]
        return bool(self._coder.symbol(table, self._source(state) is not None))

    def _finish(self) -> None:
        state = self._stack.pop()
        place = len(self._done)
        self._done.append(state)
        self._places[state.source] = place
        if self._stack:
            self._lead(self._stack[-1], place)

    def _lead(self, state: _Written, place: int) -> None:
        """The last way of a state leads to a finished one."""
        word, steps = state.arcs[-1].word, state.arcs[-1].steps
        assert word is not None
        state.arcs[-1] = Arc(word, place, steps)
        self._done[place].entered.add(word)
        if len(state.arcs) == 1:
            state.left = self._done[place].left + 1
        self._words.add(word, state.left)

    def _way(self, state: _Written) -> None:
        self._ways += 1
        if self._ways > MOST_ARCS:
            refuse(f"more than {MOST_ARCS} ways")
        source = self._source(state)
        others = [arc.word for arc in state.arcs]
        given = None if source is None else source.word
        word = self._words.code(given, state.before, others, state.left)
        if word in others:
            refuse(f"two ways of the word {word!r} from one state")
        steps = self._steps(state, 0 if source is None else source.steps)
        state.arcs.append(Arc(word, END, steps))
        if word is None:
            state.left = state.left if others else 0
            self._words.add(word, state.left)
            return
        target = END if source is None else source.target
        known = self._places.get(target)
        if self._is_new(state, known is None):
            self._open(state, word, target)
        else:
            self._lead(state, self._known(state, word, known))

    def _is_new(self, state: _Written, new: bool) -> bool:
        first = len(state.arcs) == 1
        if first and state.best:
            return True
        table = tables.NEW[0 if first else 1 + (not state.best)]
        return bool(self._coder.symbol(table, new))

    def _open(self, state: _Written, word: str, source: int) -> None:
        if len(self._done) + len(self._stack) >= MOST_STATES:
            refuse(f"more than {MOST_STATES} states")
        frame = 0
        if self._times:
            known = self._lattice.states[source].frame if self._lattice is not None else None
            alike = self._alike(state, word)
            near = self._done[alike[0]].frame if alike else state.frame
            table = tables.TIMES if alike else tables.TIMES_BEST
            frame = near + self._signed_number(table, (known or 0) - near)
            if not 0 <= frame < max(self._frames, 1):
                refuse(f"a word that ends in frame {frame} of {self._frames}")
        best = state.best and len(state.arcs) == 1
        self._stack.append(_Written(source, best, word, frame, state.left - 1))

    def _known(self, state: _Written, word: str, place: int | None) -> int:
        """A finished state: how many are more alike what a way with this word would lead to."""
        alike = self._alike(state, word)
        rank = self._escaped(tables.RANKS, 0 if place is None else alike.index(place))
        if rank >= len(alike):
            refuse("a way to a state that is not there")
        return alike[rank]

    def _alike(self, state: _Written, word: str) -> list[int]:
        """Finished states: such as this word leads to, as near to the end, and late, first."""

        def order(place: int) -> tuple[bool, int]:
            done = self._done[place]
            return word not in done.entered, abs(done.left - state.left + 1)

        return sorted(range(len(self._done) - 1, -1, -1), key=order)

    def _steps(self, state: _Written, steps: int) -> int:
        """The steps of a way: those of the second may be below 0, the others only grow."""
        if not state.arcs:
            return 0
        before = state.arcs[-1].steps
        if len(state.arcs) > 1:
            place = self._escaped(tables.STEPS_NEXT, _place(steps) - _place(before))
            return _steps(_place(before) + place)
        below = self._signed and bool(self._coder.symbol(tables.SIGNS, steps < 0))
        size = self._escaped(tables.STEPS_FIRST, abs(steps) - 1) + 1
        return -size if below else size

    def _escaped(self, table: NDArray[np.int64], value: int) -> int:
        """A number from 0 on; a table's last entry stands for all that are too large for it."""
        most = len(table) - 1
        found = self._coder.symbol(table, min(value, most))
        return found if found < most else most + self._number(value - most)

    def _signed_number(self, table: NDArray[np.int64], value: int) -> int:
        """A number that may be below 0; a table's last two entries stand for what is beyond it."""
        most, offset = len(table) - 2, tables.EARLIEST
        inside = 0 <= value + offset < most
        symbol = value + offset if inside else most + (value < 0)
        found = self._coder.symbol(table, symbol)
        if found < most:
            return found - offset
        size = self._number(abs(value))
        return size if found == most else -size

    def _number(self, value: int) -> int:
        """Any number from 0 on: how many bits, then the bits."""
        bits = self._coder.uniform(_MOST_BITS, value.bit_length() if value >= 0 else 0)
        high = max(bits - 16, 0)
        upper = self._coder.uniform(1 << high, value >> 16) if high else 0
        low = self._coder.uniform(1 << min(bits, 16), value & 0xFFFF)
        return upper << 16 | low


def _place(steps: int) -> int:
    """Where a number of steps stands among those that are not 0."""
    return steps if steps < 0 else steps - 1


def _steps(place: int) -> int:
    return place if place < 0 else place + 1
