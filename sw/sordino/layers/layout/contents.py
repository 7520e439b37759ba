"""What parameter memory holds for a layer: biases, index tables, embeddings.

Functions return bytes: little-endian int32 numbers, or int8 ones of an embedding.
"""

import numpy as np
from numpy.typing import NDArray

from sordino.isa.parameters import PARAMETER_BYTES
from sordino.layers.layout.layout import Layout

__all__ = ["embedding_rows", "gate_biases", "index_table", "slot_biases", "slot_count"]


def _int32(values: NDArray[np.int64]) -> bytes:
    return values.astype("<i4").tobytes()


def gate_biases(layout: Layout, bias: NDArray[np.int64]) -> bytes:
    """The biases (4, units) of the gates of each unit, unit by unit in storage order."""
    return _int32(bias[:, layout.order].T.ravel())


def slot_count(layout: Layout) -> int:
    """The number of slots of all tiles, empty ones among them."""
    last = layout.tiles[-1]
    return last.first_index + last.rows * layout.config.lanes


def _by_slot(layout: Layout, bias: NDArray[np.int64]) -> NDArray[np.int64]:
    biases = np.zeros(slot_count(layout), np.int64)
    biases[: len(layout.order)] = bias[layout.order]
    return biases


def slot_biases(layout: Layout, bias: NDArray[np.int64]) -> bytes:
    """The bias (outputs,) of each slot, 0 in empty ones."""
    return _int32(_by_slot(layout, bias))


def index_table(layout: Layout, bias: NDArray[np.int64]) -> bytes:
    """The bias and the original index of each slot; index -1 in empty ones."""
    indices = np.full(slot_count(layout), -1, np.int64)
    indices[: len(layout.order)] = layout.order
    return _int32(np.stack([_by_slot(layout, bias), indices], axis=1).ravel())


def embedding_rows(rows: NDArray[np.int8]) -> tuple[bytes, int]:
    """The int8 rows (tokens, width) padded to whole parameter words, and the words a row."""
    stride = -(-rows.shape[1] // PARAMETER_BYTES)
    padded = np.zeros((len(rows), PARAMETER_BYTES * stride), np.int8)
    padded[:, : rows.shape[1]] = rows
    return padded.tobytes(), stride
