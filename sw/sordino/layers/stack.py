"""Time reduction: several frames side by side are one input of what follows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sordino.errors import InputError
from sordino.layers.base.formats import Held, VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Vector, Where
from sordino.layers.layer import Code, Floats, Layer, State

__all__ = ["Stack"]


@dataclass(frozen=True, eq=False)
class Stack(Layer):
    """`factor` frames side by side, earliest first; what follows runs once for all of them.

    It takes no time: the layer before writes its results where the layer after reads them.
    """

    factor: int

    def outputs(self, widths: Sequence[int]) -> int:
        """The width of all frames."""
        return self.factor * widths[0]

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless there are frames to stack."""
        if self.factor < 1:
            raise InputError(f"wanted {name} to stack one frame or more, got {self.factor}")

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """Several frames (factor, width) as one vector."""
        (frames,) = inputs
        return np.asarray(frames).reshape(-1), state

    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """The numbers of its input."""
        return inputs[0]

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """Nothing is left to do."""
        return QuantisedLayer(name=name, kind=self, result=result)

    def view(self, sources: Sequence[Vector], widths: Sequence[int]) -> Vector | None:
        """All copies of the input as one vector."""
        return Vector(sources[0].base)

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """Nothing: all is where it is read."""
