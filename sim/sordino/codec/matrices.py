"""Dealt matrices to tables, streams and directory."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.codec.encode import Encoder
from sordino.codec.model import (
    EncodedMatrices,
    MatrixStats,
    entropy,
)
from sordino.codec.share import TableChoice, choose_tables
from sordino.codec.walk import Walk, longest_run, walk_group
from sordino.image.packing import MatrixStreams, directory_bits, table_bits

__all__ = ["encode_matrices"]

_Stream = tuple[NDArray[np.uint16], int]


def encode_matrices(
    slots: Sequence[NDArray[np.int8]],
    config: Config,
    *,
    weights: Sequence[int] | None = None,
    stored_zeros: bool = False,
    choice: TableChoice = choose_tables,
) -> EncodedMatrices:
    """Encode matrices dealt to lanes, each int8 of shape (rows, lanes, columns).

    Row r of lane l is slots[r, l]; empty slots are zeros. `weights` gives for each matrix how
    many weights it has without its empty slots, for the statistics alone; by default all.
    `stored_zeros` skips nothing: groups stop at every place, and zeros are values like others.
    `choice` makes the tables.

    By default matrices share a run table or a value table where that takes fewer bits than one for
    each. The result depends on nothing but the arguments. Raises ValueError where an array is not
    of that kind or has more rows than `config.rows_per_lane`. Capacities of the memories are not
    checked here.
    """
    for number, matrix in enumerate(slots):
        _check(number, matrix, config)
    if weights is None:
        weights = [matrix.size for matrix in slots]
    walks = [_walk(matrix, config, stored_zeros) for matrix in slots]
    lanes = [_lane_values(*dealt, config) for dealt in zip(slots, walks, strict=True)]
    tables = choice(walks, lanes, config)
    encoders = [Encoder(table, config.state_bits) for table in tables.tables]
    directory: list[MatrixStreams] = []
    stats: list[MatrixStats] = []
    positions: list[list[_Stream]] = [[] for _ in range(config.groups)]
    values: list[list[_Stream]] = [[] for _ in range(config.lanes)]
    for number, (matrix, walked, count) in enumerate(zip(slots, walks, weights, strict=True)):
        run_table, value_table = tables.runs[number], tables.values[number]
        position_codes = [encoders[run_table].encode(walk.symbols) for walk in walked]
        value_codes = [encoders[value_table].encode(lane) for lane in lanes[number]]
        for stored, streams in ((positions, position_codes), (values, value_codes)):
            for unit, stream in zip(stored, streams, strict=True):
                unit.append(stream)
        directory.append(
            MatrixStreams(
                places=tuple(len(walk.symbols) for walk in walked),
                position_bits=tuple(bits for _, bits in position_codes),
                value_bits=tuple(bits for _, bits in value_codes),
            )
        )
        shared = value_table in tables.values[:number]
        own = 0 if shared else table_bits(tables.tables[value_table])
        stats.append(_stats(matrix, count, walked, position_codes, value_codes, own, directory[-1]))
    return EncodedMatrices(
        config=config,
        tables=tables.tables,
        run_tables=tables.runs,
        value_tables=tables.values,
        matrices=tuple(directory),
        positions=tuple(_memory(unit) for unit in positions),
        values=tuple(_memory(unit) for unit in values),
        stats=tuple(stats),
    )


def _check(number: int, matrix: NDArray[np.int8], config: Config) -> None:
    if matrix.dtype != np.int8 or matrix.ndim != 3 or 0 in matrix.shape:
        raise ValueError(
            f"wanted matrix {number} to be int8 (rows, lanes, columns), "
            f"got {matrix.dtype} {matrix.shape}"
        )
    rows, lanes, _ = matrix.shape
    if lanes != config.lanes or rows > config.rows_per_lane:
        raise ValueError(
            f"wanted matrix {number} to have {config.lanes} lanes of at most "
            f"{config.rows_per_lane} rows, got {lanes} of {rows}; deal it in tiles"
        )


def _walk(matrix: NDArray[np.int8], config: Config, stored_zeros: bool) -> list[Walk]:
    """Every group's walk: it stops where any of its lanes has a weight, or everywhere."""
    rows, _, columns = matrix.shape
    present = stored_zeros | (matrix != 0)
    occupied = present.reshape(rows, config.groups, config.group, columns).any(axis=2)
    longest = longest_run(rows, config.state_bits)
    return [walk_group(occupied[:, group], longest) for group in range(config.groups)]


def _lane_values(
    matrix: NDArray[np.int8], walked: Sequence[Walk], config: Config
) -> list[NDArray[np.int64]]:
    """What stands at the places of each lane's group, in the order of the walk."""
    return [
        matrix[walk.rows, group * config.group + lane, walk.columns].astype(np.int64)
        for group, walk in enumerate(walked)
        for lane in range(config.group)
    ]


def _memory(streams: Sequence[_Stream]) -> bytes:
    """Streams bit after bit, the last word filled with zeros."""
    contents = total = 0
    for words, bits in streams:
        contents |= int.from_bytes(words.astype("<u2").tobytes(), "little") << total
        total += bits
    return contents.to_bytes(2 * -(-total // STREAM_WORD_BITS), "little")


def _stats(
    matrix: NDArray[np.int8],
    weights: int,
    walked: Sequence[Walk],
    position_codes: Sequence[_Stream],
    value_codes: Sequence[_Stream],
    own_table: int,
    streams: MatrixStreams,
) -> MatrixStats:
    counts = np.bincount(matrix.reshape(-1).astype(np.int64) + 128, minlength=256)
    counts[128] -= matrix.size - weights
    if counts[128] < 0 or weights < 1:
        raise ValueError(
            f"wanted 1 to {matrix.size} weights, all non-zeros among them, got {weights}"
        )
    return MatrixStats(
        weights=weights,
        non_zeros=weights - int(counts[128]),
        places=sum(len(walk.rows) for walk in walked),
        padding=sum(walk.padding for walk in walked),
        position_bits=sum(bits for _, bits in position_codes),
        value_bits=sum(bits for _, bits in value_codes),
        table_bits=own_table,
        directory_bits=directory_bits(streams),
        h0=entropy(counts),
    )
