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
from sordino.image.section.features import WholeFrontEnd

__all__ = ["MfccDefinition", "MfccStream", "hz_to_mel", "mel_to_hz", "mfcc"]

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
    def bands(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The bins of each filter and their weights in it; both (widest filter, filters).

        A filter that is narrower than the widest has bins of weight 0 beside its own.
        """
        bank = self.filter_bank
        first = np.minimum((bank > 0).argmax(axis=1), bank.shape[1] - self._widest)
        bins = first + np.arange(self._widest)[:, None]
        return bins, bank[np.arange(self.filters), bins]

    @cached_property
    def _widest(self) -> int:
        """Bins of the widest filter."""
        return int((self.filter_bank > 0).sum(axis=1).max())

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


class MfccStream:
    """The cepstra of `mfcc`, bit for bit, of a recording that goes on.

    A frame comes out with its last sample, whatever the pieces in which samples come. Of what was
    heard less than a window is held.
    """

    def __init__(self, definition: MfccDefinition) -> None:
        self._definition = definition
        self._last: np.float64 | None = None
        self._held: list[NDArray[np.float64]] = []
        self._count, self._begun = 0, False

    def push(self, samples: ArrayLike) -> NDArray[np.float64]:
        """The frames (n, cepstra), float64, that the next samples (m,) complete.

        Raises `InputError` for another shape and for samples that are not finite, of which it has
        heard nothing then.
        """
        signal = np.asarray(samples, dtype=np.float64)
        if signal.ndim != 1:
            raise InputError(f"wanted mono samples of shape (n,), got shape {signal.shape}")
        if not np.isfinite(signal).all():
            raise InputError("wanted finite samples, got NaN or infinity; repair the recording")
        if len(signal):
            self._hold(signal)
        length, shift = self._definition.frame_length, self._definition.frame_shift
        if self._count < length:
            return np.zeros((0, self._definition.cepstra))
        held = np.concatenate(self._held)
        windows = sliding_window_view(held, length)[::shift]
        self._held = [held[len(windows) * shift :].copy()]
        self._count, self._begun = len(self._held[0]), True
        parts = [windows[at : at + _FRAMES] for at in range(0, len(windows), _FRAMES)]
        return np.concatenate([_cepstra(part, self._definition) for part in parts])

    def end(self) -> NDArray[np.float64]:
        """The last frame (1, cepstra), padded with zeros; none (0, cepstra) of less than a window.

        Afterwards it is over.
        """
        if not self._begun:
            return np.zeros((0, self._definition.cepstra))
        window = np.zeros((1, self._definition.frame_length))
        window[0, : self._count] = np.concatenate(self._held)
        return _cepstra(window, self._definition)

    def _hold(self, signal: NDArray[np.float64]) -> None:
        """Keep samples with their pre-emphasis."""
        emphasised = signal.copy()
        emphasised[1:] -= self._definition.pre_emphasis * signal[:-1]
        if self._last is not None:
            emphasised[0] -= self._definition.pre_emphasis * self._last
        self._last = signal[-1]
        self._held.append(emphasised)
        self._count += len(emphasised)


def mfcc(samples: ArrayLike, definition: MfccDefinition | None = None) -> NDArray[np.float64]:
    """Cepstra of a mono signal in int16 units at `definition.sample_rate`.

    `samples` has shape (n,); the result has shape (frames, cepstra), float64. Raises `InputError`
    for samples that are not finite or fewer than one window.

    Equal to `sphinx_fe -transform legacy -remove_noise no -remove_silence no` to three decimals.
    (`sphinx_fe` itself writes no frames at all for less than about 0.12 s of audio.)
    """
    definition = definition or MfccDefinition()
    stream = MfccStream(definition)
    cepstra = stream.push(samples)
    if not len(cepstra):
        raise InputError(
            f"wanted at least {definition.frame_length} samples (one frame), got "
            f"{np.size(samples)}; give a longer recording"
        )
    return np.concatenate([cepstra, stream.end()])


def _cepstra(windows: NDArray[np.float64], definition: MfccDefinition) -> NDArray[np.float64]:
    """The cepstra (n, cepstra) of windows (n, frame_length).

    Sums go on term by term, in an order that no library chooses: a matrix product's last bits
    depend on how many windows there are.
    """
    spectrum = np.fft.rfft(windows * definition._window, definition.fft_size)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    energies = np.zeros((len(windows), definition.filters))
    for bins, weights in zip(*definition.bands, strict=True):
        energies += power[:, bins] * weights
    logs = np.log(energies + _LOG_FLOOR)
    cepstra = np.zeros((len(windows), definition.cepstra))
    for number, cosines in enumerate(definition.cosines.T):
        cepstra += logs[:, number, None] * cosines
    return cepstra
