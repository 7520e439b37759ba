"""How much of a matrix is left after rounding: its signal-to-noise ratio.

One large number takes the resolution of all others and yet has nearly all the energy, so that the
ratio over all weights would say that nothing is lost. Here every row, and every column, has its own
share of noise, and the matrix has the median share: that of rows or of columns, whichever is worse.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sordino.errors import warn

__all__ = ["LEAST_SNR_DB", "round_evenly", "snr_db", "warn_of_noise"]

LEAST_SNR_DB = 6.0
"""Below this compiling warns. On AN4 the matrices of both models have 41 dB and more at 8 bits, 24
at 5, 15 at 4 and 8 at 3, and "R O B E R T" stays; at 2 bits they have 0.2 to 4.5 dB, and no word
is right."""
_NOTHING = 1e-12
_Floats = NDArray[np.float64]


def _noise(signal: NDArray[np.floating], error: NDArray[np.floating]) -> float:
    """The median share of noise of the rows of both that have a signal."""
    # Scaled, since squares of the largest and the smallest numbers are no numbers.
    energy, lost = (np.square(part).sum(axis=1) for part in (signal, error))
    has_signal = energy > 0
    return float(np.median(lost[has_signal] / energy[has_signal])) if has_signal.any() else 0.0


def snr_db(weight: _Floats, rounded: NDArray[np.floating]) -> float | None:
    """Decibels of a matrix (rows, columns) over what rounding took.

    None where it took nothing, or what float32 would take (more than 120 dB).
    """
    largest = float(np.abs(weight).max())
    if not largest:
        return None
    signal = weight / largest
    error = signal - rounded / largest
    noise = max(_noise(signal, error), _noise(signal.T, error.T))
    return 10 * math.log10(1 / noise) if noise > _NOTHING else None


def round_evenly(weight: _Floats, top: int) -> _Floats:
    """The matrix rounded to `top` steps each way, the last of them its largest weight."""
    largest = float(np.abs(weight).max())
    return np.asarray(np.rint(weight * (top / largest)) * (largest / top) if largest else weight)


def warn_of_noise(found: Mapping[str, float | None]) -> None:
    """Warn, in one line, of the matrices (decibels by name) below LEAST_SNR_DB."""
    low = {name: snr for name, snr in found.items() if snr is not None and snr < LEAST_SNR_DB}
    if low:
        names = ", ".join(f"{name} has {snr:.1f} dB" for name, snr in low.items())
        warn(
            f"rounding leaves little of {len(low)} of {len(found)} matrices, below "
            f"{LEAST_SNR_DB:g} dB of signal to noise: {names}; the text is probably wrong: give "
            "more --weight-bits, or leave --clip at auto"
        )
