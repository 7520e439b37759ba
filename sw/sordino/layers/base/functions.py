"""Functions of single numbers, in floating point, by the names that layers give them."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError

__all__ = ["CURVES", "FUNCTIONS", "check_function", "sigmoid"]

_Floats = NDArray[np.float64]


def sigmoid(x: _Floats) -> _Floats:
    """The logistic function."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


CURVES = ("tanh", "sigmoid")
"""Functions whose results are int8 with 7 fraction bits."""
FUNCTIONS: Mapping[str, Callable[[_Floats], _Floats]] = {
    "none": lambda x: x,
    "relu": lambda x: np.asarray(np.maximum(x, 0.0)),
    "tanh": lambda x: np.asarray(np.tanh(x)),
    "sigmoid": sigmoid,
}


def check_function(name: str, function: str) -> None:
    """Raise InputError for a function that is not one of FUNCTIONS; `name` is the layer's."""
    if function not in FUNCTIONS:
        raise InputError(
            f"wanted a function of {name} that is one of {', '.join(FUNCTIONS)}, got {function!r}"
        )
