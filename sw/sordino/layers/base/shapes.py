"""Sizes of a layer's arrays, checked against those that the layer needs."""

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError

__all__ = ["check_shape"]


def check_shape(name: str, array: NDArray[np.float64], wanted: tuple[int | None, ...]) -> None:
    """Raise InputError unless an array has these sizes (None: any) and all its numbers are finite.

    `name` is the array's name in the model, for the message.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        got = str(array.dtype) if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(f"wanted {name} as an array of real numbers, got {got}; convert it")
    if not _fits(array.shape, wanted):
        sizes = " × ".join("any" if size is None else str(size) for size in wanted)
        got = " × ".join(map(str, array.shape)) or "one number"
        turned = array.ndim == 2 and _fits(array.shape[::-1], wanted)
        advice = "transpose it" if turned else "export the model again"
        raise InputError(f"wanted {name} of size {sizes}, got {got}; {advice}")
    # Of an array that is one number again and again, which may be a large one, that one number.
    numbers = array if any(array.strides) else array[(slice(1),) * array.ndim]
    if not np.isfinite(numbers).all():
        raise InputError(f"wanted finite numbers in {name}, got NaN or infinity; repair the model")


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        got > 0 and size in (None, got) for got, size in zip(shape, wanted, strict=True)
    )
