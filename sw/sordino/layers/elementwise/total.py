"""The sum of two vectors, and a function of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sordino.isa.choices import Function
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Add
from sordino.layers.base.formats import HIDDEN_FORMAT, SUM_FORMAT, Held, VectorFormat
from sordino.layers.base.functions import CURVES, FUNCTIONS, check_function
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Where
from sordino.layers.elementwise.pairwise import MOVED, Operand, Pairwise, Scale
from sordino.layers.layer import Floats, State
from sordino.layers.numbers.requantise import multiplier_shift

__all__ = ["Total"]


@dataclass(frozen=True, eq=False)
class Total(Pairwise):
    """function(a + b), int8 with `fraction` fraction bits (of tanh and sigmoid: 7).

    Operands are int16 in state memory where they can be. One of int8 with 7 fraction bits, as h of
    a recurrent layer is, is added from activation memory; any other is moved first.
    """

    function: str
    fraction: int

    HELD: ClassVar[Held] = Held.STATE

    def takes(self, number: int) -> frozenset[Held]:
        """Either memory."""
        return frozenset({Held.ACTIVATION, Held.STATE})

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless both inputs are of one width and the function is known."""
        check_function(name, self.function)
        self.check_pair(name, self.fraction, widths)

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

    def moves(self, name: str, operands: Sequence[VectorFormat]) -> tuple[Scale | None, ...]:
        """All in activation memory but the first that stands for a sixteenth of the sum's step."""
        steps = [
            one.step / (MOVED * SUM_FORMAT.step) if one.held is Held.ACTIVATION else None
            for one in operands
        ]
        stays = steps.index(1.0) if 1.0 in steps else None
        return tuple(
            None if step is None or number == stays else multiplier_shift(step, name)
            for number, step in enumerate(steps)
        )

    def compute(self, where: Where, operands: Sequence[Operand], frame: int) -> Instruction:
        """ADD."""
        (held, a), (_, b) = operands
        other, _ = operands[1]
        if other is Held.ACTIVATION:
            held, a, b = other, b, a
        more = {"from_activation": 1} if held is Held.ACTIVATION else {}
        return Add(
            where.site.name,
            a=a,
            b=b,
            destination=where.out.at(frame),
            count=where.site.outputs,
            function=Function[self.function.upper()],
            multiplier=where.site.layer.multiplier,
            shift=where.site.layer.shift,
            **more,
        )
