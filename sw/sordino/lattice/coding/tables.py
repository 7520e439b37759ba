"""How often each thing in a lattice was what it was, by place.

Counted, and rounded, in lattices of nine AN4 training speakers whose features had noise added, so
that as many words were wrong as with speakers that the model has not heard. Both ends have these
numbers: other numbers are another version of the format.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EARLIEST",
    "MORE",
    "MORE_BEST",
    "NEW",
    "RANKS",
    "SIGNS",
    "STEPS_FIRST",
    "STEPS_NEXT",
    "TIMES",
    "TIMES_BEST",
]

_Table = NDArray[np.int64]


def _falling(first: int, falls: float, places: int, *after: int) -> tuple[int, ...]:
    """Frequencies that fall from place to place, by a factor, down to 1."""
    found, value = list[int](), first
    for _ in range(places):
        found.append(max(value, 1))
        value = int(value * falls)
    return (*found, *after)


def _table(*frequencies: int) -> _Table:
    return np.array(frequencies, np.int64)


MORE = (_table(38, 62), _table(50, 50), _table(48, 52), _table(52, 48))
"""Whether a state has another way, after 1, 2, 3 or more of them."""
MORE_BEST = (_table(38, 62), _table(30, 70), _table(33, 67), _table(34, 66))
"""The same for states on the best path."""
NEW = (_table(58, 42), _table(40, 60), _table(80, 20))
"""Whether a way leads to a new state: a first way, another one from the best path, any other."""
RANKS = _table(*_falling(2100, 0.3, 1), *_falling(850, 0.62, 15), *_falling(8, 0.97, 16, 11))
"""How many states are more alike than the one that a way leads to; the last: more than these."""
SIGNS = _table(50, 50)
"""Whether a state's second way costs more, or less, than the first."""
STEPS_FIRST = _table(*_falling(440, 0.85, 16), *_falling(16, 0.9, 47, 1))
"""Steps of a state's second way, from 1; the last: more than these."""
STEPS_NEXT = _table(510, *_falling(700, 0.65, 12), *_falling(4, 0.8, 50, 1))
"""Steps of later ways beyond those before."""
EARLIEST = 48
"""The place of 0 in the two tables that follow; their last two stand for later and for earlier."""
TIMES = _table(*range(1, 49), 1220, 200, *_falling(66, 0.88, 46, 4, 4))
"""Frames from the end of a word to that of the state most alike."""
TIMES_BEST = _table(*[1] * 48, 10, 12, 14, 18, 26, 36, 46, 56, 56, *_falling(54, 0.93, 55, 4, 1))
"""Frames from the end of a word on the best path to that of the next."""
