"""Models of any size with weights drawn from a trained one.

Of each matrix of the trained model come: the values of its connections that are not zero (a
connection of an LSTM has four weights, one a gate, drawn together), how full its units and its
columns are, and its largest weight against the width of its input. So zeros lie as unevenly as
training leaves them, and weights that the trained model keeps on a grid stay on one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.recurrent import Recurrent

__all__ = ["draw_linear", "draw_lstm", "draw_stack"]

_GATES = 4
_ROUNDS = 20
"""Of scaling chances that may not exceed 1 to the share wanted; it converges in a few."""
_Array = NDArray[np.float64]


def _chances(rng: np.random.Generator, full: NDArray[np.bool_], units: int, columns: int) -> _Array:
    """The chance of each connection (units, columns) to be non-zero; its mean is that of `full`.

    Units and columns are as full as ones of `full` (trained units, trained columns).
    """
    share = full.mean()
    chances = np.outer(rng.choice(full.mean(axis=1), units), rng.choice(full.mean(axis=0), columns))
    for _ in range(_ROUNDS):
        if not share:
            break
        chances = np.minimum(chances * (share / chances.mean()), 1)
    return chances


def _draw(rng: np.random.Generator, trained: _Array, units: int, columns: int) -> _Array:
    """Connections (units, columns, weights) like those of `trained`, of other sizes."""
    full = np.asarray(trained.any(axis=2))
    drawn = np.zeros((units, columns, trained.shape[2]))
    there = rng.random((units, columns)) < _chances(rng, full, units, columns)
    drawn[there] = rng.choice(trained[full], int(there.sum()))
    # Sums over wider inputs keep their spread.
    return np.asarray(drawn * np.sqrt(trained.shape[1] / columns))


def _by_connection(weight: _Array) -> _Array:
    """A gate matrix (4 · units, columns) as connections (units, columns, 4)."""
    return weight.reshape(_GATES, -1, weight.shape[1]).transpose(1, 2, 0)


def draw_lstm(rng: np.random.Generator, trained: Lstm, units: int, inputs: int) -> Lstm:
    """A layer of other sizes; biases are drawn unit by unit."""

    def matrix(weight: _Array, columns: int) -> _Array:
        drawn = _draw(rng, _by_connection(weight), units, columns)
        return drawn.transpose(2, 0, 1).reshape(_GATES * units, columns)

    bias = rng.choice(trained.bias.reshape(_GATES, -1).T, units).T.reshape(-1)
    return Lstm(
        matrix(trained.weight_ih, inputs),
        matrix(trained.weight_hh, units),
        bias,
        np.zeros_like(bias),
    )


def draw_stack(
    rng: np.random.Generator, trained: Sequence[Recurrent], widths: Sequence[tuple[int, int]]
) -> tuple[Lstm, ...]:
    """Layers of (inputs, units) each: the first like the first trained one, others in turn."""
    known = [layer for layer in trained if isinstance(layer, Lstm)]
    if len(known) < len(trained):
        raise InputError(
            f"wanted LSTM layers to draw like, got {type(trained[0]).__name__}; take another model"
        )
    later = known[1:] or known
    return tuple(
        draw_lstm(rng, later[(number - 1) % len(later)] if number else known[0], units, inputs)
        for number, (inputs, units) in enumerate(widths)
    )


def draw_linear(rng: np.random.Generator, trained: Linear, outputs: int, inputs: int) -> Linear:
    """A linear layer of other sizes, drawn in groups of four rows."""
    rows = len(trained.weight) // _GATES * _GATES
    groups = trained.weight[:rows].reshape(-1, _GATES, trained.weight.shape[1]).transpose(0, 2, 1)
    units = -(-outputs // _GATES)
    weight = _draw(rng, groups, units, inputs).transpose(0, 2, 1).reshape(-1, inputs)[:outputs]
    return Linear(weight, rng.choice(trained.bias, outputs))
