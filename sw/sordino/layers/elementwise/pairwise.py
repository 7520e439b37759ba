"""What is computed of two vectors, number by number."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sordino.errors import InputError
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Add
from sordino.layers.base.formats import Held, VectorFormat
from sordino.layers.base.places import Buffer, Memory, Rank, Site, Where
from sordino.layers.layer import Code, Layer

__all__ = ["MOVED", "Operand", "Pairwise", "Scale"]

_MOST_FRACTION = 15
MOVED = 16
"""An int8 of activation memory is so many times as much where it is added, or moved."""
Scale = tuple[int, int]
"""A multiplier and a shift."""
Operand = tuple[Held, int]
"""The memory that an operand is in, and its first word."""


@dataclass(frozen=True, eq=False)
class Pairwise(Layer):
    """An int8 result of two vectors of one width, which have one order.

    The vector unit reads one operand of activation memory at most. So one of two that are there is
    moved to state memory first, which takes an ADD more.
    """

    INPUTS: ClassVar[int | None] = 2
    ELEMENTWISE: ClassVar[bool] = True
    STACKS: ClassVar[bool] = True

    def outputs(self, widths: Sequence[int]) -> int:
        """The width of each input."""
        return widths[0]

    @staticmethod
    def check_pair(name: str, fraction: int, widths: Sequence[int | None]) -> None:
        """Raise InputError unless both inputs are of one width and the fraction bits are known."""
        if not 0 <= fraction <= _MOST_FRACTION:
            raise InputError(
                f"wanted {name} with 0 to {_MOST_FRACTION} fraction bits, got {fraction}"
            )
        if len(set(widths) - {None}) > 1 or len(widths) != 2:
            raise InputError(f"wanted two inputs of one width in {name}, got {widths}")

    @abstractmethod
    def moves(self, name: str, operands: Sequence[VectorFormat]) -> tuple[Scale | None, ...]:
        """The scale of each operand that is moved to state memory; None for one that stays."""

    @abstractmethod
    def compute(self, where: Where, operands: Sequence[Operand], frame: int) -> Instruction:
        """The instruction that computes the result, of operands in the memories that it reads."""

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """The result, and what is moved."""
        yield Buffer("out", Memory.ACTIVATION, Rank.VECTOR, site.outputs, copied=True)
        for number, scale in enumerate(self._moves(site)):
            if scale is not None:
                yield Buffer(f"moved.{number}", Memory.STATE, Rank.VECTOR, site.outputs)

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """An ADD alone for each operand that is moved, and the instruction itself."""
        operands: list[Operand] = []
        sources = zip(_formats(where.site), where.sources, strict=True)
        scales = self._moves(where.site)
        for number, ((its, source), scale) in enumerate(zip(sources, scales, strict=True)):
            operand = its.held, source.at(frame)
            if scale is not None:
                operand = Held.STATE, where.at[f"moved.{number}"]
                code.append(
                    Add(
                        where.site.name,
                        a=source.at(frame),
                        from_activation=1,
                        alone=1,
                        destination=operand[1],
                        wide=1,
                        count=where.site.outputs,
                        multiplier=scale[0],
                        shift=scale[1],
                    )
                )
            operands.append(operand)
        code.append(self.compute(where, operands, frame))

    def _moves(self, site: Site) -> tuple[Scale | None, ...]:
        return self.moves(site.name, _formats(site))


def _formats(site: Site) -> list[VectorFormat]:
    """The formats of a layer's operands, all of which are results of layers."""
    return [before.layer.result for before in site.before if before is not None]
