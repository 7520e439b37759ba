"""Gated recurrent unit: K. Cho et al., "Learning phrase representations using RNN encoder-decoder
for statistical machine translation", 2014, in PyTorch's form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sordino.isa import operations
from sordino.isa.instruction import Instruction
from sordino.layers.base.functions import sigmoid
from sordino.layers.base.shapes import check_shape
from sordino.layers.layer import Floats, State
from sordino.layers.recurrent import Recurrent

__all__ = ["Gru"]


@dataclass(frozen=True, eq=False)
class Gru(Recurrent):
    """One layer, gates in the order r z n: weights (3 · hidden, …), biases (3 · hidden,).

    Of its four sums one belongs to W alone and one to U alone. So lanes in groups of four stop for
    three weights at most.
    """

    NAME: ClassVar[str] = "GRU"
    GATES: ClassVar[int] = 3
    OPERATION: ClassVar[type[Instruction]] = operations.Gru

    @classmethod
    def suits(cls, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether the recurrent matrix has three gates."""
        rows, *columns = shapes.get("weight_hh", (0,))
        return len(columns) == 1 and rows == cls.GATES * columns[0] > 0

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless the shapes fit each other and the input (None: any)."""
        check_shape(f"{name}.weight_hh", self.weight_hh, (None, None))
        gates = self.GATES * self.weight_hh.shape[1]
        check_shape(f"{name}.weight_hh", self.weight_hh, (gates, None))
        self._check_rows(name, widths[0])

    def start(self) -> State:
        """The zero state: h (hidden,)."""
        return (np.zeros(self.hidden),)

    def cell(self, sums: Floats, state: State) -> tuple[Floats, State]:
        """Next h, which is the next state too."""
        (h,) = state
        of_x, of_h = (np.split(part, self.GATES) for part in (sums, self._recurrent(h)))
        r, z = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1])
        n = np.tanh(of_x[2] + r * of_h[2])
        h = n + z * (h - n)
        return h, (h,)

    def spread(self, kind: str, weight: Floats) -> Floats:
        """The rows of the four sums: of U for n, of both for r, of W for n, of both for z."""
        r, z, n = np.split(weight, self.GATES)
        none = np.zeros_like(n)
        return np.concatenate([none, r, n, z] if kind == "weight_ih" else [n, r, none, z])

    @property
    def bias(self) -> Floats:
        """The biases of the four sums, one sum after the other."""
        r, z, n = np.split(self.bias_ih, self.GATES)
        hr, hz, hn = np.split(self.bias_hh, self.GATES)
        return np.concatenate([hn, r + hr, n, z + hz])
