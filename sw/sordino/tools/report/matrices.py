"""What each matrix of an image is: found in the image alone, from its streams and its program."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.codec.model import entropy
from sordino.cycles.durations import Durations
from sordino.golden.codec import decode_matrix
from sordino.image.image import Image
from sordino.image.packing import directory_bits, table_bits
from sordino.tools.report.usage import Use, matrix_uses

__all__ = ["MatrixReport", "report_matrices"]

_VALUES = 256


@dataclass(frozen=True, kw_only=True)
class MatrixReport:
    """One matrix of the model, all its parts together.

    name, layer       as in the program: its own, and that of whoever takes the results
    rows, columns     outputs (gates of all units for an LSTM) and inputs
    parts             entries of the directory: tiles, and pieces of columns
    weights, non_zeros
    zeros             share of zero weights
    bits_per_weight   streams, value table where it is the first to use it, directory
    h0                order-0 entropy, bits a weight
    bound             entropy of which places groups stop at, and of the weights there, bits a
                      weight: what no code beats that takes them for independent; h0 where G is 1
    over_h0, over_bound   bits_per_weight over these; None where they are 0
    position_bits, value_bits, other_bits   streams to the bit; table and directory
    values            different weights
    places, padding   places the groups stop at, and padding places, summed over groups
    balance           mean over the largest number of places of a group, padding included
    cycles            of one product, all parts
    stored_cycles     of one product if groups stopped at zeros too
    utilisation       places · group / (lanes · cycles)
    useful            non_zeros / (lanes · cycles)
    """

    name: str
    layer: str
    rows: int
    columns: int
    parts: int
    weights: int
    non_zeros: int
    zeros: float
    bits_per_weight: float
    h0: float
    bound: float
    over_h0: float | None
    over_bound: float | None
    position_bits: int
    value_bits: int
    other_bits: int
    values: int
    places: int
    padding: int
    balance: float
    cycles: int
    stored_cycles: int
    utilisation: float
    useful: float

    @property
    def bytes(self) -> float:
        """The size in the image in bytes: streams, table and directory."""
        return (self.position_bits + self.value_bits + self.other_bits) / 8

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


def report_matrices(
    image: Image,
    durations: Durations,
    stored: Durations,
    on_matrix: Callable[[int], None] = lambda _: None,
) -> list[MatrixReport]:
    """One report a matrix, in the directory's order; `stored` times products that skip no zeros.

    `on_matrix` is called with 1 after each entry of the directory. StreamError for damaged
    streams.
    """
    uses = matrix_uses(image)
    first_users: dict[int, int] = {}
    for use in uses:
        first_users.setdefault(use.values, use.matrix)
    found: dict[str, list[tuple[Use, _Part]]] = {}
    for use in uses:
        part = _part(image, use, durations, stored, first_users[use.values] == use.matrix)
        found.setdefault(use.name, []).append((use, part))
        on_matrix(1)
    return [_joined(image, parts) for parts in found.values()]


@dataclass(frozen=True)
class _Part:
    """`counts` (256,) of weights from -128 on, the zeros of empty slots left out."""

    counts: NDArray[np.int64]
    places: int
    padding: int
    walked: tuple[int, ...]
    position_bits: int
    value_bits: int
    other_bits: int
    cycles: int
    stored_cycles: int


def _part(image: Image, use: Use, durations: Durations, stored: Durations, first: bool) -> _Part:
    decoded = decode_matrix(
        image,
        use.matrix,
        rows=use.rows,
        columns=use.columns,
        runs=image.tables[use.runs],
        values=image.tables[use.values],
    )
    counts = np.bincount(decoded.slots.reshape(-1).astype(np.int64) + 128, minlength=_VALUES)
    counts[128] += use.outputs * use.columns - decoded.slots.size
    entry = image.matrices[use.matrix]
    tables = (use.runs, use.values) if image.config.stream_bus else use.runs
    table = table_bits(image.tables[use.values]) if first else 0
    return _Part(
        counts=counts,
        places=decoded.places,
        padding=decoded.padding,
        walked=entry.places,
        position_bits=sum(entry.position_bits),
        value_bits=sum(entry.value_bits),
        other_bits=table + directory_bits(entry),
        cycles=durations.at(use.address, tables),
        stored_cycles=stored.at(use.address, tables),
    )


def _joined(image: Image, parts: Sequence[tuple[Use, _Part]]) -> MatrixReport:
    uses, found = [use for use, _ in parts], [part for _, part in parts]
    counts = np.sum([part.counts for part in found], axis=0)
    weights, non_zeros = int(counts.sum()), int(counts.sum() - counts[128])
    rows = sum({use.part: use.outputs for use in uses}.values())
    cycles, places = sum(p.cycles for p in found), sum(p.places for p in found)
    positions, values = sum(p.position_bits for p in found), sum(p.value_bits for p in found)
    other = sum(p.other_bits for p in found)
    slowest = sum(max(part.walked) for part in found)
    bits, h0 = (positions + values + other) / weights, entropy(counts)
    lanes, group = image.config.lanes, image.config.group
    bound = _bound(counts, places, group)
    return MatrixReport(
        name=uses[0].name,
        layer=uses[0].layer,
        rows=rows,
        columns=weights // rows,
        parts=len(parts),
        weights=weights,
        non_zeros=non_zeros,
        zeros=1 - non_zeros / weights,
        bits_per_weight=bits,
        h0=h0,
        bound=bound,
        over_h0=bits / h0 if h0 else None,
        over_bound=bits / bound if bound else None,
        position_bits=positions,
        value_bits=values,
        other_bits=other,
        values=int(np.count_nonzero(counts)),
        places=places,
        padding=sum(part.padding for part in found),
        balance=sum(float(np.mean(p.walked)) for p in found) / slowest if slowest else 1.0,
        cycles=cycles,
        stored_cycles=sum(part.stored_cycles for part in found),
        utilisation=places * group / (lanes * cycles),
        useful=non_zeros / (lanes * cycles),
    )


def _bound(counts: NDArray[np.int64], places: int, group: int) -> float:
    """Entropy of places and of what stands there, in bits a weight."""
    weights = int(counts.sum())
    blocks = max(places, -(-weights // group))
    stored = counts.copy()
    stored[128] = max(0, places * group - (weights - int(counts[128])))
    mask = entropy(np.array([places, blocks - places])) * blocks
    return (mask + entropy(stored) * int(stored.sum())) / weights
