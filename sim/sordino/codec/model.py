"""What the encoder hands over: tables, stream memories, directory and what they cost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.image.packing import MatrixStreams, table_bits
from sordino.image.rooms import SegmentRoom
from sordino.image.tans import Symbol

__all__ = ["EncodedMatrices", "MatrixStats", "entropy"]


def entropy(counts: NDArray[np.int64]) -> float:
    """Order-0 entropy in bits of the distribution that these counts make; 0 without counts."""
    shares = counts[counts > 0] / max(1, int(counts.sum()))
    return float(-(shares * np.log2(shares)).sum()) + 0.0  # never -0.0


@dataclass(frozen=True, kw_only=True)
class MatrixStats:
    """What one matrix holds and what it costs.

    weights         weights of the matrix, empty slots not counted
    non_zeros       of these, how many are not 0
    places          places the groups stop at, summed over groups, padding places not counted
    padding         padding places, summed over groups
    position_bits   position streams to the bit, initial states included
    value_bits      value streams to the bit, initial states included
    table_bits      its value table in the image, 0 if an earlier matrix has the same
    directory_bits  the matrix's directory record in the image
    h0              order-0 entropy of its weights, zeros included, in bits a weight
    """

    weights: int
    non_zeros: int
    places: int
    padding: int
    position_bits: int
    value_bits: int
    table_bits: int
    directory_bits: int
    h0: float

    @property
    def bits_per_weight(self) -> float:
        """Streams, value table and directory record over weights; without run tables."""
        return (self.stream_bits + self.table_bits + self.directory_bits) / self.weights

    @property
    def stream_bits(self) -> int:
        """The bits of the position and the value streams together."""
        return self.position_bits + self.value_bits


@dataclass(frozen=True, kw_only=True)
class EncodedMatrices:
    """Matrices as the image holds them.

    Matrix k takes `tables[run_tables[k]]` and `tables[value_tables[k]]`. `positions` holds each
    group's and `values` each lane's stream memory, matrix after matrix; `matrices` is the
    directory, `stats` goes with it entry by entry. `external` holds the streamed matrices.
    """

    config: Config
    tables: tuple[tuple[Symbol, ...], ...]
    run_tables: tuple[int, ...]
    value_tables: tuple[int, ...]
    matrices: tuple[MatrixStreams, ...]
    positions: tuple[bytes, ...]
    values: tuple[bytes, ...]
    stats: tuple[MatrixStats, ...]
    external: bytes = b""

    @property
    def rooms(self) -> tuple[SegmentRoom, ...]:
        """There are none: all streams follow each other."""
        return ()

    @property
    def run_table_bits(self) -> int:
        """Bits of all run tables in the image."""
        return sum(table_bits(self.tables[number]) for number in set(self.run_tables))

    @property
    def rounding_bits(self) -> int:
        """Bits that fill the last word of every stream memory, and the last burst of others."""
        stored = 8 * sum(map(len, (*self.positions, *self.values, self.external)))
        return stored - sum(stats.stream_bits for stats in self.stats)

    @property
    def bits_per_weight(self) -> float:
        """Streams, all tables and the directory over the weights of all matrices."""
        weights = sum(stats.weights for stats in self.stats)
        bits = sum(s.stream_bits + s.table_bits + s.directory_bits for s in self.stats)
        return (bits + self.rounding_bits + self.run_table_bits) / weights
