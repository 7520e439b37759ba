"""Model input while somebody speaks: frames in as they come, vectors out as soon as they can be."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sordino.errors import InputError
from sordino.speech.features import FeatureDefinition

__all__ = ["FeatureStream", "UtteranceFeatures", "VectorStream", "frames_of", "vector_stream"]

_Frames = NDArray[np.float64]
_LARGEST = 1e100
"""Beyond it sums and squares of cepstra may be none."""


class VectorStream(Protocol):
    """Makes the vectors of `FeatureDefinition.model_input` of cepstra that come bit by bit."""

    def push(self, cepstra: ArrayLike) -> _Frames:
        """The vectors (m, dim) that the next frames (n, cepstra) complete."""

    def end(self, cepstra: ArrayLike | None = None) -> _Frames:
        """The vectors (m, dim) of the last frames, if any, and that waited for more to come."""

    def anew(self, unused: int) -> _Frames:
        """The last `unused` vectors of those that came out last, as an utterance begins there."""


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

    A vector comes out with the frame `look_ahead` frames after its own last one. Beside what waits
    for others, the frames of the vectors that came out last are held. Raises InputError for a
    definition whose mean is taken over the whole utterance.
    """

    def __init__(self, definition: FeatureDefinition) -> None:
        if definition.look_ahead is None:
            raise InputError(
                "wanted features with a running mean, got the utterance's mean, which is known at "
                "its end; train with mean_over = 'running'"
            )
        self._definition, self._ended = definition, False
        self._begin()

    def _begin(self) -> None:
        """Begin an utterance, of which no frame was heard."""
        definition = self._definition
        self._sums, self._count = np.zeros(definition.cepstra), 0
        self._deltas = [_Delta(definition.delta_taps, definition.cepstra) for _ in range(2)]
        self._stacked = np.zeros((0, 3 * definition.cepstra))
        self._held, self._last = np.zeros((0, definition.cepstra)), 0

    def push(self, cepstra: ArrayLike) -> _Frames:
        """The vectors (m, dim) that the next frames (n, cepstra) complete, or one (cepstra,).

        Raises InputError for another shape and for values that are not finite; nothing has changed
        then.
        """
        return self._batch(frames_of(cepstra, self._definition))

    def end(self, cepstra: ArrayLike | None = None) -> _Frames:
        """The vectors (n, dim) of the last frames, if any, and that waited for more to come.

        Afterwards it is over. Raises InputError as `push`.
        """
        frames = np.zeros((0, self._definition.cepstra))
        if cepstra is not None:
            frames = frames_of(cepstra, self._definition)
        self._ended = True
        return self._batch(frames)

    def anew(self, unused: int) -> _Frames:
        """The last `unused` vectors of those that came out last, as an utterance begins there.

        It begins with the first frame of the first one: from there on all is as if nothing had been
        heard before. These vectors are then those that came out last. Raises InputError for more
        than came out.
        """
        _expect_unused(unused, self._last)
        frames = self._held[(self._last - unused) * self._definition.stack :]
        self._begin()
        vectors = self._batch(frames)
        assert len(vectors) == unused, "a vector needs as many frames behind it as before"
        return vectors

    def _batch(self, c: _Frames) -> _Frames:
        """What comes out with the next frames."""
        self._held = np.concatenate([self._held[self._last * self._definition.stack :], c])
        sums = np.concatenate([self._sums[None], c]).cumsum(axis=0)
        counts = np.arange(self._count + 1.0, self._count + len(c) + 1)[:, None]
        self._sums, self._count = sums[-1], self._count + len(c)
        x = self._definition.normalise(c, self._definition.running_mean(sums[1:], counts))
        frames = self._deltas[1].push(self._deltas[0].push(x))
        if self._ended:
            size = self._definition.cepstra
            late = self._deltas[1].push(self._deltas[0].end(size))
            frames = np.concatenate([frames, late, self._deltas[1].end(2 * size)])
        vectors = self._stack(frames)
        self._last = len(vectors)
        return vectors

    def _stack(self, frames: _Frames) -> _Frames:
        stacked = np.concatenate([self._stacked, frames])
        size = self._definition.stack
        vectors = len(stacked) // size
        self._stacked = stacked[vectors * size :].copy()
        return stacked[: vectors * size].reshape(vectors, self._definition.dim)


class UtteranceFeatures:
    """The same of a definition whose mean is the utterance's: it holds all frames to the end."""

    def __init__(self, definition: FeatureDefinition) -> None:
        self._definition, self._held = definition, list[_Frames]()
        self._last, self._ended = 0, False

    def push(self, cepstra: ArrayLike) -> _Frames:
        """No vector (0, dim). Raises InputError as `FeatureStream.push`."""
        self._held.append(frames_of(cepstra, self._definition))
        return np.zeros((0, self._definition.dim))

    def end(self, cepstra: ArrayLike | None = None) -> _Frames:
        """All vectors (n, dim), with the last frames, if any; afterwards it is over."""
        if cepstra is not None:
            self.push(cepstra)
        self._ended = True
        return self._all()

    def anew(self, unused: int) -> _Frames:
        """The last `unused` vectors (unused, dim), as an utterance begins there.

        It has the mean of all that is behind the cut, up to the end: where the next cut will be,
        nobody knows. Before the end no vector has come out, and nothing changes. Raises InputError
        as `FeatureStream.anew`.
        """
        _expect_unused(unused, self._last)
        if not self._ended:
            return np.zeros((0, self._definition.dim))
        frames = np.concatenate(self._held) if self._held else np.zeros((0, 0))
        self._held = [frames[(self._last - unused) * self._definition.stack :]]
        return self._all()

    def _all(self) -> _Frames:
        """The vectors of all frames that are held."""
        vectors = np.zeros((0, self._definition.dim))
        if sum(map(len, self._held)) >= self._definition.stack:
            vectors = self._definition.model_input(np.concatenate(self._held))
        self._last = len(vectors)
        return vectors


def vector_stream(definition: FeatureDefinition) -> VectorStream:
    """What makes a definition's vectors of frames that come bit by bit."""
    if definition.look_ahead is None:
        return UtteranceFeatures(definition)
    return FeatureStream(definition)


def frames_of(cepstra: ArrayLike, definition: FeatureDefinition) -> _Frames:
    """Frames (n, cepstra), or one (cepstra,), as float64 (n, cepstra).

    Raises InputError for another shape or type, and for values that are not finite or beyond 1e100.
    """
    size, wanted = definition.cepstra, f"wanted frames of {definition.cepstra} finite cepstra"
    try:
        given = np.asarray(cepstra)
    except (TypeError, ValueError) as error:
        raise InputError(f"{wanted}, got no array ({error}); give shape (n, {size})") from None
    if given.dtype.kind not in "fiu" or given.ndim not in (1, 2) or given.shape[-1] != size:
        raise InputError(
            f"{wanted}, got {given.dtype} of shape {given.shape}; give floats of shape (n, {size})"
        )
    frames = np.atleast_2d(given).astype(np.float64)
    if not (np.abs(frames) <= _LARGEST).all():
        raise InputError(f"{wanted}, got {np.abs(frames).max():.3g}; repair them")
    return frames


def _expect_unused(unused: int, most: int) -> None:
    if not 0 <= unused <= most:
        raise InputError(
            f"wanted 0 to {most} vectors to be made anew, those that came out last, got {unused}; "
            "begin an utterance before more is pushed"
        )
