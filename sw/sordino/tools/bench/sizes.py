"""Bits per weight of the same matrices: Sordino, Vela, other formats, the entropy."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from os import cpu_count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.codec import encode_matrices
from sordino.compiler.passes.place import place_graph
from sordino.tools.bench.cases import BenchCase
from sordino.tools.peers import (
    Vela,
    bitmap_bits,
    block_bound_bits,
    eie_bits,
    huffman_bits,
    mask_bits,
    order0_bits,
)

__all__ = [
    "Encoded",
    "Sizes",
    "case_machine",
    "deal_case",
    "encode_case",
    "measure_sizes",
    "parts_table",
    "size_table",
]

_ROOM = 1 << 24
_MOST_ROWS = 1024


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A case in Sordino's streams on so many lanes.

    bits_per_weight  stream memories, tables and directory; the sum of the following
    positions        position streams to the bit, a weight
    values           value streams to the bit
    rounding         what fills the streams' last words
    tables           run and value tables
    directory        starts and lengths of the streams
    stream_bytes     mean over all position and value streams that are not empty
    """

    lanes: int
    bits_per_weight: float
    positions: float
    values: float
    rounding: float
    tables: float
    directory: float
    stream_bytes: float


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Bits per weight of one case.

    zeros        share of zero weights
    h0           order-0 entropy of each matrix, weighted
    block_bound  entropy of the zero groups and of the weights in the others; None in groups of 1
    mask         the part of it, or of the entropy, that says what is zero
    vela         the smaller of Vela's two encodings; None where Vela is left out
    vela_cycles  sum of Vela's estimates for the matrices as fully connected layers
    """

    source: str
    bits: int
    zeros_asked: float | None
    zeros: float
    group: int
    weights: int
    sordino: tuple[Encoded, ...]
    h0: float
    block_bound: float | None
    mask: float
    vela: float | None
    vela_cycles: int | None
    huffman: float
    bitmap: float
    eie: float

    @property
    def reference(self) -> float:
        """What sizes are compared with: the block bound, in groups of 1 the entropy."""
        return self.h0 if self.block_bound is None else self.block_bound

    def encoded_for(self, lanes: int) -> Encoded:
        """The case encoded by Sordino for one of the numbers of lanes that were measured."""
        return next(encoded for encoded in self.sordino if encoded.lanes == lanes)

    def over(self, lanes: int) -> float:
        """The bits per weight on so many lanes over those of the reference."""
        return self.encoded_for(lanes).bits_per_weight / self.reference if self.reference else 1.0

    def shares(self, lanes: int) -> tuple[float, ...]:
        """Five shares of the reference that add up to what Sordino takes beyond it.

        They are positions beyond the entropy of what is zero, values beyond the rest, last
        words, tables, directory.
        """
        one, whole = self.encoded_for(lanes), self.reference
        over = (one.positions - self.mask, one.values - (whole - self.mask))
        return tuple(
            part / whole if whole else 0.0
            for part in (*over, one.rounding, one.tables, one.directory)
        )

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


def case_machine(case: BenchCase, lanes: int) -> Config:
    """A machine with room for any case."""
    return Config(
        lanes=lanes,
        group=case.group,
        x_fifo=16,
        rows_per_lane=_MOST_ROWS,
        lane_words=_ROOM,
        group_words=_ROOM,
    )


def encode_case(case: BenchCase, lanes: int) -> Encoded:
    """Encode a case for one number of lanes; a model as the compiler does."""
    config = case_machine(case, lanes)
    slots, weights = deal_case(case, config)
    encoded = encode_matrices(slots, config, weights=weights)
    stats, total = encoded.stats, case.weights
    positions, values = sum(s.position_bits for s in stats), sum(s.value_bits for s in stats)
    streams = [n for m in encoded.matrices for n in (*m.position_bits, *m.value_bits) if n]
    return Encoded(
        lanes=lanes,
        bits_per_weight=encoded.bits_per_weight,
        positions=positions / total,
        values=values / total,
        rounding=encoded.rounding_bits / total,
        tables=(encoded.run_table_bits + sum(s.table_bits for s in stats)) / total,
        directory=sum(s.directory_bits for s in stats) / total,
        stream_bytes=sum(streams) / 8 / max(1, len(streams)),
    )


def deal_case(case: BenchCase, config: Config) -> tuple[list[NDArray[np.int8]], list[int]]:
    """Slots (rows, lanes, columns) of every matrix or tile, and their weights.

    A model is dealt as the compiler does, other matrices in the order of their rows.
    """
    if case.model is None:
        return _in_order(case.matrices, config)
    layers = place_graph(case.model, config).layers
    slots = [matrix for layer in layers for matrix in layer.slots()]
    return slots, [count for layer in layers for count in layer.weights()]


def _in_order(
    matrices: Sequence[NDArray[np.int8]], config: Config
) -> tuple[list[NDArray[np.int8]], list[int]]:
    """Matrices dealt to lanes in the order of their rows, cut into tiles; and their weights."""
    slots, weights = [], []
    most = config.rows_per_lane * config.lanes
    for matrix in matrices:
        for tile in (matrix[at : at + most] for at in range(0, len(matrix), most)):
            padded = np.pad(tile, ((0, -len(tile) % config.lanes), (0, 0)))
            slots.append(padded.reshape(-1, config.lanes, matrix.shape[1]))
            weights.append(tile.size)
    return slots, weights


def measure_sizes(case: BenchCase, lanes: Sequence[int], vela: Vela | None) -> Sizes:
    """Measure a case on each number of lanes, in other formats and, if it is given, in Vela."""

    def per_weight(bits: float) -> float:
        return bits / case.weights

    def total(measure: Callable[..., float], *arguments: int) -> float:
        return per_weight(sum(measure(matrix, *arguments) for matrix in case.matrices))

    encodings = []
    if vela is not None:
        # Threads only wait for Vela's own processes.
        with ThreadPoolExecutor(cpu_count()) as pool:
            encodings = list(pool.map(vela.measure, case.matrices))
    return Sizes(
        source=case.source,
        bits=case.bits,
        zeros_asked=case.zeros,
        zeros=1 - case.non_zeros / case.weights,
        group=case.group,
        weights=case.weights,
        sordino=tuple(encode_case(case, count) for count in lanes if count % case.group == 0),
        h0=total(order0_bits),
        block_bound=total(block_bound_bits, case.group) if case.group > 1 else None,
        mask=total(mask_bits, case.group),
        vela=per_weight(sum(m.bits for m in encodings)) if encodings else None,
        vela_cycles=sum(m.npu_cycles for m in encodings) if encodings else None,
        huffman=total(huffman_bits),
        bitmap=total(bitmap_bits, case.bits, case.group),
        eie=total(eie_bits, case.bits),
    )


def size_table(
    rows: Sequence[Sizes], lanes: Sequence[int]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of a table: bits per weight, and in brackets over the reference."""

    def cell(bits: float | None, sizes: Sizes) -> str:
        if bits is None:
            return "–"
        return f"{bits:.3f} ({bits / sizes.reference:.3f})" if sizes.reference else f"{bits:.3f}"

    header = (
        "matrix",
        "bits",
        "group",
        "zeros",
        "H0",
        "block bound",
        *(f"Sordino, {count} lanes" for count in lanes),
        "Vela",
        "Huffman",
        "bitmap",
        "EIE",
    )
    body: list[tuple[str, ...]] = [
        (
            sizes.source,
            str(sizes.bits),
            str(sizes.group),
            f"{sizes.zeros:.1%}",
            f"{sizes.h0:.3f}",
            f"{sizes.block_bound:.3f}" if sizes.block_bound is not None else "",
            *(
                cell(sizes.encoded_for(count).bits_per_weight, sizes)
                if count % sizes.group == 0
                else ""
                for count in lanes
            ),
            cell(sizes.vela, sizes),
            cell(sizes.huffman, sizes),
            cell(sizes.bitmap, sizes),
            cell(sizes.eie, sizes),
        )
        for sizes in rows
    ]
    return header, body


def parts_table(
    rows: Sequence[Sizes], lanes: Sequence[int]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of a table: where Sordino's bits go.

    Positions, values and all in bits per weight, then `Sizes.shares` in per cent.
    """
    header = (
        "matrix",
        "bits",
        "group",
        "zeros",
        "lanes",
        "positions",
        "values",
        "all",
        "positions over",
        "values over",
        "last words",
        "tables",
        "directory",
        "bytes a stream",
    )
    body: list[tuple[str, ...]] = [
        (
            sizes.source,
            str(sizes.bits),
            str(sizes.group),
            f"{sizes.zeros:.1%}",
            str(one.lanes),
            *(f"{part:.4f}" for part in (one.positions, one.values, one.bits_per_weight)),
            *(f"{share:.2%}" for share in sizes.shares(one.lanes)),
            f"{one.stream_bytes:,.0f}",
        )
        for sizes in rows
        for one in sizes.sordino
        if one.lanes in lanes
    ]
    return header, body
