"""The product of two vectors, number by number: a gate."""

from collections.abc import Sequence
from dataclasses import dataclass

from sordino.isa.instruction import Instruction
from sordino.isa.operations import Multiply
from sordino.layers.base.formats import HIDDEN_FORMAT, Held, VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Where
from sordino.layers.elementwise.pairwise import MOVED, Operand, Pairwise, Scale
from sordino.layers.layer import Floats, State
from sordino.layers.numbers.requantise import multiplier_shift

__all__ = ["Product"]


@dataclass(frozen=True, eq=False)
class Product(Pairwise):
    """a · b, int8 with `fraction` fraction bits.

    The first input is read from state memory, as a linear layer without a function leaves it, or is
    moved there, as h of a recurrent layer is; the second from activation memory, as a gate leaves
    it: a linear layer with a sigmoid.
    """

    fraction: int = 7

    def wants(self, number: int) -> Held:
        """The first in state memory, the second in activation memory."""
        return Held.ACTIVATION if number else Held.STATE

    def takes(self, number: int) -> frozenset[Held]:
        """The first in either."""
        return frozenset({Held.ACTIVATION, self.wants(number)})

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless both inputs are of one width."""
        self.check_pair(name, self.fraction, widths)

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
        step = a.step if a.held is Held.STATE else a.step / MOVED
        multiplier, shift = multiplier_shift(step * b.step / result.step, name)
        return QuantisedLayer(
            name=name, kind=self, result=result, multiplier=multiplier, shift=shift
        )

    def moves(self, name: str, operands: Sequence[VectorFormat]) -> tuple[Scale | None, ...]:
        """The first where it is in activation memory, with all of its bits."""
        first, _ = operands
        return (None if first.held is Held.STATE else multiplier_shift(1.0, name)), None

    def compute(self, where: Where, operands: Sequence[Operand], frame: int) -> Instruction:
        """MULTIPLY."""
        (_, state), (_, activation) = operands
        return Multiply(
            where.site.name,
            state=state,
            activation=activation,
            destination=where.out.at(frame),
            count=where.site.outputs,
            multiplier=where.site.layer.multiplier,
            shift=where.site.layer.shift,
        )
