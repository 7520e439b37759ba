"""Utterances as a recogniser cuts them out, of many recordings at once, in the machine's integers.

What `sordino.recogniser` does with an end-pointer, without speculations: an utterance ends with the
final decision, the machine's memories are cleared, and the next one goes on where it ended. The
running mean of the features begins anew there.
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

_Layers = tuple[NDArray[np.int8], ...]
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
    recordings: Sequence[NDArray[np.float64]],
    decide: Decide,
    longest: int | None = None,
    *,
    keeps: bool = False,
) -> list[list[Piece]]:
    """The utterances that have a token, of the cepstra (frames, cepstra) of each recording.

    A frame of the transducer is one vector. `longest` is that of an utterance, in vectors; None: as
    a recogniser has it by default. With `keeps` the encoder keeps its state from one utterance to
    the next, and the features' mean goes on; else both begin anew.
    """
    stack = definition.stack
    if longest is None:
        longest = -(-round(LONGEST_S * definition.front_end.frame_rate) // stack)
    found: list[list[Piece]] = [[] for _ in recordings]
    counts = [len(c) // stack for c in recordings]
    at = [0] * len(recordings)
    left = [number for number, count in enumerate(counts) if count]
    encode = (_Kept if keeps else _Anew)(hearing, definition, recordings)
    while left:
        sizes = [min(longest, counts[n] - at[n]) for n in left]
        lasts = [
            size < longest and at[n] + size == counts[n]
            for n, size in zip(left, sizes, strict=True)
        ]
        more = [PADDING * last for last in lasts]
        parts = encode(left, [at[n] for n in left], sizes, more)
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
        left = [n for n in left if at[n] < counts[n]]
    return found


class _Anew:
    """What the encoder says of an utterance that is heard as a recording of its own."""

    def __init__(
        self,
        hearing: Hearing,
        definition: FeatureDefinition,
        recordings: Sequence[NDArray[np.float64]],
    ) -> None:
        self._hearing, self._definition, self._recordings = hearing, definition, recordings

    def __call__(
        self, numbers: Sequence[int], at: Sequence[int], sizes: Sequence[int], more: Sequence[int]
    ) -> Sequence[_Layers]:
        """The layers, where so many vectors are heard from there on, and the last one again."""
        heads = [
            self._vectors(n, begin)[:size]
            for n, begin, size in zip(numbers, at, sizes, strict=True)
        ]
        return self._hearing.encode([_longer(x, n) for x, n in zip(heads, more, strict=True)])

    def _vectors(self, number: int, begin: int = 0) -> NDArray[np.int8]:
        """The machine's input vectors from one on, where an utterance begins, int8 (T, dim)."""
        cepstra = self._recordings[number][begin * self._definition.stack :]
        return self._definition.quantise(self._definition.model_input(cepstra))


class _Kept(_Anew):
    """The same where the encoder keeps its state, and the mean of the features goes on."""

    def __init__(
        self,
        hearing: Hearing,
        definition: FeatureDefinition,
        recordings: Sequence[NDArray[np.float64]],
    ) -> None:
        super().__init__(hearing, definition, recordings)
        numbers = [n for n, c in enumerate(recordings) if len(c) >= definition.stack]
        wholes = [_longer(self._vectors(n), PADDING) for n in numbers]
        encoded = hearing.encode(wholes) if wholes else []
        self._encoded = dict(zip(numbers, encoded, strict=True))

    def __call__(
        self, numbers: Sequence[int], at: Sequence[int], sizes: Sequence[int], more: Sequence[int]
    ) -> Sequence[_Layers]:
        """The layers of so many vectors from there on, and of the last one heard again."""
        places = zip(numbers, at, sizes, more, strict=True)
        return [
            tuple(x[begin : begin + size + behind] for x in self._encoded[n])
            for n, begin, size, behind in places
        ]


def _longer(x: NDArray[np.int8], more: int) -> NDArray[np.int8]:
    """Vectors with the last one so many times more."""
    return np.concatenate([x, np.repeat(x[-1:], more, axis=0)])
