"""How like a recording that goes on is to what its model was trained on, in bounded memory.

The same as `sordino.speech.doubts.likeness` of a whole recording's frames near speech, but for two
things. How loud a frame is, is told without its own offset, not the recording's, and in steps of a
decibel. And the model's input is what it heard, long pauses before it included.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sordino.speech.doubts import Likeness, likeness_of_means
from sordino.speech.features import FeatureDefinition
from sordino.speech.pauses import NEAR_SECONDS, PAUSE_DB

__all__ = ["RunningLikeness"]

_Floats = NDArray[np.float64]
_NOISE = 1e-12
"""Of the power of one step of 16 bits."""


class RunningLikeness:
    """Measures samples, cepstra and features as they come.

    A frame is as loud as the loudest one within half a second. What is as loud is added up, decibel
    by decibel; which of them are speech shows at the end. What came last waits until more comes:
    its vectors may be made anew.
    """

    def __init__(self, definition: FeatureDefinition) -> None:
        front = definition.front_end
        self._definition = definition
        self._hop = max(1, front.sample_rate // front.frame_rate)
        self._reach = round(NEAR_SECONDS * front.frame_rate)
        self._last: tuple[_Floats, _Floats, _Floats] | None = None
        self._samples = np.zeros(0)
        self._powers = np.zeros(self._reach)  # from `reach` before the next frame to file on
        self._cepstra = np.zeros((0, definition.cepstra))  # of frames that are not filed
        self._features = np.zeros((0, definition.dim))
        self._loudness = np.zeros(0, np.int64)  # of frames whose vectors are not filed
        self._frames: dict[int, tuple[int, _Floats]] = {}  # by decibels: how many, their sum
        self._vectors: dict[int, tuple[int, float]] = {}

    def add(self, samples: _Floats, cepstra: _Floats, features: _Floats) -> None:
        """Samples (n,) in int16 units, and the frames (m, cepstra) and vectors (k, dim) of them."""
        self._take()
        self._last = samples, cepstra, features

    def replace(self, features: _Floats) -> None:
        """Vectors (k, dim) in the place of the last k of those that were added last."""
        assert self._last is not None
        samples, cepstra, before = self._last
        kept = before[: len(before) - len(features)]
        self._last = samples, cepstra, np.concatenate([kept, features])

    def _take(self) -> None:
        """Count what came last."""
        if self._last is None:
            return
        (samples, cepstra, features), self._last = self._last, None
        held = np.concatenate([self._samples, samples])
        whole = len(held) // self._hop
        self._samples = held[whole * self._hop :].copy()
        self._powers = np.concatenate(
            [self._powers, held[: whole * self._hop].reshape(whole, self._hop).var(axis=1)]
        )
        self._cepstra = np.concatenate([self._cepstra, cepstra])
        self._features = np.concatenate([self._features, features])
        self._file(min(len(self._cepstra), max(0, len(self._powers) - 2 * self._reach)))

    def likeness(self) -> Likeness:
        """What all that came is like; nothing comes afterwards."""
        self._take()
        count = len(self._cepstra)
        missing = max(0, count + 2 * self._reach - len(self._powers))
        self._powers = np.concatenate([self._powers, np.zeros(missing)])
        self._file(count)
        if not self._frames or not self._vectors:
            return Likeness()
        least = max(self._frames) - PAUSE_DB
        frames = [its for place, its in self._frames.items() if place >= least]
        vectors = [its for place, its in self._vectors.items() if place >= least]
        if not vectors:
            frames, vectors = [*self._frames.values()], [*self._vectors.values()]
        mean = sum((total for _, total in frames), np.zeros(self._definition.cepstra))
        size = self._definition.dim * sum(count for count, _ in vectors)
        return likeness_of_means(
            self._definition,
            sum(total for _, total in vectors) / size,
            mean / sum(count for count, _ in frames),
        )

    def _file(self, count: int) -> None:
        """Add up the next frames, around which all is known, and the vectors that they complete."""
        if count:
            around = sliding_window_view(self._powers, 2 * self._reach + 1)[:count].max(axis=1)
            places = np.floor(10 * np.log10(np.maximum(around, _NOISE))).astype(np.int64)
            for place in np.unique(places).tolist():
                own = self._cepstra[:count][places == place]
                number, total = self._frames.get(place, (0, np.zeros(self._definition.cepstra)))
                self._frames[place] = number + len(own), total + own.sum(axis=0)
            self._powers, self._cepstra = self._powers[count:].copy(), self._cepstra[count:].copy()
            self._loudness = np.concatenate([self._loudness, places])
        stack = self._definition.stack
        vectors = min(len(self._features), len(self._loudness) // stack)
        if vectors:
            places = self._loudness[: vectors * stack].reshape(vectors, stack).max(axis=1)
            for place in np.unique(places).tolist():
                mine = self._features[:vectors][places == place]
                number, power = self._vectors.get(place, (0, 0.0))
                self._vectors[place] = number + len(mine), power + float((mine**2).sum())
            self._features = self._features[vectors:].copy()
            self._loudness = self._loudness[vectors * stack :].copy()
