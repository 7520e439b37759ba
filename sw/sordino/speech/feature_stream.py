"""Model input while somebody speaks: frames in as they come, vectors out as soon as they can be."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sordino.errors import InputError
from sordino.speech.features import FeatureDefinition

__all__ = ["FeatureStream", "UtteranceFeatures", "VectorStream", "vector_stream"]

_Frames = NDArray[np.float64]


class VectorStream(Protocol):
    """Makes the vectors of `FeatureDefinition.model_input` of cepstra that come bit by bit."""

    def push(self, cepstra: ArrayLike) -> _Frames:
        """The vectors (m, dim) that the next frames (n, cepstra) complete."""

    def end(self) -> _Frames:
        """The vectors (m, dim) that waited for frames which do not come."""


class _Delta:
    """Frames late by the reach of the taps, each with the deltas of its last `cepstra` values."""

    def __init__(self, taps: Sequence[float], cepstra: int) -> None:
        self._taps, self._cepstra = taps, cepstra
        self._frames: _Frames | None = None  # the ones before the next to go out, and after it

    def push(self, frames: _Frames) -> _Frames:
        reach = len(self._taps)
        if self._frames is None:
            if not len(frames):
                return np.zeros((0, frames.shape[1] + self._cepstra))
            self._frames = np.repeat(frames[:1], reach, axis=0)  # the edge is repeated
        around = np.concatenate([self._frames, frames])
        count = max(0, len(around) - 2 * reach)
        x = around[:, -self._cepstra :]
        delta = np.zeros((count, self._cepstra))
        for k, tap in enumerate(self._taps, start=1):
            delta += tap * (x[reach + k :][:count] - x[reach - k :][:count])
        self._frames = around[count:].copy()
        return np.concatenate([around[reach:][:count], delta], axis=1)

    def end(self, width: int) -> _Frames:
        """What was held back, with the last frame repeated."""
        if self._frames is None:
            return np.zeros((0, width + self._cepstra))
        return self.push(np.repeat(self._frames[-1:], len(self._taps), axis=0))


class FeatureStream:
    """The vectors of `FeatureDefinition.model_input`, bit for bit, of a recording that goes on.

    A vector comes out with the frame `look_ahead` frames after its own last one. Raises InputError
    for a definition whose mean is taken over the whole utterance.
    """

    def __init__(self, definition: FeatureDefinition) -> None:
        if definition.look_ahead is None:
            raise InputError(
                "wanted features with a running mean, got the utterance's mean, which is known at "
                "its end; train with mean_over = 'running'"
            )
        self._definition = definition
        self._sums, self._count = np.zeros(definition.cepstra), 0
        self._deltas = [_Delta(definition.delta_taps, definition.cepstra) for _ in range(2)]
        self._stacked = np.zeros((0, 3 * definition.cepstra))

    def push(self, cepstra: ArrayLike) -> _Frames:
        """The vectors (m, dim) that the next frames (n, cepstra) complete, or one (cepstra,).

        Raises InputError for another shape and for values that are not finite; nothing has changed
        then.
        """
        c = _checked(cepstra, self._definition)
        sums = np.concatenate([self._sums[None], c]).cumsum(axis=0)
        counts = np.arange(self._count + 1.0, self._count + len(c) + 1)[:, None]
        self._sums, self._count = sums[-1], self._count + len(c)
        x = self._definition.normalise(c, self._definition.running_mean(sums[1:], counts))
        return self._stack(self._deltas[1].push(self._deltas[0].push(x)))

    def end(self) -> _Frames:
        """The vectors (n, dim) that waited for frames which do not come; afterwards it is over."""
        size = self._definition.cepstra
        frames = self._deltas[1].push(self._deltas[0].end(size))
        return self._stack(np.concatenate([frames, self._deltas[1].end(2 * size)]))

    def _stack(self, frames: _Frames) -> _Frames:
        stacked = np.concatenate([self._stacked, frames])
        size = self._definition.stack
        vectors = len(stacked) // size
        self._stacked = stacked[vectors * size :].copy()
        return stacked[: vectors * size].reshape(vectors, self._definition.dim)


class UtteranceFeatures:
    """The same of a definition whose mean is the utterance's: it holds all frames to the end."""

    def __init__(self, definition: FeatureDefinition) -> None:
        self._definition, self._held, self._count = definition, list[_Frames](), 0

    def push(self, cepstra: ArrayLike) -> _Frames:
        """No vector (0, dim). Raises InputError as `FeatureStream.push`."""
        c = _checked(cepstra, self._definition)
        self._held.append(c)
        self._count += len(c)
        return np.zeros((0, self._definition.dim))

    def end(self) -> _Frames:
        """All vectors (n, dim); afterwards it is over."""
        if self._count < self._definition.stack:
            return np.zeros((0, self._definition.dim))
        return self._definition.model_input(np.concatenate(self._held))


def vector_stream(definition: FeatureDefinition) -> VectorStream:
    """What makes a definition's vectors of frames that come bit by bit."""
    if definition.look_ahead is None:
        return UtteranceFeatures(definition)
    return FeatureStream(definition)


def _checked(cepstra: ArrayLike, definition: FeatureDefinition) -> _Frames:
    """Frames (n, cepstra) of finite values; InputError for others."""
    c = np.atleast_2d(np.asarray(cepstra, dtype=np.float64))
    if c.ndim != 2 or c.shape[1] != definition.cepstra or not np.isfinite(c).all():
        raise InputError(
            f"wanted frames of {definition.cepstra} finite cepstra, got {cepstra!r}; repair them"
        )
    return c
