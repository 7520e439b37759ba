"""Mel-frequency cepstra as CMU Sphinx computes them (`sphinx_fe -transform legacy`).

Method: S. B. Davis and P. Mermelstein, "Comparison of parametric representations for monosyllabic
word recognition in continuously spoken sentences", IEEE Trans. ASSP 28(4), 1980. Every detail that
a paper leaves open (rounded filter edges, the weights of the cosine transform, the padded last
frame) follows SphinxBase; the defaults are those of the AN4 feature release.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from sordino.errors import InputError
from sordino.image.features import WholeFrontEnd

__all__ = ["MfccDefinition", "hz_to_mel", "mel_to_hz", "mfcc"]

_FRAMES = 4096
"""Windows whose spectra are in memory at a time; those of an hour would take 4 GB."""
_LOG_FLOOR = 1e-4  # added to every filter's energy before the logarithm, as SphinxBase does


def hz_to_mel(hz: ArrayLike) -> NDArray[np.float64]:
    """Mels of frequencies in Hz, as Sphinx defines them."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz, dtype=np.float64) / 700.0))


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of `hz_to_mel`."""
    return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0), dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class MfccDefinition(WholeFrontEnd):
    """A front end whose entries fit each other.

    Raises `ValueError` when the window does not fit the transform, or the filters the band.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.frame_shift <= self.frame_length <= self.fft_size:
            raise ValueError(
                f"a window of {self.frame_length} samples every {self.frame_shift} does not fit "
                f"an FFT of {self.fft_size}; raise fft_size or change the window"
            )
        if not 0 <= self.lowest < self.highest <= self.sample_rate / 2:
            raise ValueError(
                f"filters from {self.lowest} to {self.highest} Hz do not fit below "
                f"{self.sample_rate / 2} Hz, half the sample rate"
            )
        if not 0 < self.cepstra <= self.filters:
            raise ValueError(f"{self.cepstra} cepstra need at least as many filters")
        if np.any(np.diff(self._filter_edges()) <= 0):
            raise ValueError(
                f"{self.filters} filters are too narrow for an FFT of {self.fft_size}; "
                "use fewer filters or a larger fft_size"
            )

    @property
    def frame_length(self) -> int:
        """Samples in a window."""
        return int(self.window_seconds * self.sample_rate + 0.5)

    @property
    def frame_shift(self) -> int:
        """Samples from one window's start to the next one's."""
        return int(self.sample_rate / self.frame_rate + 0.5)

    def frame_count(self, samples: int) -> int:
        """Frames of an utterance of so many samples; 0 below one window.

        As in Sphinx, what is left after the last full window makes one more, zero-padded frame
        (there always is something left, since windows overlap).
        """
        if samples < self.frame_length:
            return 0
        return (samples - self.frame_length) // self.frame_shift + 2

    def _filter_edges(self) -> NDArray[np.float64]:
        """The filters' corner frequencies, rounded to FFT bins; (filters + 2,) Hz."""
        mels = np.linspace(hz_to_mel(self.lowest), hz_to_mel(self.highest), self.filters + 2)
        bin_width = self.sample_rate / self.fft_size
        return np.asarray(np.floor(mel_to_hz(mels) / bin_width + 0.5) * bin_width)

    @cached_property
    def filter_bank(self) -> NDArray[np.float64]:
        """Triangles of unit area; (filters, fft_size / 2 + 1)."""
        edges = self._filter_edges()
        left, centre, right = (edges[i : i + self.filters, None] for i in range(3))
        hz = np.arange(self.fft_size // 2 + 1) * (self.sample_rate / self.fft_size)
        rising, falling = (hz - left) / (centre - left), (right - hz) / (right - centre)
        triangles = np.maximum(np.minimum(rising, falling), 0.0) * (2.0 / (right - left))
        return np.asarray(triangles, dtype=np.float64)

    @cached_property
    def cosines(self) -> NDArray[np.float64]:
        """Sphinx's "legacy" cosine transform: the first filter counts half; (cepstra, filters)."""
        orders = np.arange(self.cepstra)[:, None]
        places = np.arange(self.filters) + 0.5
        cosines = np.cos(np.pi * orders * places / self.filters) / self.filters
        cosines[:, 0] *= 0.5
        return np.asarray(cosines, dtype=np.float64)

    @cached_property
    def _window(self) -> NDArray[np.float64]:
        return np.asarray(np.hamming(self.frame_length), dtype=np.float64)


def _frames(signal: NDArray[np.float64], definition: MfccDefinition) -> NDArray[np.float64]:
    """Overlapping windows of `signal`, the last one padded with zeros; (frames, frame_length)."""
    length, shift = definition.frame_length, definition.frame_shift
    count = definition.frame_count(len(signal))
    padded = np.zeros((count - 1) * shift + length)
    padded[: len(signal)] = signal
    return np.asarray(sliding_window_view(padded, length)[::shift])


def mfcc(samples: ArrayLike, definition: MfccDefinition | None = None) -> NDArray[np.float64]:
    """Cepstra of a mono signal in int16 units at `definition.sample_rate`.

    `samples` has shape (n,); the result has shape (frames, cepstra), float64. Raises `InputError`
    for samples that are not finite or fewer than one window.

    Equal to `sphinx_fe -transform legacy -remove_noise no -remove_silence no` to three decimals.
    (`sphinx_fe` itself writes no frames at all for less than about 0.12 s of audio.)
    """
    definition = definition or MfccDefinition()
    signal = np.asarray(samples, dtype=np.float64)
    if signal.ndim != 1:
        raise InputError(f"wanted mono samples of shape (n,), got shape {signal.shape}")
    if len(signal) < definition.frame_length:
        raise InputError(
            f"wanted at least {definition.frame_length} samples (one frame), got {len(signal)}; "
            "give a longer recording"
        )
    if not np.isfinite(signal).all():
        raise InputError("wanted finite samples, got NaN or infinity; repair the recording")
    emphasised = signal.copy()
    emphasised[1:] -= definition.pre_emphasis * signal[:-1]
    frames = _frames(emphasised, definition)
    parts = [frames[at : at + _FRAMES] for at in range(0, len(frames), _FRAMES)]
    return np.concatenate([_cepstra(part, definition) for part in parts])


def _cepstra(frames: NDArray[np.float64], definition: MfccDefinition) -> NDArray[np.float64]:
    power = np.abs(np.fft.rfft(frames * definition._window, definition.fft_size)) ** 2
    log_energies = np.log(power @ definition.filter_bank.T + _LOG_FLOOR)
    return np.asarray(log_energies @ definition.cosines.T, dtype=np.float64)
