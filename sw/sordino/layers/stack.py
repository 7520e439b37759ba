"""Time reduction: several frames side by side are one input of what follows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sordino.layers.formats import Held, VectorFormat
from sordino.layers.integers import Numbers, QuantisedLayer
from sordino.layers.layer import Code, Floats, Layer, State
from sordino.layers.places import Vector, Where

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
        """Nothing can be wrong: it has no arrays."""

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """Several frames (factor, width) as one vector."""
        (frames,) = inputs
        return np.asarray(frames).reshape(-1), state

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], wanted: Held, numbers: Numbers
    ) -> QuantisedLayer:
        """The numbers of its input."""
        return QuantisedLayer(name=name, kind=self, result=inputs[0])

    def view(self, sources: Sequence[Vector]) -> Vector | None:
        """All copies of the input as one vector."""
        return Vector(sources[0].base)

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """Nothing: all is where it is read."""
