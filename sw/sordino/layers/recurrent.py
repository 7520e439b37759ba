"""Layers with a hidden state: two matrices, W for the input and U for the state before."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD, Config
from sordino.isa.choices import Space
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Copy
from sordino.layers.layer import Code, Floats, Layer, State
from sordino.layers.layout.contents import gate_biases
from sordino.layers.layout.layout import Layout, Tile, gated_layout
from sordino.layers.numbers.groups import Groups
from sordino.layers.places import Buffer, Memory, Rank, Site, Where

__all__ = ["Recurrent"]


@dataclass(frozen=True, eq=False)
class Recurrent(Layer):
    """A layer of units with four sums each, on the four lanes of a quad.

    PyTorch's parameters: `weight_ih` (rows, inputs), `weight_hh` (rows, units), and a bias of each
    (rows,). What a kind adds is its cell: in floats, in integers and as an instruction.
    """

    weight_ih: Floats
    weight_hh: Floats
    bias_ih: Floats
    bias_hh: Floats

    WEIGHTS: ClassVar[Mapping[str, str]] = {"weight_ih": "input", "weight_hh": "state"}

    @property
    def hidden(self) -> int:
        """The number of units."""
        return int(self.weight_hh.shape[1])

    @property
    def inputs(self) -> int:
        """The width of the input."""
        return int(self.weight_ih.shape[1])

    def outputs(self, widths: Sequence[int]) -> int:
        """The number of units."""
        return self.hidden

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The hidden state (hidden,) and the next state from one input (inputs,)."""
        (x,) = inputs
        return self.cell(x @ self.weight_ih.T + self.bias_ih, state)

    def run(self, x: Floats) -> Floats:
        """All hidden states (T, hidden) over a sequence (T, inputs), from the start."""
        state, states = self.start(), []
        for sums in x @ self.weight_ih.T + self.bias_ih:
            h, state = self.cell(sums, state)
            states.append(h)
        return np.array(states)

    @abstractmethod
    def cell(self, sums: Floats, state: State) -> tuple[Floats, State]:
        """The hidden state (hidden,) and the next state from W's sums with their bias (rows,)."""

    def groups(self, group: int) -> Groups:
        """Single weights, or those of all gates of a unit, which stand on one quad."""
        return Groups() if group == 1 else Groups(len(self.weight_hh) // self.hidden, self.hidden)

    def deal(
        self, matrices: Sequence[NDArray[np.int8]], config: Config, *, cut: bool = False
    ) -> Layout:
        """Deal the units by the work of W and U."""
        return gated_layout(matrices, config, cut=cut)

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """h in activation memory and the cell's own state in state memory.

        With more tiles than banks, h is written to a scratch vector first, since later tiles still
        need the previous one.
        """
        units, placed = self.hidden, site.dealt
        if len(placed.layout.tiles) > site.banks:
            yield Buffer("scratch", Memory.ACTIVATION, Rank.SCRATCH, units)
        yield Buffer("out", Memory.ACTIVATION, Rank.LASTING, units, copied=True)
        yield Buffer("state", Memory.STATE, Rank.LASTING, units)
        biases = gate_biases(placed.layout, placed.layer.bias.reshape(QUAD, -1))
        yield Buffer("biases", Memory.PARAMETERS, Rank.LASTING, contents=biases)

    def emit(
        self,
        code: Code,
        where: Where,
        frame: int,
        banks: Iterator[int],
        *,
        carried: bool = False,
    ) -> None:
        """A step; `carried`: the first tile's recurrent product is in its bank already."""
        placed = where.site.dealt
        tiles, scratch = placed.layout.tiles, "scratch" in where.at
        source, before = where.sources[0].at(frame), where.out.at(frame - 1)
        chosen = [next(banks) for _ in tiles]
        # With two tiles all that needs the previous h comes before the first cell.
        pair = len(tiles) == 2 and not scratch
        for number, (tile, bank) in enumerate(zip(tiles, chosen, strict=True)):
            if not (pair if number else carried):
                code.matvec(placed, number, 1, before, bank=bank)
            code.matvec(placed, number, 0, source, bank=bank)
            if pair and not number:
                code.matvec(placed, 1, 1, before, bank=chosen[1])
            code.append(self.finish(where, tile, frame, bank=bank))
        if scratch:
            code.append(
                Copy(
                    placed.name,
                    space=Space.ACTIVATION,
                    source=where.at["scratch"],
                    destination=where.out.at(frame),
                    count=self.hidden,
                )
            )

    @staticmethod
    def cell_fields(where: Where, tile: Tile, frame: int) -> dict[str, Any]:
        """The fields that cells of every kind have: units and addresses of a tile."""
        layer = where.site.layer
        to = where.at["scratch"] if "scratch" in where.at else where.out.at(frame)
        return {
            "units": tile.count,
            "parameters": where.at["biases"] + tile.first_index,
            "state": where.at["state"] + tile.first_index,
            "destination": to + tile.first_index,
            "multiplier": layer.multiplier,
            "shift": layer.shift,
        }

    @abstractmethod
    def finish(self, where: Where, tile: Tile, frame: int, **place: Any) -> Instruction:
        """The cells of one tile."""
