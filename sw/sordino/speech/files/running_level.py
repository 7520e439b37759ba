"""What a recording is like that goes on: the measures of `level` that need no second look."""

import math

import numpy as np
from numpy.typing import NDArray

from sordino.speech.files.level import Audio

__all__ = ["RunningLevel"]

_FULL_SCALE = 32768.0
_WINDOW_SECONDS = 0.2
_PAUSE_DB = 20
_NOISE = 1e-20
_CEILING = 32767 / 32768


class RunningLevel:
    """Measures samples as they come, in bounded memory.

    The level of speech is that of windows of 0.2 s within 20 dB of the loudest, in steps of a
    decibel, each without its own offset; `level.measure` takes out the whole recording's. The
    bandwidth is not measured.
    """

    def __init__(self, rate: int) -> None:
        self._rate, self._size = rate, max(1, round(_WINDOW_SECONDS * rate))
        self._left = np.zeros(0)
        self._count, self._sum, self._peak, self._at_ceiling = 0, 0.0, 0.0, 0
        self._windows: dict[int, tuple[int, float]] = {}  # by decibels: how many, their power

    def add(self, samples: NDArray[np.float64]) -> None:
        """Measure samples (n,), float64 in int16 units."""
        if not len(samples):
            return
        x = samples / _FULL_SCALE
        size = np.abs(x)
        self._count += len(x)
        self._sum += float(x.sum())
        self._peak = max(self._peak, float(size.max()))
        self._at_ceiling += int((size >= _CEILING).sum())
        held = np.concatenate([self._left, x])
        whole = len(held) // self._size * self._size
        self._left = held[whole:].copy()
        self._file(held[:whole].reshape(-1, self._size))

    def _file(self, windows: NDArray[np.float64]) -> None:
        for power in windows.var(axis=1).tolist():
            if power > _NOISE:
                place = math.floor(10 * math.log10(power))
                count, total = self._windows.get(place, (0, 0.0))
                self._windows[place] = count + 1, total + power

    def audio(self) -> Audio:
        """What the samples so far are like."""
        if not self._windows and len(self._left):
            self._file(self._left[None])
        level = None
        if self._windows:
            loud = [n for n in self._windows if n >= max(self._windows) - _PAUSE_DB]
            count = sum(self._windows[n][0] for n in loud)
            level = 10 * math.log10(sum(self._windows[n][1] for n in loud) / count)
        return Audio(
            rate_hz=self._rate,
            channels=1,
            seconds=self._count / self._rate,
            level_dbfs=level,
            peak_dbfs=20 * math.log10(self._peak) if self._peak else None,
            clipped=self._at_ceiling / max(1, self._count),
            dc=self._sum / max(1, self._count),
            bandwidth_hz=None,
            mixed_db=None,
            missing=None,
            uncounted=0.0,
        )
