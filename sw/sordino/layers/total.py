"""The sum of two vectors, and a function of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sordino.errors import InputError
from sordino.isa.choices import Function
from sordino.isa.operations import Add
from sordino.layers.base.formats import HIDDEN_FORMAT, SUM_FORMAT, Held, VectorFormat
from sordino.layers.base.functions import CURVES, FUNCTIONS, check_function
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Buffer, Memory, Rank, Site, Where
from sordino.layers.layer import Code, Floats, Layer, State
from sordino.layers.numbers.requantise import multiplier_shift

__all__ = ["Total"]

_MOST_FRACTION = 15


@dataclass(frozen=True, eq=False)
class Total(Layer):
    """function(a + b), int8 with `fraction` fraction bits (of tanh and sigmoid: 7)."""

    function: str
    fraction: int

    INPUTS: ClassVar[int | None] = 2
    HELD: ClassVar[Held] = Held.STATE
    ELEMENTWISE: ClassVar[bool] = True
    STACKS: ClassVar[bool] = True

    def outputs(self, widths: Sequence[int]) -> int:
        """The width of each input."""
        return widths[0]

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless both inputs are of one width and the function is known."""
        check_function(name, self.function)
        if not 0 <= self.fraction <= _MOST_FRACTION:
            raise InputError(
                f"wanted {name} with 0 to {_MOST_FRACTION} fraction bits, got {self.fraction}"
            )
        if len(set(widths) - {None}) > 1 or len(widths) != 2:
            raise InputError(f"wanted two inputs of one width in {name}, got {widths}")

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The function of the sum."""
        a, b = inputs
        return FUNCTIONS[self.function](a + b), state

    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """int8 with `fraction` fraction bits, of tanh and sigmoid with 7."""
        if self.function in CURVES:
            return HIDDEN_FORMAT
        return VectorFormat(Held.ACTIVATION, 2.0**-self.fraction, HIDDEN_FORMAT.most)

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """The multiplier from the sum's format to that of the result; a curve needs none."""
        multiplier, shift = 0, 0
        if self.function not in CURVES:
            multiplier, shift = multiplier_shift(SUM_FORMAT.step / result.step, name)
        return QuantisedLayer(
            name=name, kind=self, result=result, multiplier=multiplier, shift=shift
        )

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """The result."""
        yield Buffer("out", Memory.ACTIVATION, Rank.VECTOR, site.outputs, copied=True)

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """ADD."""
        a, b = (source.at(frame) for source in where.sources)
        code.append(
            Add(
                where.site.name,
                a=a,
                b=b,
                destination=where.out.at(frame),
                count=where.site.outputs,
                function=Function[self.function.upper()],
                multiplier=where.site.layer.multiplier,
                shift=where.site.layer.shift,
            )
        )
