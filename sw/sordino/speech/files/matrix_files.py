"""Matrices in `.npy` files, checked by their header before memory is taken."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.npy import Header, read_array, read_header
from sordino.speech.files.source import Source, open_source

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
        wanted = " or ".join(f"frames × {width} {what}" for width, what in widths.items())
        header = _header(source, wanted)
        if len(header.shape) != 2 or header.shape[1] not in widths:
            raise InputError(
                f"wanted {wanted} in {source.name}, got shape {header.shape}; transpose or cut it"
            )
        _refuse(source, header)
        source.file.seek(0)
        values = read_array(source.file)
    if header.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(
            f"wanted finite frames in {source.name}, got NaN or infinity; save it again"
        )
    return values


def _header(source: Source, wanted: str) -> Header:
    if source.file.read(2) == b"PK":
        raise InputError(
            f"wanted {wanted} in {source.name}, got shape of an archive; save one matrix with "
            "numpy.save"
        )
    source.file.seek(0)
    try:
        return read_header(source.file)
    except (ValueError, EOFError, MemoryError):
        raise InputError(
            f"wanted a .npy matrix of numbers, but {source.name} is none; save it again"
        ) from None


def _refuse(source: Source, header: Header) -> None:
    """What a header says that cannot be taken."""
    name, frames = source.name, header.shape[0]
    if header.dtype.kind not in "iuf":
        raise InputError(
            f"wanted a .npy matrix of numbers in {name}, got {header.dtype}; convert it"
        )
    if frames == 0:
        raise InputError(f"wanted finite frames in {name}, got none; save it again")
    if frames > MOST_FRAMES:
        raise InputError(f"wanted at most {MOST_FRAMES:,} frames in {name}, got {frames:,}; cut it")
    if source.size < header.bytes:
        raise InputError(
            f"wanted {header.bytes:,} bytes in {name}, a .npy matrix of numbers of shape "
            f"{header.shape}, got {source.size:,}: it was cut short; save it again"
        )
    if source.size > header.bytes:
        raise InputError(
            f"wanted {header.bytes:,} bytes in {name}, a .npy matrix of numbers of shape "
            f"{header.shape}, got {source.size:,}: more follows; save one matrix a file"
        )
