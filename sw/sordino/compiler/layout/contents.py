"""What parameter memory holds for a layer: biases, index tables, embeddings."""

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD
from sordino.compiler.layout.layout import Layout
from sordino.compiler.layout.place import PlacedLayer
from sordino.isa.parameters import PARAMETER_BYTES

__all__ = ["cell_biases", "embedding_rows", "index_table", "slot_biases", "slot_count"]


def cell_biases(layer: PlacedLayer) -> NDArray[np.int64]:
    """The biases of the four gates of each unit in storage order, int64 (4 · units,)."""
    return layer.layer.bias.reshape(QUAD, -1)[:, layer.layout.order].T.ravel()


def slot_count(layout: Layout) -> int:
    """The number of slots of all tiles, empty ones among them."""
    last = layout.tiles[-1]
    return last.first_index + last.rows * layout.config.lanes


def slot_biases(layer: PlacedLayer) -> NDArray[np.int64]:
    """The bias of each slot, 0 in empty ones; int64 (slots,)."""
    biases = np.zeros(slot_count(layer.layout), np.int64)
    biases[: len(layer.layout.order)] = layer.layer.bias[layer.layout.order]
    return biases


def index_table(layer: PlacedLayer) -> NDArray[np.int64]:
    """The bias and the original index of each slot, int64 (2 · slots,); index -1 in empty ones."""
    indices = np.full(slot_count(layer.layout), -1, np.int64)
    indices[: len(layer.layout.order)] = layer.layout.order
    return np.stack([slot_biases(layer), indices], axis=1).ravel()


def embedding_rows(rows: NDArray[np.int8]) -> tuple[bytes, int]:
    """The int8 rows (tokens, width) padded to whole parameter words, and the words a row."""
    stride = -(-rows.shape[1] // PARAMETER_BYTES)
    padded = np.zeros((len(rows), PARAMETER_BYTES * stride), np.int8)
    padded[:, : rows.shape[1]] = rows
    return padded.tobytes(), stride
