"""One of several results: that of the branch that ran."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sordino.errors import InputError
from sordino.layers.base.formats import Held, VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Buffer, Memory, Rank, Site, Where
from sordino.layers.layer import Code, Floats, Layer, State
from sordino.layers.layout.contents import slot_count

__all__ = ["Either"]


@dataclass(frozen=True, eq=False)
class Either(Layer):
    """The result of whichever of its inputs was computed last.

    Its inputs are linear layers of networks of which a program runs one. They write to one place,
    so that it takes no time.
    """

    INPUTS: ClassVar[int | None] = None
    ELEMENTWISE: ClassVar[bool] = True
    MERGES: ClassVar[bool] = True

    @property
    def gives(self) -> frozenset[Held]:
        """Both memories."""
        return frozenset({Held.ACTIVATION, Held.STATE})

    def outputs(self, widths: Sequence[int]) -> int:
        """The width of each input."""
        return widths[0]

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless all inputs are of one width."""
        if len(set(widths)) > 1 or len(widths) < 2:
            sizes = ", ".join(map(str, widths))
            raise InputError(
                f"wanted two inputs or more of one width in {name}, got {sizes}; correct the graph"
            )

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The one input that a runner gives it: that which was computed last."""
        return inputs[0], state

    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """The format that all inputs have; InputError where they differ."""
        if len({one.step for one in inputs}) > 1:
            raise InputError(
                "wanted the results of all branches in one number format, got several; have a "
                "layer read them from state memory"
            )
        return inputs[0]

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """Nothing is left to do."""
        return QuantisedLayer(name=name, kind=self, result=result)

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """The one place to which all inputs are written, with its empty slots."""
        (first, *_) = site.before
        assert first is not None
        state = site.layer.result.held is Held.STATE
        memory = Memory.STATE if state else Memory.ACTIVATION
        yield Buffer("out", memory, Rank.VECTOR, slot_count(first.dealt.layout), copied=True)

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """Nothing: all is where it is read."""
