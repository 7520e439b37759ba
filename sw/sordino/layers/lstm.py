"""Long short-term memory: S. Hochreiter and J. Schmidhuber, 1997, in PyTorch's form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sordino.arith import PREACTIVATION
from sordino.errors import InputError
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Cell
from sordino.layers.formats import HIDDEN_FORMAT, Held, VectorFormat
from sordino.layers.integers import Numbers, QuantisedLayer, QuantisedMatrix
from sordino.layers.layer import Floats, State
from sordino.layers.layout.layout import Tile
from sordino.layers.numbers.requantise import multiplier_shift
from sordino.layers.numbers.units import int_bias, least_unit, round_weight, shared_unit
from sordino.layers.places import Where
from sordino.layers.recurrent import Recurrent
from sordino.layers.shapes import check_shape

__all__ = ["Lstm"]

_GATES = 4


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


@dataclass(frozen=True, eq=False)
class Lstm(Recurrent):
    """One layer, gates in the order i f g o: weights (4 · hidden, …), biases (4 · hidden,)."""

    @property
    def bias(self) -> Floats:
        """Sum of the two biases."""
        return np.asarray(self.bias_ih + self.bias_hh)

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless the shapes fit each other and the input (None: any)."""
        (inputs,) = widths
        if self.weight_hh.ndim == 2:
            _check_cell(f"{name}.weight_hh", *self.weight_hh.shape)
        check_shape(f"{name}.weight_hh", self.weight_hh, (None, None))
        gates = _GATES * self.weight_hh.shape[1]
        check_shape(f"{name}.weight_hh", self.weight_hh, (gates, None))
        check_shape(f"{name}.weight_ih", self.weight_ih, (gates, inputs))
        check_shape(f"{name}.bias_ih", self.bias_ih, (gates,))
        check_shape(f"{name}.bias_hh", self.bias_hh, (gates,))

    def start(self) -> State:
        """The zero state: h and c, each (hidden,)."""
        return np.zeros(self.hidden), np.zeros(self.hidden)

    def cell(self, sums: Floats, state: State) -> tuple[Floats, State]:
        """Next h, and h and c as the next state."""
        h, c = state
        i, f, g, o = np.split(sums + (h @ self.weight_hh.T + self.bias_hh), _GATES)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        return h, (h, c)

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], wanted: Held, numbers: Numbers
    ) -> QuantisedLayer:
        """W and U in one accumulator; h is int8 with 7 fraction bits."""
        formats = (inputs[0], HIDDEN_FORMAT)
        scales = [one.step for one in formats]
        names = [f"{name}.{kind}" for kind in self.WEIGHTS]
        weights = [getattr(self, kind) for kind in self.WEIGHTS]
        bits = [numbers.bits(one) for one in names]
        least = least_unit(self.bias, numbers.accumulator_bits)
        unit, shifts = shared_unit(weights, scales, bits, least)
        matrices = []
        for called, weight, vector, shift, b in zip(
            names, weights, formats, shifts, bits, strict=True
        ):
            step = unit * 2.0**shift / vector.step
            values = round_weight(weight, step, b)
            matrices.append(
                QuantisedMatrix(
                    name=called, values=values, step=step, shift=shift, x_max=vector.most
                )
            )
        multiplier, shift = multiplier_shift(unit * 2.0**PREACTIVATION.fraction, name)
        return QuantisedLayer(
            name=name,
            kind=self,
            result=HIDDEN_FORMAT,
            matrices=tuple(matrices),
            bias=int_bias(self.bias, unit),
            unit=unit,
            multiplier=multiplier,
            shift=shift,
        )

    def finish(self, where: Where, tile: Tile, frame: int, **place: Any) -> Instruction:
        """The LSTM cells of one tile."""
        return Cell(where.site.name, **self.cell_fields(where, tile, frame), **place)


def _check_cell(name: str, rows: int, units: int) -> None:
    """Raise InputError where the recurrent matrix is transposed, or that of another cell."""
    if units == 4 * rows > 0:
        raise InputError(
            f"wanted {name} of size {units} × {rows}, got {rows} × {units}; transpose it"
        )
    for gates, cell in ((3, "GRU cells"), (1, "plain RNN cells")):
        if rows == gates * units > 0:
            raise InputError(
                f"wanted {name} with 4 gates of {units} units, got {rows} × {units}: {cell} cannot "
                "be compiled; train LSTM layers"
            )
