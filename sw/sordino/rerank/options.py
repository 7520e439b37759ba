"""How much a language model says of a lattice, and how many of its paths are looked at."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from sordino.errors import InputError

__all__ = ["RerankOptions"]

_MOST = 1e9
"""Nats, and weights, beyond which nothing else counts, and sums have no digits left."""


@dataclass(frozen=True, kw_only=True)
class RerankOptions:
    """How a lattice is ranked again; InputError for numbers that mean nothing.

    The defaults of weight and bonus are what `make rerank` chooses on all AN4 development speakers,
    with the models that ship.

    weight      of the language model's natural logarithms
    word_bonus  nats that are added to each word's logarithm before it is weighted, against the
                shortening that weights above 0 cause
    paths       paths that a model is asked about whose states cannot be compared, the best by a
                simpler model first
    words       words that it is asked about for one lattice, those that paths begin with alike
                once; the first path is always whole
    """

    weight: float = 1.0
    word_bonus: float = 3.0
    paths: int = 200
    words: int = 4096

    def __post_init__(self) -> None:
        weight: Any = self.weight
        if not isinstance(weight, Real) or not 0 <= self.weight <= _MOST:
            raise InputError(
                f"wanted a weight of at least 0 for the language model, got {weight!r}"
            )
        bonus: Any = self.word_bonus
        if not isinstance(bonus, Real) or not -_MOST <= self.word_bonus <= _MOST:
            raise InputError(f"wanted a number of nats for each word, got {bonus!r}")
        counts: tuple[Any, ...] = self.paths, self.words
        for name, count in zip(("paths", "words"), counts, strict=True):
            if not isinstance(count, Integral) or int(count) < 1:
                raise InputError(f"wanted at least 1 of the {name} of a lattice, got {count!r}")
