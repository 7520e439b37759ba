"""When one side of a stream holds back: cycles of rest before each transfer.

A stall is a function without arguments. STALLS holds one maker of each kind by name, for
parametrised tests; call the maker, not the stall, once for each side.
"""

from collections.abc import Callable
from itertools import cycle
from random import Random

__all__ = ["STALLS", "Stall", "never", "pattern", "seeded"]

Stall = Callable[[], int]
"""Cycles to wait before the next transfer."""


def never() -> int:
    """The wait of a side that never stalls: 0 cycles."""
    return 0


def pattern(*waits: int) -> Stall:
    """The same waits over and over."""
    if not waits or min(waits) < 0:
        raise ValueError(f"a pattern wants waits of 0 cycles or more, not {waits}")
    return cycle(waits).__next__


def seeded(seed: int, *, chance: float = 0.4, most: int = 7) -> Stall:
    """Random waits, the same for a seed: 1 to `most` cycles with probability `chance`, else 0."""
    if not 0 <= chance <= 1 or most < 1:
        raise ValueError(f"wanted a chance from 0 to 1 and most >= 1, not {chance} and {most}")
    random = Random(seed)

    def stall() -> int:
        return random.randint(1, most) if random.random() < chance else 0

    return stall


STALLS: dict[str, Callable[[int], Stall]] = {
    "none": lambda seed: never,
    "fixed": lambda seed: pattern(*((1, 0, 3) if seed % 2 else (0, 2))),
    "random": lambda seed: seeded(seed),
}
"""Makers by name; the number distinguishes the sides of one test."""
