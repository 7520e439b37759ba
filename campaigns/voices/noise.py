"""Noise of several kinds, of power 1, drawn from a generator of random numbers."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError

__all__ = ["BABBLE", "KINDS", "Samples", "make_noise"]

Samples = NDArray[np.float64]
_Generator = np.random.Generator

BABBLE = "babble"
"""The kind that is made of other recordings."""
_LOWEST = 20.0
"""Hz; below there is nothing, or slopes would have no end."""


def _sloped(count: int, rate: int, rng: _Generator, exponent: float) -> Samples:
    """Gaussian noise whose power falls with frequency to this power above 20 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hz = np.fft.rfftfreq(count, 1 / rate)
    slope = np.maximum(hz, _LOWEST) ** (-exponent / 2)
    slope[hz < _LOWEST] = 0.0
    return np.asarray(np.fft.irfft(spectrum * slope, count))


def _white(count: int, rate: int, rng: _Generator) -> Samples:
    return rng.standard_normal(count)


def _pink(count: int, rate: int, rng: _Generator) -> Samples:
    return _sloped(count, rate, rng, 1)


def _brown(count: int, rate: int, rng: _Generator) -> Samples:
    return _sloped(count, rate, rng, 2)


def _harmonics(hz: Samples, rate: int, strengths: Sequence[float], rng: _Generator) -> Samples:
    """Harmonics of a fundamental that changes from sample to sample, in drawn phases."""
    phase = 2 * np.pi * np.cumsum(hz) / rate
    total = np.zeros(len(hz))
    for number, strength in enumerate(strengths, start=1):
        wave = strength * np.cos(number * phase + rng.uniform(0, 2 * np.pi))
        total += np.where(number * hz < rate / 2, wave, 0.0)
    return total


def _hum(count: int, rate: int, rng: _Generator) -> Samples:
    """Mains of 50 or 60 Hz and its harmonics, the odd ones stronger."""
    strengths = [rng.uniform(0.3, 1) / n * (1 if n % 2 else 0.5) for n in range(1, 16)]
    return _harmonics(np.full(count, float(rng.choice((50, 60)))), rate, strengths, rng)


def _engine(count: int, rate: int, rng: _Generator) -> Samples:
    """A motor whose speed wanders, in its own rushing."""
    seconds = max(2, -(-count // rate) + 1)
    knots = rng.uniform(30, 90) * rng.uniform(0.85, 1.15, seconds)
    hz = np.interp(np.arange(count) / rate, np.arange(seconds), knots)
    tones = _harmonics(hz, rate, [1 / np.sqrt(n) for n in range(1, 31)], rng)
    return _unit(tones) + 0.7 * _unit(_pink(count, rate, rng))


def _babble(count: int, rng: _Generator, others: Sequence[Samples]) -> Samples:
    """Other recordings at once, each going round from a drawn place and as loud as the rest."""
    total = np.zeros(count)
    for samples in others:
        start = int(rng.integers(len(samples)))
        total += _unit(np.resize(np.roll(samples, -start), count))
    return total


def _unit(samples: Samples) -> Samples:
    power = float(np.mean(samples**2))
    return samples / np.sqrt(power) if power > 0 else samples


_MADE: dict[str, Callable[[int, int, _Generator], Samples]] = {
    "white": _white,
    "pink": _pink,
    "hum": _hum,
    "brown": _brown,
    "engine": _engine,
}
KINDS = (*_MADE, BABBLE)


def make_noise(
    kind: str, count: int, rate: int, rng: np.random.Generator, others: Sequence[Samples] = ()
) -> Samples:
    """Noise (count,) with a mean square of 1; `others` are what babble is made of.

    Raises InputError for a kind that there is not, and for babble of nothing.
    """
    if kind == BABBLE:
        if not any(len(samples) for samples in others):
            raise InputError("wanted recordings to make babble of, got none; give some")
        return _unit(_babble(count, rng, [s for s in others if len(s)]))
    if kind not in _MADE:
        raise InputError(f"wanted a noise among {', '.join(KINDS)}, got {kind!r}; correct it")
    return _unit(_MADE[kind](count, rate, rng))
