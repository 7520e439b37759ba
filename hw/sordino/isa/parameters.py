"""Parameter memory in bytes: the width of its words, and index tables as plain integers."""

from struct import iter_unpack

__all__ = ["PARAMETER_BITS", "PARAMETER_BYTES", "index_entries"]

PARAMETER_BYTES = 16
"""Bytes of a word of parameter memory."""
PARAMETER_BITS = 8 * PARAMETER_BYTES


def index_entries(parameters: bytes, word: int, count: int) -> tuple[tuple[int, int], ...]:
    """The bias and the index of `count` ARGMAX entries, from parameter word `word` on.

    Entries that lie beyond the end of `parameters` are left out.
    """
    begin = word * PARAMETER_BYTES
    table = parameters[begin : begin + 8 * count]
    return tuple(iter_unpack("<ii", table[: len(table) // 8 * 8]))
