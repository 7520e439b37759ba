"""Layers with a hidden state: two matrices, W for the input and U for the state before."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD, Config
from sordino.arith import PREACTIVATION
from sordino.isa.choices import Space
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Copy
from sordino.layers.base.formats import HIDDEN_FORMAT, Held, VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer, QuantisedMatrix
from sordino.layers.base.places import Buffer, Memory, Rank, Site, Where
from sordino.layers.base.shapes import check_shape
from sordino.layers.layer import Code, Floats, Layer, State
from sordino.layers.layout.contents import gate_biases
from sordino.layers.layout.layout import Layout, Tile, gated_layout
from sordino.layers.node import Node
from sordino.layers.numbers.groups import Groups
from sordino.layers.numbers.requantise import multiplier_shift
from sordino.layers.numbers.units import int_bias, least_unit, round_weight, shared_unit

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
    ORDERED: ClassVar[bool] = True
    STACKS: ClassVar[bool] = True
    NAME: ClassVar[str]
    """The name of the kind in messages."""
    GATES: ClassVar[int]
    """The rows of its matrices for each unit."""
    OPERATION: ClassVar[type[Instruction]]
    """The operation that computes its cell."""
    SETTLES: ClassVar[bool] = False
    """Whether `sordino.compiler.passes.canonical_lstm` knows what saturates in it."""

    @classmethod
    @abstractmethod
    def suits(cls, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether tensors of these shapes, by their fields' names, are such a layer's."""

    def nodes(self, name: str, source: str) -> tuple[Node, ...]:
        """The layer as nodes of a graph; the last has its result."""
        return (Node(name, self, (source,)),)

    def joined(self, parts: Mapping[str, Layer]) -> "Recurrent":
        """The layer with the weights of its nodes, given by their names."""
        (only,) = parts.values()
        return cast(Recurrent, only)

    @property
    def width(self) -> int:
        """The numbers of its result."""
        return self.units

    @property
    def most(self) -> Floats:
        """The largest magnitude of each number of its result."""
        return np.ones(self.width)

    @property
    def hidden(self) -> int:
        """The numbers that it reads of the frame before: its units, unless it has feedback."""
        return int(self.weight_hh.shape[1])

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.weight_hh) // self.GATES

    @property
    def inputs(self) -> int:
        """The width of the input."""
        return int(self.weight_ih.shape[1])

    def outputs(self, widths: Sequence[int]) -> int:
        """The number of units."""
        return self.units

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The hidden state (hidden,) and the next state from one input (inputs,).

        With feedback that takes the place of the hidden state, the first part of `state`.
        """
        x, *fed = inputs
        if fed:
            state = (fed[0], *state[1:])
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

    def _recurrent(self, h: Floats) -> Floats:
        """U's sums with their bias (rows,)."""
        return np.asarray(h @ self.weight_hh.T + self.bias_hh)

    @property
    @abstractmethod
    def bias(self) -> Floats:
        """The biases of the four sums (4 · units,), one sum after the other."""

    def _check_rows(self, name: str, inputs: int | None) -> None:
        gates = len(self.weight_hh)
        check_shape(f"{name}.weight_ih", self.weight_ih, (gates, inputs))
        check_shape(f"{name}.bias_ih", self.bias_ih, (gates,))
        check_shape(f"{name}.bias_hh", self.bias_hh, (gates,))

    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """h is int8 with 7 fraction bits."""
        return HIDDEN_FORMAT

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """W and U in one accumulator."""
        scales = [one.step for one in inputs]
        names = [f"{name}.{kind}" for kind in self.WEIGHTS]
        weights = [self.spread(kind, getattr(self, kind)) for kind in self.WEIGHTS]
        bits = [numbers.bits(one) for one in names]
        least = least_unit(self.bias, numbers.accumulator_bits)
        unit, shifts = shared_unit(weights, scales, bits, least)
        matrices = []
        for called, weight, vector, shift, b in zip(
            names, weights, inputs, shifts, bits, strict=True
        ):
            step = unit * 2.0**shift / vector.step
            values = round_weight(weight, step, b)
            matrices.append(
                QuantisedMatrix(
                    name=called,
                    values=values,
                    step=step,
                    shift=shift,
                    x_max=vector.most,
                    empty=len(weight) - len(self.weight_hh),
                )
            )
        multiplier, shift = multiplier_shift(unit * 2.0**PREACTIVATION.fraction, name)
        return QuantisedLayer(
            name=name,
            kind=self,
            result=result,
            matrices=tuple(matrices),
            bias=int_bias(self.bias, unit),
            unit=unit,
            multiplier=multiplier,
            shift=shift,
        )

    def groups(self, group: int) -> Groups:
        """Single weights, or those of all gates of a unit, which stand on one quad."""
        return Groups() if group == 1 else Groups(self.GATES, self.units)

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
        units, placed = self.units, site.dealt
        if len(placed.layout.tiles) > site.banks and not site.fed:
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
        source, before = where.sources[0], where.previous
        chosen = [next(banks) for _ in tiles]
        # With two tiles all that needs the previous h comes before the first cell.
        pair = len(tiles) == 2 and not scratch and not where.site.fed
        for number, (tile, bank) in enumerate(zip(tiles, chosen, strict=True)):
            if not (pair if number else carried):
                code.matvec(placed, number, 1, before, frame - 1, bank=bank)
            code.matvec(placed, number, 0, source, frame, bank=bank)
            if pair and not number:
                code.matvec(placed, 1, 1, before, frame - 1, bank=chosen[1])
            code.append(self.finish(where, tile, frame, bank=bank))
        if scratch:
            code.append(
                Copy(
                    placed.name,
                    space=Space.ACTIVATION,
                    source=where.at["scratch"],
                    destination=where.out.at(frame),
                    count=self.units,
                )
            )

    def finish(self, where: Where, tile: Tile, frame: int, **place: Any) -> Instruction:
        """The cells of one tile."""
        layer = where.site.layer
        to = where.at["scratch"] if "scratch" in where.at else where.out.at(frame)
        return self.OPERATION(
            where.site.name,
            units=tile.count,
            parameters=where.at["biases"] + tile.first_index,
            state=where.at["state"] + tile.first_index,
            destination=to + tile.first_index,
            multiplier=layer.multiplier,
            shift=layer.shift,
            **place,
        )
