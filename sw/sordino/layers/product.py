"""The product of two vectors, number by number: a gate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sordino.errors import InputError
from sordino.isa.operations import Multiply
from sordino.layers.base.formats import HIDDEN_FORMAT, Held, VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Buffer, Memory, Rank, Site, Where
from sordino.layers.layer import Code, Floats, Layer, State
from sordino.layers.numbers.requantise import multiplier_shift

__all__ = ["Product"]

_MOST_FRACTION = 15


@dataclass(frozen=True, eq=False)
class Product(Layer):
    """a · b, int8 with `fraction` fraction bits.

    The first input is read from state memory, as a linear layer without a function leaves it; the
    second from activation memory, as a gate leaves it: a linear layer with a sigmoid.
    """

    fraction: int = 7

    INPUTS: ClassVar[int | None] = 2
    ELEMENTWISE: ClassVar[bool] = True
    STACKS: ClassVar[bool] = True

    def wants(self, number: int) -> Held:
        """The first in state memory, the second in activation memory."""
        return Held.ACTIVATION if number else Held.STATE

    def outputs(self, widths: Sequence[int]) -> int:
        """The width of each input."""
        return widths[0]

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless both inputs are of one width."""
        if not 0 <= self.fraction <= _MOST_FRACTION:
            raise InputError(
                f"wanted {name} with 0 to {_MOST_FRACTION} fraction bits, got {self.fraction}"
            )
        if len(set(widths) - {None}) > 1 or len(widths) != 2:
            raise InputError(f"wanted two inputs of one width in {name}, got {widths}")

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The product."""
        a, b = inputs
        return a * b, state

    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """int8 with `fraction` fraction bits."""
        return VectorFormat(Held.ACTIVATION, 2.0**-self.fraction, HIDDEN_FORMAT.most)

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """The multiplier from the product's step to that of the result."""
        a, b = inputs
        multiplier, shift = multiplier_shift(a.step * b.step / result.step, name)
        return QuantisedLayer(
            name=name, kind=self, result=result, multiplier=multiplier, shift=shift
        )

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """The result."""
        yield Buffer("out", Memory.ACTIVATION, Rank.VECTOR, site.outputs, copied=True)

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """MULTIPLY."""
        state, activation = (source.at(frame) for source in where.sources)
        code.append(
            Multiply(
                where.site.name,
                state=state,
                activation=activation,
                destination=where.out.at(frame),
                count=where.site.outputs,
                multiplier=where.site.layer.multiplier,
                shift=where.site.layer.shift,
            )
        )
