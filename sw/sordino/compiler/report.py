"""What each matrix became, in numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sordino.codec import EncodedMatrices
from sordino.codec.model import entropy
from sordino.compiler.passes.proof import AccumulatorBound
from sordino.layers.base.places import PlacedLayer

__all__ = ["MatrixSummary", "summarise_layer"]


@dataclass(frozen=True, kw_only=True)
class MatrixSummary:
    """One matrix of the model (all its tiles together).

    name              as in the model
    layer             the layer whose accumulators it adds to
    rows, columns     outputs (gates of all units for an LSTM) and inputs
    tiles             parts that are walked one after the other
    weights           rows · columns
    non_zeros         of these, after pruning and rounding
    zeros             share of zero weights
    zero_groups       share of the places, with at least one output, where no group stops
    bits_per_weight   streams, value table and directory over weights
    h0                order-0 entropy of the quantised matrix, bits a weight
    places, padding   places the groups stop at, and padding places, summed over groups
    position_bits, value_bits   streams to the bit
    bytes             both, the last byte filled
    table_bytes       its value tables in the image
    balance           mean over the largest number of places of a group, padding included
    values            different weights
    snr_db            signal to noise after rounding, in decibels, as
                      `sordino.compiler.numbers.fidelity` has it; None where rounding took nothing
    step              what weight value 1 stands for
    x_shift           the input is multiplied by 2^x_shift
    unit              what accumulator value 1 stands for
    multiplier, shift requantisation of the layer's accumulator
    bound             largest magnitude the layer's accumulator can reach, proven
    bound_output      the output (LSTM: gate row) that can reach it
    """

    name: str
    layer: str
    rows: int
    columns: int
    tiles: int
    weights: int
    non_zeros: int
    zeros: float
    zero_groups: float
    bits_per_weight: float
    h0: float
    places: int
    padding: int
    position_bits: int
    value_bits: int
    bytes: int
    table_bytes: int
    balance: float
    values: int
    snr_db: float | None
    step: float
    x_shift: int
    unit: float
    multiplier: int
    shift: int
    bound: int
    bound_output: int

    def as_dict(self) -> dict[str, Any]:
        """Fields by name, in the order above."""
        return asdict(self)


def summarise_layer(
    placed: PlacedLayer,
    encoded: EncodedMatrices,
    bound: AccumulatorBound,
    snr_db: Mapping[str, float | None],
) -> list[MatrixSummary]:
    """One report for each matrix of a layer; `snr_db` by the matrices' names."""
    return [
        _report(placed, number, encoded, bound, snr_db[matrix.name])
        for number, matrix in enumerate(placed.layer.matrices)
    ]


def _group_places(placed: PlacedLayer, matrix: int) -> int:
    """Places of all groups that have at least one output."""
    config = placed.layout.config
    lanes = placed.layout.sums
    groups = sum(-(-tile.count * lanes // config.group) for tile in placed.layout.tiles)
    return groups * len(placed.columns[matrix])


def _report(
    placed: PlacedLayer,
    which: int,
    encoded: EncodedMatrices,
    bound: AccumulatorBound,
    snr_db: float | None,
) -> MatrixSummary:
    matrix, layer = placed.layer.matrices[which], placed.layer
    numbers = [number for number, piece in placed.numbered if piece.matrix == which]
    stats = [encoded.stats[number] for number in numbers]
    walked = [np.array(encoded.matrices[number].places) for number in numbers]
    slowest = sum(int(places.max()) for places in walked)
    counts = np.bincount(matrix.values.ravel().astype(np.int64) + 128, minlength=256)
    counts[128] -= matrix.values.size - matrix.weights
    weights = matrix.weights
    non_zeros = int(np.count_nonzero(matrix.values))
    places = sum(s.places for s in stats)
    bits = sum(s.bits_per_weight * s.weights for s in stats)
    return MatrixSummary(
        name=matrix.name,
        layer=layer.name,
        rows=len(matrix.values) - matrix.empty,
        columns=matrix.values.shape[1],
        tiles=len(placed.layout.tiles),
        weights=weights,
        non_zeros=non_zeros,
        zeros=1 - non_zeros / weights,
        zero_groups=1 - places / _group_places(placed, which),
        bits_per_weight=bits / weights,
        h0=entropy(counts),
        places=places,
        padding=sum(s.padding for s in stats),
        position_bits=sum(s.position_bits for s in stats),
        value_bits=sum(s.value_bits for s in stats),
        bytes=-(-sum(s.stream_bits for s in stats) // 8),
        table_bytes=sum(s.table_bits for s in stats) // 8,
        balance=sum(float(p.mean()) for p in walked) / slowest if slowest else 1.0,
        values=int(np.count_nonzero(counts)),
        snr_db=snr_db,
        step=matrix.step,
        x_shift=matrix.shift,
        unit=layer.unit,
        multiplier=layer.multiplier,
        shift=layer.shift,
        bound=bound.value,
        bound_output=bound.row,
    )
