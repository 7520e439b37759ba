"""Matrices in `.npy` files, checked by their header before memory is taken."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.speech.source import Source, open_source

__all__ = ["MOST_FRAMES", "read_matrix"]

MOST_FRAMES = 360_000
"""An hour of cepstra at 100 frames a second, as the bound of recordings."""


def read_matrix(
    path: str | Path | BinaryIO, widths: Mapping[int, str], name: str | None = None
) -> NDArray[Any]:
    """Read the matrix (frames, width) of integers or floats in a `.npy` file.

    `widths` names what a frame of each width that is wanted holds. Raises `InputError` for what is
    no such matrix, has no frames or more than `MOST_FRAMES`, is cut short, or is not finite.
    """
    with open_source(path, name) as source:
        shape, fortran, dtype = _header(source, _wanted(widths))
        if len(shape) != 2 or shape[1] not in widths:
            raise InputError(
                f"wanted {_wanted(widths)} in {source.name}, got shape {shape}; transpose or cut it"
            )
        _refuse(source, shape, dtype)
        values = np.frombuffer(source.file.read(shape[0] * shape[1] * dtype.itemsize), dtype)
    if dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(
            f"wanted finite frames in {source.name}, got NaN or infinity; save it again"
        )
    return values.reshape(shape, order="F" if fortran else "C")


def _wanted(widths: Mapping[int, str]) -> str:
    return " or ".join(f"frames × {width} {what}" for width, what in widths.items())


def _header(source: Source, wanted: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    start = source.file.read(2)
    source.file.seek(0)
    if start == b"PK":
        raise InputError(
            f"wanted {wanted} in {source.name}, got shape of an archive; save one matrix with "
            "numpy.save"
        )
    try:
        version = npy.read_magic(source.file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = read(source.file)
    except (KeyError, ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        dtype = None
    if dtype is None or dtype.hasobject:
        raise InputError(
            f"wanted a .npy matrix of numbers, but {source.name} is none; save it again"
        )
    return shape, fortran, dtype


def _refuse(source: Source, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """What a header says that cannot be taken."""
    name, frames = source.name, shape[0]
    if dtype.kind not in "iuf":
        raise InputError(f"wanted a .npy matrix of numbers in {name}, got {dtype}; convert it")
    if frames <= 0:
        raise InputError(f"wanted finite frames in {name}, got none; save it again")
    if frames > MOST_FRAMES:
        raise InputError(f"wanted at most {MOST_FRAMES:,} frames in {name}, got {frames:,}; cut it")
    held, wanted = source.size - source.file.tell(), frames * shape[1] * dtype.itemsize
    if held < wanted:
        raise InputError(
            f"wanted {wanted:,} bytes in {name}, a .npy matrix of numbers of shape {shape}, got "
            f"{held:,}: it was cut short; save it again"
        )
