"""The compiled machine's functions and their types, and words as they take them."""

import ctypes
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from amaranth.lib import data
from numpy.typing import NDArray

from sordino.image.loading import WORD_BYTES, LoadSection
from sordino.isa.registers import LoadTarget
from sordino.rtl.shared.ports import LoadWrite

__all__ = ["declared", "load_writes"]

_STREAMS = (LoadTarget.POSITIONS, LoadTarget.VALUES)


def load_writes(sections: Iterable[LoadSection]) -> Iterator[NDArray[np.uint64]]:
    """Load sections as (n, 2) uint64 each: low and high half of each LoadWrite payload."""
    layout: Any = data.Layout.cast(LoadWrite)
    offset = {str(name): field.offset for name, field in layout}
    low_bits = 64 - offset["data"]
    for section in sections:
        width = 2 if section.target in _STREAMS else WORD_BYTES
        words = np.frombuffer(section.words, dtype=f"<u{width}").astype(np.uint64)
        address = np.arange(len(words), dtype=np.uint64)
        address += np.uint64(section.address * (WORD_BYTES // width))
        fixed = section.target.value << offset["target"] | section.unit << offset["unit"]
        low = np.uint64(fixed) | address << np.uint64(offset["address"])
        low |= (words & np.uint64((1 << low_bits) - 1)) << np.uint64(offset["data"])
        yield np.stack([low, words >> np.uint64(low_bits)], axis=1)


def declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library with its functions' types."""
    pointer, u32, u64, size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_size_t
    text = ctypes.c_char_p
    for name, result, arguments in (
        ("create", pointer, []),
        ("missing", text, [pointer]),
        ("destroy", None, [pointer]),
        ("names", None, [pointer]),
        ("bind", size, [pointer, u32, text]),
        ("open_vcd", ctypes.c_int, [pointer, text]),
        ("flush_vcd", ctypes.c_int, [pointer]),
        ("external", ctypes.c_int, [pointer, text, size, u32, u32, u32, u32, u32]),
        ("beats", u64, [pointer]),
        ("load", None, [pointer, pointer, size]),
        ("program", None, [pointer, pointer, pointer, pointer, pointer, size]),
        (
            "start",
            None,
            [pointer, u32, u64, ctypes.c_int, u32, u32, u32],
        ),
        ("channels", None, [pointer, u32]),
        ("features", None, [pointer, u32, pointer, size]),
        ("left", size, [pointer, u32]),
        ("follow", None, [pointer, ctypes.c_int]),
        ("forget_requests", None, [pointer]),
        ("requests_left", size, [pointer]),
        ("request", None, [pointer, u32, u32, pointer, size]),
        ("checked", None, [pointer, u32]),
        ("run", ctypes.c_int, [pointer, u64, size]),
        ("records", size, [pointer, pointer, pointer, pointer]),
        ("forget_records", None, [pointer]),
        ("tokens", size, [pointer, pointer]),
        ("status", u32, [pointer]),
        ("counters", ctypes.POINTER(u32), [pointer]),
        ("profile", ctypes.POINTER(u64), [pointer]),
        ("dump", size, [pointer, u32, pointer]),
        ("window_read", ctypes.c_int, [pointer, u32, u32, u32, size, u32, pointer]),
        ("window_write", ctypes.c_int, [pointer, u32, u32, u32, size, u32, pointer]),
    ):
        function = getattr(library, f"sordino_{name}")
        function.restype, function.argtypes = result, arguments
    return library
