"""Long short-term memory: S. Hochreiter and J. Schmidhuber, 1997, in PyTorch's form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sordino.errors import InputError
from sordino.isa import operations
from sordino.isa.instruction import Instruction
from sordino.layers.base.functions import sigmoid
from sordino.layers.base.shapes import check_shape
from sordino.layers.layer import Floats, State
from sordino.layers.recurrent import Recurrent

__all__ = ["Lstm"]


@dataclass(frozen=True, eq=False)
class Lstm(Recurrent):
    """One layer, gates in the order i f g o: weights (4 · hidden, …), biases (4 · hidden,)."""

    NAME: ClassVar[str] = "LSTM"
    GATES: ClassVar[int] = 4
    OPERATION: ClassVar[type[Instruction]] = operations.Cell
    SETTLES: ClassVar[bool] = True

    @classmethod
    def suits(cls, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Whatever no other kind takes is read as an LSTM, and checked as one."""
        return True

    @property
    def bias(self) -> Floats:
        """Sum of the two biases."""
        return np.asarray(self.bias_ih + self.bias_hh)

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless the shapes fit each other and the input (None: any)."""
        if self.weight_hh.ndim == 2:
            _check_turned(f"{name}.weight_hh", *self.weight_hh.shape)
        check_shape(f"{name}.weight_hh", self.weight_hh, (None, None))
        rows = self.GATES * self.weight_hh.shape[1]
        check_shape(f"{name}.weight_hh", self.weight_hh, (rows, None))
        self._check_rows(name, widths[0])

    def check_fed(self, name: str, fed: int, *widths: int | None) -> None:
        """Raise InputError unless the shapes fit each other, the input and the feedback."""
        check_shape(f"{name}.weight_hh", self.weight_hh, (self.GATES * self.units, fed))
        self._check_rows(name, widths[0])

    def start(self) -> State:
        """The zero state: h (hidden,) and c (units,)."""
        return np.zeros(self.hidden), np.zeros(self.units)

    def cell(self, sums: Floats, state: State) -> tuple[Floats, State]:
        """Next h, and h and c as the next state."""
        h, c = state
        i, f, g, o = np.split(sums + self._recurrent(h), self.GATES)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return h, (h, c)


def _check_turned(name: str, rows: int, units: int) -> None:
    """Raise InputError where the recurrent matrix is transposed."""
    if units == 4 * rows > 0:
        raise InputError(
            f"wanted {name} of size {units} × {rows}, got {rows} × {units}; transpose it"
        )
