"""What happens to a voice before it is heard: each a function from samples to samples.

Samples are float64 (n,), 1.0 is full scale. Where there is a choice, the caller drew it.
"""

import numpy as np
from numpy.typing import NDArray

from sordino.speech.files.audio import resample
from sordino.speech.files.level import speech_power

__all__ = [
    "NOMINAL_DBFS",
    "TELEPHONE_RATE",
    "add_noise",
    "change_speed",
    "clip",
    "reverberate",
    "room_response",
    "scale_to",
    "surround",
    "telephone",
]

Samples = NDArray[np.float64]
NOMINAL_DBFS = -26.0
"""Level of speech that stands for 0 dB: what telephony sets to (ITU-T P.56, G.191)."""
TELEPHONE_RATE = 8000
TELEPHONE_BAND = (300.0, 3400.0)
"""Hz, where the band is 6 dB down."""
_TELEPHONE_TAPS = 255
_EARLY_SECONDS = 0.002
"""Before a room answers: its nearest wall is a third of a metre away."""


def change_speed(samples: Samples, factor: float) -> Samples:
    """Speech `factor` times as fast, and as high: T. Ko et al., "Audio augmentation for speech
    recognition", Interspeech 2015. About n / factor samples."""
    steps = 1000
    return resample(samples, round(steps * factor), steps)


def room_response(seconds: float, direct_db: float, rate: int, rng: np.random.Generator) -> Samples:
    """A room's response: the direct sound, then Gaussian noise that decays exponentially.

    J.-D. Polack's model of a room (1988). `seconds` is its reverberation time, after which 60 dB
    are gone, `direct_db` how much stronger the direct sound is than all that follows; of power 1.
    """
    count = max(2, round(seconds * rate))
    times = np.arange(count) / rate
    tail = rng.standard_normal(count) * 10 ** (-3 * times / seconds)
    tail[: round(_EARLY_SECONDS * rate)] = 0.0
    energy = float(np.sum(tail**2))
    tail *= 10 ** (-direct_db / 20) / np.sqrt(energy) if energy > 0 else 0.0
    tail[0] = 1.0
    return np.asarray(tail / np.sqrt(np.sum(tail**2)))


def reverberate(samples: Samples, response: Samples) -> Samples:
    """Speech in a room, with what it leaves behind: n + len(response) − 1 samples."""
    count = len(samples) + len(response) - 1
    size = 1 << (count - 1).bit_length()
    product = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    return np.asarray(np.fft.irfft(product, size)[:count])


def surround(samples: Samples, before: float, after: float, rate: int) -> Samples:
    """Silence before and after: a running mean begins with what is there, noise or nothing."""
    lead, trail = (np.zeros(round(seconds * rate)) for seconds in (before, after))
    return np.concatenate([lead, samples, trail])


def add_noise(samples: Samples, noise: Samples, snr_db: float, rate: int) -> Samples:
    """Noise (n,) so many dB below the speech, pauses not counted; silence stays as it is."""
    wanted = speech_power(samples, rate) * 10 ** (-snr_db / 10)
    power = float(np.mean(noise**2))
    return samples + noise * np.sqrt(wanted / power) if power > 0 else samples


def telephone(samples: Samples, rate: int) -> Samples:
    """The band of a telephone: 300 to 3,400 Hz, at 8 kHz and back; n samples."""
    narrow = resample(samples, rate, TELEPHONE_RATE)
    filtered = np.convolve(narrow, _band_pass(), mode="same") if len(narrow) else narrow
    back = resample(filtered, TELEPHONE_RATE, rate)
    return np.asarray(np.pad(back, (0, max(0, len(samples) - len(back))))[: len(samples)])


def _band_pass() -> Samples:
    """A linear-phase filter of the telephone's band at its rate: windowed sines, by Hamming."""
    places = np.arange(_TELEPHONE_TAPS) - _TELEPHONE_TAPS // 2
    low, high = (2 * hz / TELEPHONE_RATE for hz in TELEPHONE_BAND)
    ideal = high * np.sinc(high * places) - low * np.sinc(low * places)
    return np.asarray(ideal * np.hamming(_TELEPHONE_TAPS))


def scale_to(samples: Samples, level_db: float, rate: int) -> Samples:
    """Speech at a level in dB of the nominal one; what is beyond full scale is cut off there."""
    power = speech_power(samples, rate)
    if power <= 0:
        return samples
    wanted = 10 ** ((NOMINAL_DBFS + level_db) / 20)
    return np.clip(samples * wanted / np.sqrt(power), -1.0, 1.0)


def clip(samples: Samples, share: float) -> Samples:
    """Samples cut off where so large a share of them is louder."""
    if not len(samples):
        return samples
    ceiling = float(np.quantile(np.abs(samples), 1 - share))
    return np.clip(samples, -ceiling, ceiling)
