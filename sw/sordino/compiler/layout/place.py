"""A quantised model dealt to a machine: layouts, column orders, numbers of the matrices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sordino.arch import RANGES, Config
from sordino.compiler.layout.layout import Layout, linear_layout, lstm_layout
from sordino.compiler.limits.limits import Limits
from sordino.compiler.numbers.quantise import QuantisedLayer, QuantisedModel

__all__ = ["Piece", "PlacedLayer", "PlacedModel", "place_all", "place_model", "with_bounds"]

_LEAST_UNITS = 128
"""With fewer a CELL takes no longer than what more products cost."""
_PIECES = 4
"""Of U, as long as one another, if it is cut."""


@dataclass(frozen=True)
class Piece:
    """One directory entry: a tile of some columns of a layer's matrix."""

    tile: int
    matrix: int
    begin: int
    end: int


@dataclass(frozen=True, eq=False)
class PlacedLayer:
    """One dealt layer.

    columns       for each of its matrices, the input at each column
    first_matrix  number of its first matrix in the directory; tile by tile, W before U
    cut           columns of the first tile's U that are a matrix of their own; 0: U is whole
    bounds        columns at which W is cut, in every tile
    """

    layer: QuantisedLayer
    layout: Layout
    columns: tuple[NDArray[np.int64], ...]
    first_matrix: int
    cut: int = 0
    bounds: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The layer's directory entries in the order of their numbers."""
        pieces = []
        for tile in range(len(self.layout.tiles)):
            for matrix, columns in enumerate(self.columns):
                width = len(columns)
                cuts = (() if tile or not self.cut else (self.cut,)) if matrix else self.bounds
                bounds = (0, *cuts, width)
                pieces += [Piece(tile, matrix, a, b) for a, b in pairwise(bounds)]
        return tuple(pieces)

    @property
    def numbered(self) -> Iterator[tuple[int, Piece]]:
        """The layer's directory entries, each after its number."""
        return enumerate(self.pieces, self.first_matrix)

    def numbers(self, tile: int, matrix: int) -> list[int]:
        """The numbers of the directory entries of a matrix in one tile, by column."""
        return [n for n, piece in self.numbered if (piece.tile, piece.matrix) == (tile, matrix)]

    def slots(self) -> list[NDArray[np.int8]]:
        """Dealt matrices in the order of their numbers, each int8 (rows, lanes, columns)."""
        dealt = [
            self.layout.slots(matrix.values, columns)
            for matrix, columns in zip(self.layer.matrices, self.columns, strict=True)
        ]
        return [dealt[p.matrix][p.tile][:, :, p.begin : p.end] for p in self.pieces]

    def weights(self) -> list[int]:
        """The number of weights of each dealt matrix, empty slots not counted."""
        outputs = 4 if self.layout.lstm else 1
        tiles = self.layout.tiles
        return [outputs * tiles[p.tile].count * (p.end - p.begin) for p in self.pieces]


@dataclass(frozen=True, eq=False)
class PlacedModel:
    """All layers of an RNN-T."""

    encoder: tuple[PlacedLayer, ...]
    joint_encoder: PlacedLayer
    prediction: tuple[PlacedLayer, ...]
    joint_prediction: PlacedLayer
    joint_output: PlacedLayer

    @property
    def layers(self) -> tuple[PlacedLayer, ...]:
        """All layers in the order of the directory."""
        return (
            *self.encoder,
            self.joint_encoder,
            *self.prediction,
            self.joint_prediction,
            self.joint_output,
        )


def with_bounds(model: PlacedModel, bounds: Mapping[str, tuple[int, ...]]) -> PlacedModel:
    """A copy of the model in which W of the named layers is cut at these columns."""
    first, made = 0, []
    for layer in model.layers:
        new = replace(layer, first_matrix=first, bounds=bounds.get(layer.name, ()))
        first += len(new.pieces)
        made.append(new)
    count = len(model.encoder)
    return PlacedModel(
        tuple(made[:count]), made[count], tuple(made[count + 1 : -2]), made[-2], made[-1]
    )


def _is_cut(encoder: tuple[QuantisedLayer, ...], config: Config) -> bool:
    """Whether the encoder is one layer that is worth two tiles, one in each bank.

    Then the CELL of each is beside products of the other one, where else nothing is beside it.
    It costs three products more, each of which must leave time for loading a table.
    """
    recurrent = encoder[0].matrices[1].values
    units = recurrent.shape[1]
    quarter = int(np.count_nonzero(recurrent)) // (_PIECES * config.lanes)
    fits = 1 < -(-units // config.quads) <= 2 * config.rows_per_lane
    return len(encoder) == 1 and fits and units >= _LEAST_UNITS and quarter > config.states


def place_model(model: QuantisedModel, config: Config, *, side_by_side: bool = True) -> PlacedModel:
    """Deal every layer; the machine has rows for all of the joint's outputs.

    `side_by_side`: an encoder of one wide layer may have two tiles.
    """
    first = 0

    def place(
        layer: QuantisedLayer, layout: Layout, *columns: NDArray[np.int64], cut: int = 0
    ) -> PlacedLayer:
        nonlocal first
        placed = PlacedLayer(layer, layout, columns, first, cut)
        first += len(placed.pieces)
        return placed

    def stack(layers: tuple[QuantisedLayer, ...], cut: bool = False) -> tuple[PlacedLayer, ...]:
        order = np.arange(layers[0].matrices[0].values.shape[1])
        placed = []
        for layer in layers:
            # After a time reduction the input is the layer before as often as it fits.
            times = layer.matrices[0].values.shape[1] // len(order)
            order = np.concatenate([order + n * len(order) for n in range(times)])
            values = [matrix.values for matrix in layer.matrices]
            layout = lstm_layout(values, config, cut=cut)
            own = layout.tiles[0].count if cut else 0
            placed.append(place(layer, layout, order, layout.order, cut=own))
            order = layout.order
        return tuple(placed)

    halves = (model.joint_encoder, model.joint_prediction)
    joint = linear_layout([half.matrices[0].values for half in halves], config)
    output = linear_layout([model.joint_output.matrices[0].values], config)
    encoder = stack(model.encoder, side_by_side and _is_cut(model.encoder, config))
    joint_encoder = place(halves[0], joint, encoder[-1].layout.order)
    prediction = stack(model.prediction)
    joint_prediction = place(halves[1], joint, prediction[-1].layout.order)
    joint_output = place(model.joint_output, output, joint.order)
    return PlacedModel(encoder, joint_encoder, prediction, joint_prediction, joint_output)


def place_all(model: QuantisedModel, limits: Limits, *, side_by_side: bool = True) -> PlacedModel:
    """`place_model` for the machine of `limits`, or one with the rows that it takes at least.

    All outputs of the joint stand in one tile, and no machine has a directory for the tiles of too
    few rows.
    """

    def placed() -> PlacedModel:
        return place_model(model, limits.config, side_by_side=side_by_side)

    outputs = -(-len(model.joint_output.bias) // limits.config.lanes)
    limits.grow("rows_per_lane", outputs, model.joint_output.name)
    found = placed()
    if sum(len(layer.pieces) for layer in found.layers) <= RANGES["matrices"][1]:
        return found
    rows = max(sum(tile.rows for tile in layer.layout.tiles) for layer in found.layers)
    limits.grow("rows_per_lane", min(rows, RANGES["rows_per_lane"][1]), "fewer tiles")
    return placed()
