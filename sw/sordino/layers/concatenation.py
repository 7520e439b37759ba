"""Vectors side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

import numpy as np

from sordino.errors import InputError
from sordino.layers.base.formats import Held, VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Joined, Vector, Where
from sordino.layers.layer import Code, Floats, Layer, State

__all__ = ["Concatenation"]


@dataclass(frozen=True, eq=False)
class Concatenation(Layer):
    """All inputs one after the other; they have one number format.

    Nothing is moved: the matrix that reads it is cut by columns, and each part multiplies one of
    the vectors. That costs the overhead of a MATVEC for each input but the first.
    """

    INPUTS: ClassVar[int | None] = None

    def outputs(self, widths: Sequence[int]) -> int:
        """The width of all inputs."""
        return sum(widths)

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless there are two inputs or more."""
        if len(widths) < 2:
            raise InputError(
                f"wanted two inputs or more in {name}, got {len(widths)}; leave it out"
            )

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The inputs as one vector."""
        return np.concatenate(inputs), state

    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """The format that all inputs have; InputError where they differ."""
        steps = sorted({one.step for one in inputs})
        if len(steps) > 1:
            raise InputError(
                "wanted the inputs of a concatenation in one number format, got steps of "
                f"{', '.join(f'{step:g}' for step in steps)}; put a linear layer before one of them"
            )
        return max(inputs, key=lambda one: one.most)

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """Nothing is left to do."""
        return QuantisedLayer(name=name, kind=self, result=result)

    def view(self, sources: Sequence[Vector], widths: Sequence[int]) -> Vector | None:
        """The inputs as they lie."""
        firsts = accumulate(widths, initial=0)
        return Joined(0, parts=tuple(zip(firsts, sources, strict=False)))

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """Nothing: all is where it is read."""
