"""Arrays in NumPy's format, whose size is known before memory is taken.

Format: NumPy Enhancement Proposal 1 (`numpy.lib.format`), versions 1.0 and 2.0.
"""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from tokenize import TokenError
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

__all__ = ["MOST_NUMBERS", "Header", "read_array", "read_header"]

MOST_NUMBERS = 100_000_000
"""Numbers that the arrays of one file have at most: 0.8 GB in float64."""
_PREFIX = npy.MAGIC_LEN
_MOST_HEADER = 10_000


class Header(NamedTuple):
    """What an array's header declares; `start` is where its data begin."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int

    @property
    def size(self) -> int:
        """Numbers."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """The bytes of header and data."""
        return self.start + self.size * self.dtype.itemsize


def read_header(file: IO[bytes]) -> Header:
    """The header of an array; reads nothing after it.

    Raises ValueError for anything else, and for objects, which only a pickle holds.
    """
    prefix = file.read(_PREFIX)
    version = npy.read_magic(io.BytesIO(prefix))
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the format")
    length = file.read(2 if version == (1, 0) else 4)
    size = int.from_bytes(length, "little")
    if size > _MOST_HEADER:
        raise ValueError(f"a header of {size} bytes")
    text = io.BytesIO(length + file.read(size))
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        with _quietly():
            shape, _, dtype = read(text)
    except (TypeError, SyntaxError, TokenError, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if dtype.hasobject or any(n < 0 for n in shape):
        raise ValueError(f"an array of {dtype} and shape {shape}")
    return Header(shape, dtype, _PREFIX + len(length) + size)


def read_array(file: IO[bytes]) -> NDArray[Any]:
    """The array, header included, from the beginning; ValueError where it is not whole."""
    with _quietly():
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep NumPy from warning that a header is as Python 2 wrote it: it is read all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
