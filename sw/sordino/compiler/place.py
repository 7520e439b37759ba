"""A quantised model dealt to a machine: layouts, column orders, numbers of the matrices."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.compiler.errors import CompileError
from sordino.compiler.layout import Layout, linear_layout, lstm_layout
from sordino.compiler.quantise import QuantisedLayer, QuantisedModel

__all__ = ["Placed", "PlacedModel", "place_model"]


@dataclass(frozen=True, eq=False)
class Placed:
    """One dealt layer.

    columns  for each of its matrices, the input at each column
    first    number of its first matrix in the directory; tile by tile, W before U
    """

    layer: QuantisedLayer
    layout: Layout
    columns: tuple[NDArray[np.int64], ...]
    first: int

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def count(self) -> int:
        """Directory entries."""
        return len(self.layout.tiles) * len(self.layer.matrices)

    def number(self, tile: int, matrix: int) -> int:
        """Directory entry of one matrix's tile."""
        return self.first + tile * len(self.layer.matrices) + matrix

    def slots(self) -> list[NDArray[np.int8]]:
        """Dealt matrices in the order of their numbers."""
        dealt = [
            self.layout.slots(matrix.values, columns)
            for matrix, columns in zip(self.layer.matrices, self.columns, strict=True)
        ]
        return [tiles[tile] for tile in range(len(self.layout.tiles)) for tiles in dealt]

    def weights(self) -> list[int]:
        """Weights of each dealt matrix, empty slots not counted."""
        outputs = 4 if self.layout.lstm else 1
        return [
            outputs * tile.count * len(columns)
            for tile in self.layout.tiles
            for columns in self.columns
        ]


@dataclass(frozen=True, eq=False)
class PlacedModel:
    """All layers of an RNN-T."""

    encoder: tuple[Placed, ...]
    joint_encoder: Placed
    prediction: tuple[Placed, ...]
    joint_prediction: Placed
    joint_output: Placed

    @property
    def layers(self) -> tuple[Placed, ...]:
        """In the order of the directory."""
        return (
            *self.encoder,
            self.joint_encoder,
            *self.prediction,
            self.joint_prediction,
            self.joint_output,
        )


def place_model(model: QuantisedModel, config: Config) -> PlacedModel:
    """Deal every layer; CompileError where the output layer has more rows than the machine."""
    outputs, room = len(model.joint_output.bias), config.rows_per_lane * config.lanes
    if outputs > room:
        raise CompileError(
            f"does not fit {config.name}: joint.output has {outputs:,} outputs, which must stand "
            f"in one tile, the machine has {room:,} accumulators; "
            f"raise rows_per_lane to {-(-outputs // config.lanes)}"
        )
    first = 0

    def place(layer: QuantisedLayer, layout: Layout, *columns: NDArray[np.int64]) -> Placed:
        nonlocal first
        placed = Placed(layer, layout, columns, first)
        first += placed.count
        return placed

    def stack(layers: tuple[QuantisedLayer, ...]) -> tuple[Placed, ...]:
        order = np.arange(layers[0].matrices[0].values.shape[1])
        placed = []
        for layer in layers:
            # After a time reduction the input is the layer before as often as it fits.
            times = layer.matrices[0].values.shape[1] // len(order)
            order = np.concatenate([order + n * len(order) for n in range(times)])
            layout = lstm_layout([matrix.values for matrix in layer.matrices], config)
            placed.append(place(layer, layout, order, layout.order))
            order = layout.order
        return tuple(placed)

    halves = (model.joint_encoder, model.joint_prediction)
    joint = linear_layout([half.matrices[0].values for half in halves], config)
    output = linear_layout([model.joint_output.matrices[0].values], config)
    encoder = stack(model.encoder)
    joint_encoder = place(halves[0], joint, encoder[-1].layout.order)
    prediction = stack(model.prediction)
    joint_prediction = place(halves[1], joint, prediction[-1].layout.order)
    joint_output = place(model.joint_output, output, joint.order)
    return PlacedModel(encoder, joint_encoder, prediction, joint_prediction, joint_output)
