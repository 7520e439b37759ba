"""Two second opinions as one: a language model and phrases, say."""

from collections.abc import Sequence
from typing import Any

from sordino.decode.beam import Fusion

__all__ = ["FusionSum"]


class FusionSum:
    """The sum of several fusions, of which each has its own part of the state.

    Where all of them can say whole words, so can the sum.
    """

    def __init__(self, parts: Sequence[Fusion]) -> None:
        self.parts = tuple(parts)

    def start(self) -> tuple[Any, ...]:
        """The states before the first token."""
        return tuple(part.start() for part in self.parts)

    def advance(self, state: tuple[Any, ...], token: int) -> tuple[Any, ...]:
        """The states after one more token."""
        return tuple(p.advance(own, token) for p, own in zip(self.parts, state, strict=True))

    def score(self, state: tuple[Any, ...]) -> float:
        """The nats of all while the search goes on."""
        return sum(part.score(own) for part, own in zip(self.parts, state, strict=True))

    def final(self, state: tuple[Any, ...]) -> float:
        """The nats of all where the utterance ends here."""
        return sum(part.final(own) for part, own in zip(self.parts, state, strict=True))

    def say(self, state: tuple[Any, ...], word: str) -> tuple[tuple[Any, ...], float]:
        """The states after a whole word, and the nats of all for it."""
        parts: tuple[Any, ...] = self.parts
        said = [part.say(own, word) for part, own in zip(parts, state, strict=True)]
        return tuple(after for after, _ in said), sum(nats for _, nats in said)

    def finish(self, state: tuple[Any, ...]) -> float:
        """The nats of all for an end after a whole word."""
        parts: tuple[Any, ...] = self.parts
        return float(sum(part.finish(own) for part, own in zip(parts, state, strict=True)))
