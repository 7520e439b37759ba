"""Tensors of NumPy and PyTorch as float64, or why not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.npy import MOST_NUMBERS
from sordino.schema.kinds import shown

__all__ = ["Stored", "as_floats", "check_floats", "check_numbers", "shape_of"]

_FLOATS = "float16, bfloat16, float32 or float64"


@dataclass(frozen=True, eq=False)
class Stored:
    """A tensor in a file, of which only the header has been read; `read` gives its numbers."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], NDArray[Any]]


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of what `as_floats` takes; None for all else."""
    try:
        shape = getattr(value, "shape", None)
        if shape is None and not isinstance(value, list | tuple | float):
            return None
        return tuple(map(int, np.shape(value) if shape is None else shape))
    except Exception:  # of a stranger's object
        return None


def check_numbers(sizes: Iterable[tuple[str, int]]) -> None:
    """Raise InputError where tensors, by name and size, have more than MOST_NUMBERS numbers."""
    total = 0
    for name, size in sizes:
        total += size
        if total > MOST_NUMBERS:
            raise InputError(
                f"wanted a model of at most {MOST_NUMBERS:,} numbers, got {total:,} up to tensor "
                f"{name[:80]!r}; compile a smaller one"
            )


def check_floats(name: str, dtype: object) -> None:
    """Raise InputError unless a tensor's type is one of floating-point numbers."""
    if dtype == "bfloat16" or (_is_type(dtype) and np.dtype(dtype).kind == "f"):  # type: ignore[call-overload]
        return
    whole = _is_type(dtype) and np.dtype(dtype).kind in "iu"  # type: ignore[call-overload]
    why = " (bfloat16 or quantised weights kept as integers?)" if whole else ""
    raise InputError(
        f"wanted numbers in tensor {name[:80]!r} as {_FLOATS}, got {dtype}{why}; save it as float32"
    )


def _is_type(dtype: object) -> bool:
    try:
        np.dtype(dtype)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return False
    return True


def as_floats(name: str, value: Any) -> NDArray[np.float64]:
    """An array, PyTorch tensor, list or `Stored` as float64; InputError for all else."""
    if type(value).__module__.partition(".")[0] == "torch":
        return _from_torch(name, value)
    if isinstance(value, Stored):
        check_floats(name, value.dtype)
        return np.asarray(value.read(), dtype=np.float64)
    try:
        if np.ma.isMaskedArray(value):
            raise ValueError
        array = np.asarray(value)
    except Exception:  # of a stranger's object
        raise InputError(
            f"wanted numbers in tensor {name[:80]!r}, got {shown(value)}; give an array"
        ) from None
    check_floats(name, array.dtype)
    with np.errstate(over="ignore"):  # of wider types: infinity, which is refused
        return np.asarray(array, dtype=np.float64)


def _from_torch(name: str, value: Any) -> NDArray[np.float64]:
    import torch

    if not isinstance(value, torch.Tensor):
        raise InputError(f"wanted a tensor {name[:80]!r}, got {shown(value)}; give an array")
    found = str(value.dtype).removeprefix("torch.")
    for wrong, what in (
        (value.is_quantized, f"a quantised one ({found}); dequantise it"),
        (value.is_nested, "a nested one; give one tensor each"),
        (value.layout != torch.strided, "a sparse one; call to_dense()"),
        (value.is_meta, "one without values (device meta); load the weights first"),
        (not value.dtype.is_floating_point, f"{found}; save it as float32"),
        (value.dtype.itemsize < 2, f"{found}; save it as float32, with its scales in it"),
    ):
        if wrong:
            raise InputError(f"wanted numbers in tensor {name[:80]!r} as {_FLOATS}, got {what}")
    try:
        array: NDArray[np.float64] = value.detach().cpu().double().numpy()
    except (RuntimeError, TypeError, NotImplementedError):
        raise InputError(
            f"wanted numbers in tensor {name[:80]!r} as {_FLOATS}, got {found}; save it as float32"
        ) from None
    return array
