"""Bits that well-known weight formats take for an int8 matrix (outputs, inputs), and two bounds.

All are generous: pointers, alignment and the split into lanes are free, and a format that needs a
number of bits a value is told the fewest that hold its values. Sizes of Sordino count all that.
"""

import numpy as np
from numpy.typing import NDArray

from sordino.codec.model import entropy
from sordino.tools.peers.huffman import code_lengths

__all__ = [
    "bitmap_bits",
    "block_bound_bits",
    "eie_bits",
    "huffman_bits",
    "mask_bits",
    "order0_bits",
]

_ESCAPE = 255
_CODE_LENGTH_BITS = 4
"""A code's lengths, 0 to 15, are listed from its lowest symbol to its highest."""
_TABLE_HEAD_BITS = 16
_EIE_RUN_BITS = 4
_Matrix = NDArray[np.int8]


def _histogram(values: NDArray[np.integer]) -> NDArray[np.int64]:
    """Counts from the lowest to the highest of these values."""
    wide = values.reshape(-1).astype(np.int64)
    return np.bincount(wide - wide.min()) if wide.size else np.zeros(0, np.int64)


def order0_bits(matrix: _Matrix) -> float:
    """The order-0 entropy of the weights, zeros included, times their number: bits."""
    return entropy(_histogram(matrix)) * matrix.size


def _blocks(matrix: _Matrix, group: int) -> NDArray[np.bool_]:
    """A mask of the blocks of a column in `group` neighbouring rows that are not all zero."""
    padded = np.pad(matrix != 0, ((0, -len(matrix) % group), (0, 0)))
    return np.asarray(padded.reshape(-1, group, matrix.shape[1]).any(axis=1))


def _kept(matrix: _Matrix, group: int) -> _Matrix:
    """All weights, zeros too, that stand in blocks that are not all zero."""
    inside = np.repeat(_blocks(matrix, group), group, axis=0)[: len(matrix)]
    return np.asarray(matrix[inside])


def bitmap_bits(matrix: _Matrix, bits: int, group: int = 1) -> int:
    """A bitmap's size: a bit for each block of `group` rows, `bits` a weight of non-zero ones."""
    return _blocks(matrix, group).size + bits * _kept(matrix, group).size


def mask_bits(matrix: _Matrix, group: int = 1) -> float:
    """The entropy of which blocks of `group` rows are zero, times their number: bits."""
    blocks = _blocks(matrix, group)
    return entropy(np.bincount(blocks.reshape(-1), minlength=2)) * blocks.size


def block_bound_bits(matrix: _Matrix, group: int) -> float:
    """The entropy of which blocks are zero and order-0 entropy of the weights in others: bits.

    No code that takes blocks, and weights within blocks, for independent is smaller.
    """
    kept = _kept(matrix, group)
    return mask_bits(matrix, group) + entropy(_histogram(kept)) * kept.size


def eie_bits(matrix: _Matrix, bits: int) -> int:
    """The size in EIE's format: a run of 0 to 15 zeros in 4 bits before each weight of `bits`.

    Column by column in one stream; a longer run is cut by zeros that are stored as weights.
    """
    places = np.flatnonzero(matrix.T)
    runs = np.diff(places, prepend=-1) - 1
    entries = int((runs >> _EIE_RUN_BITS).sum()) + len(runs)
    return entries * (_EIE_RUN_BITS + bits)


def _coded_bits(counts: NDArray[np.int64]) -> int:
    """Code and payload of these counts in a canonical Huffman code of at most 15 bits."""
    lengths = np.array(code_lengths(counts.tolist()), np.int64)
    return _TABLE_HEAD_BITS + _CODE_LENGTH_BITS * len(counts) + int(counts @ lengths)


def huffman_bits(matrix: _Matrix) -> int:
    """The size in canonical Huffman codes of at most 15 bits: the smaller of two formats.

    Either one code for all weights, or run lengths and non-zeros row by row with a code each:
    runs up to 254, symbol 255 stands for 255 zeros and no weight.
    """
    whole = _coded_bits(_histogram(matrix))
    flat = matrix.reshape(-1)
    places = np.flatnonzero(flat)
    if not places.size:
        return whole
    runs = np.diff(places, prepend=-1) - 1
    counts = np.bincount(runs % _ESCAPE, minlength=_ESCAPE + 1)
    counts[_ESCAPE] = int((runs // _ESCAPE).sum())
    return min(
        whole, _coded_bits(np.trim_zeros(counts, "b")) + _coded_bits(_histogram(flat[places]))
    )
