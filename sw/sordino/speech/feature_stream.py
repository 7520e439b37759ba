"""Model input while somebody speaks: frames in, one by one, vectors out as soon as they can be."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sordino.errors import InputError
from sordino.speech.features import FeatureDefinition

__all__ = ["FeatureStream"]

_Frame = NDArray[np.float64]


class _Delta:
    """Frames late by the reach of the taps, each with the deltas of its last `cepstra` values."""

    def __init__(self, taps: Sequence[float], cepstra: int) -> None:
        self._taps, self._cepstra = taps, cepstra
        self._frames: list[_Frame] = []  # the ones around the next to go out

    def push(self, frame: _Frame) -> list[_Frame]:
        if not self._frames:  # the edge is repeated
            self._frames = [frame] * len(self._taps)
        self._frames.append(frame)
        if len(self._frames) <= 2 * len(self._taps):
            return []
        reach, x = len(self._taps), [f[-self._cepstra :] for f in self._frames]
        delta = np.zeros(self._cepstra)
        for k, tap in enumerate(self._taps, start=1):
            delta += tap * (x[reach + k] - x[reach - k])
        out = np.concatenate([self._frames[reach], delta])
        del self._frames[0]
        return [out]

    def end(self) -> list[_Frame]:
        """What was held back, with the last frame repeated."""
        last = self._frames[-1:]
        return [out for _ in self._taps for frame in last for out in self.push(frame)]


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
        self._stacked: list[_Frame] = []

    def push(self, cepstra: ArrayLike) -> NDArray[np.float64]:
        """The vectors (0 or 1, dim) that the next frame (cepstra,) completes.

        Raises InputError for another shape or values that are not finite.
        """
        c = np.asarray(cepstra, dtype=np.float64)
        if c.shape != (self._definition.cepstra,) or not np.isfinite(c).all():
            raise InputError(
                f"wanted a frame of {self._definition.cepstra} finite cepstra, got {cepstra!r}"
            )
        self._sums += c
        self._count += 1
        x = self._definition.normalise(c, self._definition.running_mean(self._sums, self._count))
        return self._stack([z for y in self._deltas[0].push(x) for z in self._deltas[1].push(y)])

    def end(self) -> NDArray[np.float64]:
        """The vectors (n, dim) that waited for frames which do not come; afterwards it is over."""
        frames = [z for y in self._deltas[0].end() for z in self._deltas[1].push(y)]
        return self._stack([*frames, *self._deltas[1].end()])

    def _stack(self, frames: Sequence[_Frame]) -> NDArray[np.float64]:
        self._stacked += frames
        size = self._definition.stack
        vectors = len(self._stacked) // size
        done, self._stacked = self._stacked[: vectors * size], self._stacked[vectors * size :]
        return np.array(done, np.float64).reshape(vectors, self._definition.dim)
