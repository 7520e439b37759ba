"""What a matrix costs in the image, everything counted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.codec import encode_matrices
from sordino.codec.model import entropy

__all__ = ["CodecBench", "bench_codec"]

_MOST_ROWS = 1024
_MOST_WORDS = 1 << 24


@dataclass(frozen=True, kw_only=True)
class CodecBench:
    """One matrix encoded alone.

    `bits_per_weight` counts stream memories in whole 16-bit words, run and value tables and the
    directory; `over_h0` is that over the order-0 entropy `h0` of the matrix, None where that is
    0. `position_bits` and `value_bits` are exact, `rounding_bits` fill the last words.
    """

    lanes: int
    group: int
    state_bits: int
    weights: int
    non_zeros: int
    padding_places: int
    position_bits: int
    value_bits: int
    rounding_bits: int
    table_bits: int
    directory_bits: int
    bits_per_weight: float
    h0: float
    over_h0: float | None


def bench_codec(
    matrix: NDArray[np.int8], lanes: int, group: int, state_bits: int = 8
) -> CodecBench:
    """Encode an int8 matrix (outputs, inputs) on so many lanes in groups of `group`.

    Outputs are dealt in their order: neighbours stand in one group. Matrices of more than 1024
    rows a lane are cut into tiles, each with tables of its own. Raises ValueError for another
    kind of array, ConfigError for lanes, group or state bits that no machine has.
    """
    if matrix.dtype != np.int8 or matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"wanted an int8 matrix, got {matrix.dtype} {matrix.shape}")
    outputs, columns = matrix.shape
    tiles = [matrix[at : at + _MOST_ROWS * lanes] for at in range(0, outputs, _MOST_ROWS * lanes)]
    config = Config(
        lanes=lanes,
        group=group,
        state_bits=state_bits,
        x_fifo=16,
        rows_per_lane=_MOST_ROWS,
        lane_words=_MOST_WORDS,
        group_words=_MOST_WORDS,
    )
    slots = []
    for tile in tiles:
        padded = np.zeros((-(-len(tile) // lanes) * lanes, columns), np.int8)
        padded[: len(tile)] = tile
        slots.append(padded.reshape(-1, lanes, columns))
    encoded = encode_matrices(slots, config, weights=[tile.size for tile in tiles])
    stats = encoded.stats
    position_bits = sum(s.position_bits for s in stats)
    value_bits = sum(s.value_bits for s in stats)
    counts = np.bincount(matrix.reshape(-1).astype(np.int64) + 128)
    h0 = entropy(counts)
    return CodecBench(
        lanes=lanes,
        group=group,
        state_bits=state_bits,
        weights=matrix.size,
        non_zeros=sum(s.non_zeros for s in stats),
        padding_places=sum(s.padding for s in stats),
        position_bits=position_bits,
        value_bits=value_bits,
        rounding_bits=encoded.rounding_bits,
        table_bits=encoded.run_table_bits + sum(s.table_bits for s in stats),
        directory_bits=sum(s.directory_bits for s in stats),
        bits_per_weight=encoded.bits_per_weight,
        h0=h0,
        over_h0=encoded.bits_per_weight / h0 if h0 else None,
    )
