"""Utterances as a recogniser cuts them out, of many recordings at once, in the machine's integers.

What `sordino.recogniser` does with an end-pointer, without speculations: an utterance ends with the
final decision, the machine's memories are cleared, and the next one goes on where it ended.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.endpoint.decisions import Level, first_time
from sordino.endpoint.hearing import Heard, Hearing
from sordino.endpoint.integers import IntegerEndpointer
from sordino.recogniser.ends import LONGEST_S, PADDING
from sordino.speech.features import FeatureDefinition

__all__ = ["Decide", "Piece", "by_network", "cut"]

Decide = Callable[[Sequence[int], Sequence[Heard]], Sequence[int | None]]
"""The frame of the first final decision, of recordings with these numbers; None: there is none."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """An utterance that was cut out: its first input vector, the one behind its last, its tokens.

    last  whether the recording ended before the utterance did
    """

    begin: int
    end: int
    tokens: tuple[int, ...]
    last: bool


def by_network(
    network: IntegerEndpointer, inputs: Sequence[str], levels: Sequence[Level]
) -> Decide:
    """Return the decisions of an end-pointer that reads `inputs`, at a level for each recording."""

    def decide(numbers: Sequence[int], heard: Sequence[Heard]) -> list[int | None]:
        scores = network.scores([one.read(inputs) for one in heard], [one.run for one in heard])
        return [
            first_time(score, one.run, levels[number])
            for number, score, one in zip(numbers, scores, heard, strict=True)
        ]

    return decide


def cut(
    hearing: Hearing,
    definition: FeatureDefinition,
    recordings: Sequence[NDArray[np.int8]],
    decide: Decide,
    longest: int | None = None,
    *,
    keeps: bool = False,
) -> list[list[Piece]]:
    """The utterances of each recording (T, dim) that have a token.

    A frame of the transducer is one vector. `longest` is that of an utterance, in vectors; None: as
    a recogniser has it by default. With `keeps` the encoder keeps its state from one utterance to
    the next; else it is cleared.
    """
    if longest is None:
        longest = -(-round(LONGEST_S * definition.front_end.frame_rate) // definition.stack)
    found: list[list[Piece]] = [[] for _ in recordings]
    at = [0] * len(recordings)
    left = [number for number, x in enumerate(recordings) if len(x)]
    padded = [np.concatenate([x, np.repeat(x[-1:], PADDING, axis=0)]) for x in recordings]
    encoded = {}
    if keeps:
        encoded = dict(zip(left, hearing.encode([padded[n] for n in left]), strict=True))
    while left:
        sizes = [min(longest, len(recordings[n]) - at[n]) for n in left]
        lasts = [at[n] + size == len(recordings[n]) for n, size in zip(left, sizes, strict=True)]
        heads = [
            slice(at[n], at[n] + size + PADDING * last)
            for n, size, last in zip(left, sizes, lasts, strict=True)
        ]
        if keeps:
            parts = [tuple(x[h] for x in encoded[n]) for n, h in zip(left, heads, strict=True)]
        else:
            parts = hearing.encode([padded[n][h] for n, h in zip(left, heads, strict=True)])
        heard = hearing.decode(parts)
        frames = decide(left, heard)
        for n, size, last, one, frame in zip(left, sizes, lasts, heard, frames, strict=True):
            if frame is not None and frame < size:
                last, until = False, frame + 1
            else:
                until = size + PADDING * last
            tokens = tuple(t for t, f in zip(one.tokens, one.frames, strict=True) if f < until)
            end = at[n] + min(until, size)
            if tokens:
                found[n].append(Piece(begin=at[n], end=end, tokens=tokens, last=last))
            at[n] = end
        left = [n for n in left if at[n] < len(recordings[n])]
    return found
