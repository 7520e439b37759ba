"""Weights too large for the others: clipped, so that the matrix keeps its resolution.

A matrix has one step, and its largest weight is 127 of them. A weight a thousand times larger than
the others thus makes all others zero. Clipped, it is still the largest, and only what it adds to
is changed.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sordino.arith import WEIGHT
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.numbers.fidelity import round_evenly, snr_db

__all__ = ["CLIPS", "Clip"]

CLIPS = ("auto", "none")
"""How matrices are clipped, besides by a factor."""
_LOST_DB, _WANTED_DB = (20.0, 6.0), (30.0, 12.0)
"""Of signal to noise at 8 bits, 6 less for each bit less, and at least: a matrix that has less has
an outlier, and what `auto` leaves it. Normal weights have 40 dB at 8 bits and 16 at 4."""
_BIT_DB = 6.0
_GRID_DB = 10.0
_LEAST_BITS = 4
"""With fewer, what a matrix loses says nothing of its outliers."""
_Floats = NDArray[np.float64]


class Clip:
    """What the largest weight of a matrix may be; CompileError for what means nothing.

    `auto`: what it is, but where its bits would leave a matrix less signal to noise than they leave
    one without outliers (20 dB at 8 bits, `sordino.compiler.numbers.fidelity`), the largest that
    leaves it 30 (12 at 4 bits). `none`: what it is. A number: so many times the median magnitude of
    the matrix's weights that are not zero.
    """

    def __init__(self, how: str | float = "auto") -> None:
        try:
            self.factor = None if how in CLIPS else float(how)
        except ValueError:
            self.factor = math.nan
        if self.factor is not None and not 1 <= self.factor < math.inf:
            raise CompileError(
                f"wanted clip to be {', '.join(CLIPS)} or a factor of at least 1, got {how!r}"
            )
        self.how = how if self.factor is None else self.factor

    def limit(self, weight: _Floats, bits: int) -> float:
        """The largest magnitude that the weights keep of a matrix rounded to so many bits."""
        magnitude = np.abs(weight)
        largest = float(magnitude.max())
        if not largest or self.how == "none":
            return largest
        if self.factor is not None:
            return min(largest, self.factor * float(np.median(magnitude[magnitude > 0])))
        return _automatic(weight, max(bits, _LEAST_BITS), largest)


def _automatic(weight: _Floats, bits: int, largest: float) -> float:
    def fidelity(limit: float) -> float:
        kept = np.clip(weight, -limit, limit)
        found = snr_db(kept, round_evenly(kept, (1 << (bits - 1)) - 1))
        return math.inf if found is None else found

    less = _BIT_DB * (WEIGHT.bits - bits)
    lost, wanted = (max(top - less, least) for top, least in (_LOST_DB, _WANTED_DB))
    if fidelity(largest) >= lost:
        return largest
    magnitude = np.abs(weight)
    floor = float(np.median(magnitude[magnitude > 0]))
    steps = math.ceil(2 * math.log2(largest / floor)) if largest > floor else 0
    limits = [largest * 2.0 ** (-n / 2) for n in range(1, steps + 1)]
    enough = next((limit for limit in limits if fidelity(limit) >= wanted), None)
    limit = max([largest, *limits], key=fidelity) if enough is None else enough
    # Weights on a grid stay on it if the grid's own largest is the largest.
    own = float(magnitude[magnitude <= limit].max())
    return own if fidelity(own) > fidelity(limit) + _GRID_DB else float(limit)
