"""What a recording is like: its level, clipping, offset and band, and what is missing of it."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Audio", "ChannelMeter", "measure", "speech_power"]

_WINDOW_SECONDS = 0.2
"""About a syllable: the level of speech is that of its syllables, not of the pauses."""
_PAUSE_DB = 20.0
"""Windows so far below the loudest are pauses."""
_SPECTRUM = 512
_MOST_SPECTRA = 4096
_NOTHING_DB = 65.0
"""So far below the strongest frequency there is nothing: speech recorded in its full band stays
within 50 dB, what is above the band of a telephone falls by 80 and more."""
_NOISE = 1e-20
"""Power below which there is nothing but the rounding of the arithmetic: of full scale 200 dB."""
_RUN = 3
"""Samples in a row at the very highest or lowest value say that all there were clipped."""
_CEILINGS = {"PCM_U8": 127 / 128, "PCM_S8": 127 / 128, "ULAW": 32124 / 32768, "ALAW": 32256 / 32768}
_FLOATS = ("FLOAT", "DOUBLE")


@dataclass(frozen=True, kw_only=True)
class Audio:
    """The measures of a recording; shares are fractions.

    rate_hz       samples a second, as recorded
    channels      of the recording; their mean is what is heard
    seconds       of what is there
    level_dbfs    RMS of the speech, of windows of 0.2 s within 20 dB of the loudest, without the
                  offset, in dB of full scale; None for nothing but zeros
    peak_dbfs     the largest sample of any channel; None for nothing but zeros
    clipped       share of samples at full scale, or at the highest or lowest value if it stands
    dc            mean of the samples; 1 is full scale
    bandwidth_hz  the highest frequency within 65 dB of the strongest one; None for zeros
    mixed_db      power of the channels' mean, 0 where they are unrelated; None for mono
    missing       share of what the header declares that is not there; None where it does not say
    uncounted     share of what is there that the header leaves out, and that is not heard
    """

    rate_hz: int
    channels: int
    seconds: float
    level_dbfs: float | None
    peak_dbfs: float | None
    clipped: float
    dc: float
    bandwidth_hz: float | None
    mixed_db: float | None
    missing: float | None
    uncounted: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class ChannelMeter:
    """Sums over all channels of a recording, block by block."""

    def __init__(self, channels: int, subtype: str) -> None:
        self.channels = channels
        self._ceiling = _CEILINGS.get(subtype, 32767 / 32768)
        if subtype in _FLOATS:  # there is no ceiling in such a file
            self._ceiling = np.inf
        self.peak = 0.0
        self.at_ceiling = 0
        self.samples = 0
        self._sums, self._squares = np.zeros(channels), np.zeros(channels)

    def add(self, block: NDArray[np.float64]) -> None:
        """Add a block (frames, channels) to the sums."""
        size = np.abs(block)
        self.peak = max(self.peak, float(size.max()))
        self.at_ceiling += int((size >= self._ceiling).sum())
        self.samples += block.size
        self._sums += block.sum(axis=0)
        self._squares += (block**2).sum(axis=0)

    def power(self) -> float:
        """Mean power of the channels, without their offsets."""
        frames = max(1, self.samples // self.channels)
        return float((self._squares / frames - (self._sums / frames) ** 2).clip(0).mean())


def measure(
    samples: NDArray[np.float64],
    rate: int,
    meter: ChannelMeter,
    *,
    missing: float | None,
    uncounted: float,
) -> Audio:
    """Measure a recording: its mono samples (n,), 1.0 as full scale, and its channels' sums."""
    dc = float(samples.mean())
    mixed = None
    if meter.channels > 1 and (power := meter.power()) > _NOISE:
        mixed = float(10 * np.log10(max(samples.var() * meter.channels / power, _NOISE)))
    return Audio(
        rate_hz=rate,
        channels=meter.channels,
        seconds=len(samples) / rate,
        level_dbfs=_decibels(speech_power(samples, rate, dc)),
        peak_dbfs=_decibels(meter.peak**2),
        clipped=max(meter.at_ceiling / meter.samples, _flat_share(samples)),
        dc=dc,
        bandwidth_hz=_bandwidth(samples, rate, dc),
        mixed_db=mixed,
        missing=missing,
        uncounted=uncounted,
    )


def _decibels(power: float) -> float | None:
    return float(10 * np.log10(power)) if power > _NOISE else None


def speech_power(samples: NDArray[np.float64], rate: int, dc: float = 0.0) -> float:
    """Mean square of the speech in samples (n,), of which there is at least one.

    Of windows of 0.2 s within 20 dB of the loudest, without the offset `dc`.
    """
    size = max(1, round(_WINDOW_SECONDS * rate))
    whole = len(samples) // size * size
    windows = samples[:whole].reshape(-1, size) if whole else samples[None]
    power = np.array([np.mean((window - dc) ** 2) for window in windows])
    return float(power[power >= power.max() * 10 ** (-_PAUSE_DB / 10)].mean())


def _flat_share(samples: NDArray[np.float64]) -> float:
    low, high = samples.min(), samples.max()
    if low == high:
        return 0.0
    total = 0
    for extreme in (low, high):
        at_extreme = samples == extreme
        edges = np.flatnonzero(np.diff(np.concatenate([[False], at_extreme, [False]])))
        if (edges[1::2] - edges[::2]).max() >= _RUN:
            total += int(at_extreme.sum())
    return total / len(samples)


def _bandwidth(samples: NDArray[np.float64], rate: int, dc: float) -> float | None:
    """The highest frequency in Hz that the mean spectrum of windows has; None for silence."""
    count = len(samples) // _SPECTRUM
    if count == 0:
        return None
    window, total = np.hanning(_SPECTRUM), np.zeros(_SPECTRUM // 2 + 1)
    for number in range(0, count, -(-count // _MOST_SPECTRA)):
        part = samples[number * _SPECTRUM :][:_SPECTRUM] - dc
        total += np.abs(np.fft.rfft(part * window)) ** 2
    if total.max() <= _NOISE:
        return None
    audible = np.flatnonzero(total >= total.max() * 10 ** (-_NOTHING_DB / 10))
    return float((audible[-1] + 1) * rate / _SPECTRUM)
