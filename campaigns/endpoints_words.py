"""Word errors of what an end-pointer cuts out, with silence or noise behind."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from campaigns.endpoints_apart import BEHIND
from campaigns.endpoints_data import FRAME_MS, Sets
from campaigns.endpoints_rules import Found, Network
from sordino.endpoint.cutting import Piece, by_network, cut
from sordino.endpoint.integers import IntegerEndpointer
from sordino.endpoint.judge import Judged
from sordino.endpoint.sets import Example
from sordino.speech.text import Speller
from sordino.speech.wer import Wer, paired_bootstrap, word_error_rate

__all__ = ["SOME", "Heard", "ends_of", "heard", "heard_behind"]

SOME = (0.2, BEHIND)
"""Seconds of what is behind."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """Word errors of the same recordings, heard in four ways.

    plain  as they end
    whole  with what is behind, without end-pointing
    first  with what is behind, the first utterance that is cut out alone
    every  the same, all utterances one behind the other, as `sordino eval --endpoints` counts
    """

    plain: Wer
    whole: Wer
    first: Wer
    every: Wer

    def row(self, name: str) -> tuple[str, ...]:
        """Shares and numbers of errors, and what end-pointing all utterances costs."""
        every, plain = self.every, self.plain
        low, high = paired_bootstrap(
            every.utterance_errors, plain.utterance_errors, every.utterance_words
        )
        shown = [f"{one.wer:.2%} ({one.errors})" for one in (plain, self.whole, self.first, every)]
        return (name, *shown, f"{every.wer - plain.wer:+.2%} ({low:+.2%} to {high:+.2%})")

    def split(self, name: str) -> tuple[str, ...]:
        """Errors more: by what is behind, by ends, and those that only the first one alone has."""
        steps = (
            self.whole.errors - self.plain.errors,
            self.every.errors - self.whole.errors,
            self.first.errors - self.every.errors,
        )
        return (name, *(f"{step:+d}" for step in steps))


def ends_of(examples: Sequence[Example], seed: int = 0) -> list[int]:
    """In how many frames each recording ends, with some of what is behind."""
    rng = np.random.default_rng(seed)
    return [_spoken(one) + int(rng.uniform(*SOME) * 1000 / FRAME_MS) for one in examples]


def _spoken(example: Example) -> int:
    """The frames of a recording as it ends."""
    return len(example.encoder) - round(BEHIND * 1000 / FRAME_MS)


def heard(
    examples: Sequence[Example],
    ends: Sequence[int],
    pieces: Sequence[Sequence[Piece]],
    speller: Speller,
) -> Heard:
    """Word errors of examples that end in so many frames, and of what is cut out of them."""

    def until(frames: Sequence[int]) -> list[str]:
        counts = [sum(t < n for t in e.frames) for e, n in zip(examples, frames, strict=True)]
        return [speller.text(e.tokens[:n]) for e, n in zip(examples, counts, strict=True)]

    said = [[speller.text(piece.tokens) for piece in own] for own in pieces]
    ways = {
        "plain": until([_spoken(one) for one in examples]),
        "whole": until(ends),
        "first": ["".join(texts[:1]) for texts in said],
        "every": [" ".join(texts) for texts in said],
    }
    texts = [one.text for one in examples]
    return Heard(**{way: word_error_rate(texts, own) for way, own in ways.items()})


def heard_behind(
    sets: Sets, network: Network, found: Found, judged: Judged, what: str, speller: Speller
) -> Heard:
    """Word errors of the development speakers with `what` behind, each at the levels for him."""
    examples = sets.behind("dev", what)
    levels = [found.points[judged.points[one.speaker][0]] for one in examples]
    decide = by_network(
        IntegerEndpointer(network.tensors, network.recipe.bits), network.recipe.inputs, levels
    )
    ends = ends_of(examples)
    definition = sets.maker.definition
    recordings = [
        cepstra[: end * definition.stack]
        for cepstra, end in zip(sets.cepstra("dev", what), ends, strict=True)
    ]
    pieces = cut(sets.maker.hearing, definition, recordings, decide)
    return heard(examples, ends, pieces, speller)
