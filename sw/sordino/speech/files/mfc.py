"""Sphinx feature files (`.mfc`): an int32 count of floats, then the floats as float32.

Either byte order occurs; the order in which the count agrees with the file's size is the file's.
Format: CMU Sphinx documentation, "Sphinx feature file format".
"""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.speech.files.matrix_files import MOST_FRAMES
from sordino.speech.files.source import open_source

__all__ = ["read_mfc", "write_mfc"]


def _fits(data: bytes, byte_order: Literal["big", "little"]) -> bool:
    """Whether the count, read in `byte_order`, agrees with the size of the data."""
    return len(data) >= 4 and int.from_bytes(data[:4], byte_order) * 4 + 4 == len(data)


def read_mfc(path: str | Path, width: int = 13) -> NDArray[np.float64]:
    """Read the (frames, width) array in an `.mfc` file, as float64.

    Raises `InputError` where the file is missing, its count and size disagree, the floats are not
    whole frames of `width`, there are none or more than `MOST_FRAMES`, or they are not finite.
    """
    with open_source(path) as source:
        if source.size > 4 + 4 * width * MOST_FRAMES:
            raise InputError(
                f"wanted at most {MOST_FRAMES:,} frames of {width} cepstra in {path}, got "
                f"{source.size:,} bytes; cut it into utterances"
            )
        data = source.file.read()
    if _fits(data, "big"):
        order = ">"
    elif _fits(data, "little"):
        order = "<"
    else:
        raise InputError(
            f"{path} is not a Sphinx .mfc file: wanted a count of floats that fits the file's "
            f"{len(data)} bytes; make it again with sphinx_fe"
        )
    floats = np.frombuffer(data, f"{order}f4", offset=4)
    if len(floats) == 0 or len(floats) % width:
        raise InputError(
            f"wanted whole frames of {width} cepstra in {path}, got {len(floats)} floats; "
            f"make it again with {width} cepstra a frame"
        )
    if not np.isfinite(floats).all():
        raise InputError(f"wanted finite cepstra in {path}, got NaN or infinity; make it again")
    return floats.reshape(-1, width).astype(np.float64)


def write_mfc(
    path: str | Path, cepstra: ArrayLike, byte_order: Literal["big", "little"] = "big"
) -> None:
    """Write a (frames, width) array as an `.mfc` file (float32; AN4's files are big-endian)."""
    order = ">" if byte_order == "big" else "<"
    values = np.asarray(cepstra, dtype=f"{order}f4")
    if values.ndim != 2:
        raise ValueError(f"wanted cepstra of shape (frames, width), got {values.shape}")
    write_atomically(path, np.array(values.size, f"{order}i4").tobytes() + values.tobytes())
