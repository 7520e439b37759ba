"""A matrix and a bias; and a catalogue, which is one with room for more rows."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.arith import HIDDEN
from sordino.errors import InputError
from sordino.isa.choices import Function
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Drain
from sordino.layers.base.formats import (
    HIDDEN_FORMAT,
    PREACTIVATION_STEP,
    SUM_FORMAT,
    SUMS_FORMAT,
    Held,
    VectorFormat,
)
from sordino.layers.base.functions import CURVES, FUNCTIONS, check_function
from sordino.layers.base.integers import Numbers, QuantisedLayer, QuantisedMatrix
from sordino.layers.base.places import Buffer, Memory, Rank, Site, Where
from sordino.layers.base.shapes import check_shape
from sordino.layers.layer import Code, Floats, Layer, State
from sordino.layers.layout.contents import slot_biases, slot_count
from sordino.layers.layout.layout import Layout, Tile, linear_layout
from sordino.layers.numbers.requantise import multiplier_shift
from sordino.layers.numbers.units import (
    int_bias,
    largest_magnitude,
    least_unit,
    round_weight,
    top_level,
)

__all__ = ["Catalogue", "Linear", "catalogue"]

_PEAK = 4.0
"""Deviations of a sum that it is likely to stay within."""
_LEAST_TOP = 15
"""Steps up to the largest weight at least: with fewer, biases would be rounded coarsely too."""


@dataclass(frozen=True, eq=False)
class Linear(Layer):
    """y = function(weight · x + bias): weight (outputs, inputs), bias (outputs,).

    function  none, relu, tanh or sigmoid; what a function makes is int8
    """

    weight: Floats
    bias: Floats
    function: str = "none"

    WEIGHTS: ClassVar[Mapping[str, str]] = {"weight": "input"}
    ROWS: ClassVar[bool] = True
    ORDERED: ClassVar[bool] = True
    STACKS: ClassVar[bool] = True

    @property
    def gives(self) -> frozenset[Held]:
        """Anywhere without a function; what a function makes is int8."""
        return frozenset(Held if self.function == "none" else {Held.ACTIVATION})

    def outputs(self, widths: Sequence[int]) -> int:
        """The rows of the matrix."""
        return len(self.weight)

    def check(self, name: str, *widths: int | None, outputs: int | None = None) -> None:
        """Raise InputError unless the shapes fit each other and the sizes wanted (None: any)."""
        check_function(name, self.function)
        check_shape(f"{name}.weight", self.weight, (outputs, *widths))
        check_shape(f"{name}.bias", self.bias, self.weight.shape[:1])

    def __call__(self, x: Floats) -> Floats:
        """Results (…, outputs) of inputs (…, inputs)."""
        return FUNCTIONS[self.function](x @ self.weight.T + self.bias)

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The result of one input."""
        (x,) = inputs
        return self(x), state

    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """int16, int8, or the sums as they are; InputError for a function of what is not int8."""
        if self.function != "none" and wanted is not Held.ACTIVATION:
            raise InputError(
                f"wanted the result of {self.function} in {Held.ACTIVATION.value}, got layers that "
                f"read it from {wanted.value}; put a linear layer between them"
            )
        if self.function in CURVES:
            return HIDDEN_FORMAT
        if wanted is Held.SUMS:
            return SUMS_FORMAT
        return SUM_FORMAT if wanted is Held.STATE else self._int8(inputs[0])

    def _int8(self, x: VectorFormat) -> VectorFormat:
        """The power of two that the largest result is likely to fit.

        That is what it can reach at most, or _PEAK times the root of its products' mean squares
        where all of an input's values are alike likely.
        """
        most = x.most * x.step
        reach = np.abs(self.weight).sum(axis=1) * most
        likely = _PEAK * np.sqrt(np.square(self.weight).sum(axis=1) / 3) * most
        peak = float((np.minimum(reach, likely) + np.abs(self.bias)).max())
        fraction = math.floor(math.log2(HIDDEN.high / peak)) if peak else HIDDEN.fraction
        return VectorFormat(Held.ACTIVATION, 2.0**-fraction, -HIDDEN.low)

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """One matrix."""
        (x,) = inputs
        bits = numbers.bits(f"{name}.weight")
        top = top_level(bits) * -(-_LEAST_TOP // top_level(bits))
        least = least_unit(self.bias, numbers.accumulator_bits)
        unit = max(largest_magnitude(self.weight) * x.step / top, least) or x.step / top
        matrix = QuantisedMatrix(
            name=f"{name}.weight",
            values=round_weight(self.weight, unit / x.step, bits),
            step=unit / x.step,
            x_max=x.most,
        )
        multiplier, shift = 0, 0
        if result.held is not Held.SUMS:
            step = PREACTIVATION_STEP if self.function in CURVES else result.step
            multiplier, shift = multiplier_shift(unit / step, name)
        return QuantisedLayer(
            name=name,
            kind=self,
            result=result,
            matrices=(matrix,),
            bias=int_bias(self.bias, unit),
            unit=unit,
            multiplier=multiplier,
            shift=shift,
        )

    def deal(
        self, matrices: Sequence[NDArray[np.int8]], config: Config, *, cut: bool = False
    ) -> Layout:
        """Deal blocks of neighbouring rows."""
        return linear_layout(matrices, config)

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """The result with its empty slots, and the biases; nothing where sums stay sums."""
        held, placed = site.layer.result.held, site.dealt
        if held is Held.SUMS:
            return
        memory = Memory.STATE if held is Held.STATE else Memory.ACTIVATION
        yield Buffer("out", memory, Rank.VECTOR, slot_count(placed.layout), copied=True)
        biases = slot_biases(placed.layout, placed.layer.bias)
        yield Buffer("biases", Memory.PARAMETERS, Rank.VECTOR, contents=biases)

    def finish(self, where: Where, tile: Tile, frame: int, **place: Any) -> Instruction:
        """One tile's sums, to state or activation memory."""
        layer = where.site.layer
        return Drain(
            layer.name,
            rows=tile.rows,
            parameters=where.at["biases"] + tile.first_index // 4,
            destination=where.out.at(frame) + tile.first_index,
            wide=int(layer.result.held is Held.STATE),
            function=Function[self.function.upper()],
            multiplier=layer.multiplier,
            shift=layer.shift,
            **place,
        )

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """The product of each tile, and what it becomes."""
        placed = where.site.dealt
        for number, tile in enumerate(placed.layout.tiles):
            bank = next(banks)
            code.matvec(placed, number, 0, where.sources[0], frame, bank=bank)
            if where.site.layer.result.held is not Held.SUMS:
                code.append(self.finish(where, tile, frame, bank=bank))


@dataclass(frozen=True, eq=False)
class Catalogue(Linear):
    """A linear layer with room for `maximum` rows, of which some are given.

    The others never win an Argmax. Their weights are zeros, and their bias is the least that the
    best one of the given rows can reach; they stand behind these, and of equal sums the first wins.
    """

    maximum: int = 0

    @property
    def gives(self) -> frozenset[Held]:
        """Sums alone, which are compared."""
        return frozenset({Held.SUMS})

    def outputs(self, widths: Sequence[int]) -> int:
        """The rows that there is room for."""
        return self.maximum

    def check(self, name: str, *widths: int | None, outputs: int | None = None) -> None:
        """Raise InputError as a linear layer, and where there are no rows, or more than fit."""
        super().check(name, *widths, outputs=outputs)
        if self.function != "none":
            raise InputError(
                f"wanted catalogue {name} without a function, got {self.function}; leave it out"
            )
        if not 1 <= len(self.weight) <= self.maximum:
            raise InputError(
                f"wanted 1 to {self.maximum} rows in catalogue {name}, got {len(self.weight)}; "
                "leave rows out, or compile the image with room for more"
            )

    def __call__(self, x: Floats) -> Floats:
        """Results (…, maximum) of inputs (…, inputs); minus infinity for rows not given."""
        given = super().__call__(x)
        missing = [(0, 0)] * (given.ndim - 1) + [(0, self.maximum - len(self.weight))]
        return np.pad(given, missing, constant_values=-np.inf)

    def spread(self, kind: str, weight: Floats) -> Floats:
        """The matrix with a row of zeros for each that is not given."""
        return np.pad(weight, ((0, self.maximum - len(weight)), (0, 0)))

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """The given rows as those of a linear layer; then the others."""
        layer = super().quantise(name, inputs, result, numbers)
        (matrix,) = layer.matrices
        missing = self.maximum - len(self.weight)
        sums = np.abs(matrix.values.astype(np.int64)).sum(axis=1)
        never = int((layer.bias - (sums * matrix.x_max << matrix.shift)).max())
        values = np.pad(matrix.values, ((0, missing), (0, 0)))
        bias = np.pad(layer.bias, (0, missing), constant_values=never)
        return replace(layer, matrices=(replace(matrix, values=values),), bias=bias)


def catalogue(rows: Floats, maximum: int, bias: Floats | None = None) -> Catalogue:
    """Return a catalogue of rows (given, width), with room for `maximum`; without `bias` zeros."""
    return Catalogue(rows, np.zeros(len(rows)) if bias is None else bias, maximum=maximum)
