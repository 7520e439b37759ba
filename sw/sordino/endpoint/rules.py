"""Rules that end-point without a network: runs of blanks, and runs gated by a language model."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sordino.decode.ngram import BEGIN, END, NgramModel
from sordino.endpoint.sets import Example
from sordino.speech.text import Speller

__all__ = ["BLANKS", "GATED", "blanks", "gated", "readiness"]

BLANKS = tuple(range(2, 26))
"""Frames without a token."""
GATED = tuple(
    (short, long, limit)
    for short, long, limit in product(range(2, 15), range(8, 21), (-0.5, -1.0, -2.0, -3.0))
    if short < long
)
"""Frames without a token where the n-gram is ready to end and where not, and ln p that divides."""
_NEVER = -1


def blanks(examples: Sequence[Example], counts: Sequence[int] = BLANKS) -> NDArray[np.int64]:
    """The frame in which so many frames had no token, (counts, examples); -1: none."""
    found = np.full((len(counts), len(examples)), _NEVER)
    for column, one in enumerate(examples):
        since = one.run - 1
        for row, count in enumerate(counts):
            at = np.flatnonzero(since >= count)
            found[row, column] = at[0] if len(at) else _NEVER
    return found


def readiness(examples: Sequence[Example], model: NgramModel, speller: Speller) -> list[
    NDArray[np.float64]
]:  # fmt: skip
    """ln p(end | words so far) in each frame, (T,) of each example."""
    found = []
    for one in examples:
        logs = np.full(len(one.encoder), -np.inf)
        for count, frame in enumerate(one.frames, start=1):
            words = speller.text(one.tokens[:count]).split()
            logs[frame:] = model.log10(END, [BEGIN, *words]) * math.log(10)
        found.append(logs)
    return found


def gated(
    examples: Sequence[Example],
    ready: Sequence[NDArray[np.float64]],
    points: Sequence[tuple[int, int, float]] = GATED,
) -> NDArray[np.int64]:
    """The decisions of `blanks`, with the shorter count where the n-gram is ready to end."""
    found = np.full((len(points), len(examples)), _NEVER)
    for column, (one, logs) in enumerate(zip(examples, ready, strict=True)):
        since = one.run - 1
        high = {limit: logs > limit for limit in {limit for _, _, limit in points}}
        for row, (short, long, limit) in enumerate(points):
            at = np.flatnonzero(since >= np.where(high[limit], short, long))
            found[row, column] = at[0] if len(at) else _NEVER
    return found
