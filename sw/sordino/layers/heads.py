"""What is done with the sums of a last layer: the largest one's index, or all of them as scores."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sordino.arith import JOINT
from sordino.isa.operations import Argmax as ArgmaxOperation
from sordino.isa.operations import Drain
from sordino.layers.base.formats import Held, VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Buffer, Memory, Rank, Site, Where
from sordino.layers.layer import Code, Floats, Layer, State
from sordino.layers.layout.contents import index_table, slot_biases, slot_count
from sordino.layers.numbers.requantise import multiplier_shift

__all__ = ["Argmax", "Scores", "score_scale"]


@dataclass(frozen=True, eq=False)
class _Head(Layer):
    """A head that reads the sums of a linear layer while they are in their bank."""

    HELD: ClassVar[Held] = Held.SUMS

    @property
    def gives(self) -> frozenset[Held]:
        """Nowhere: its result is in a register or for the host."""
        return frozenset()

    def check(self, name: str, *widths: int | None) -> None:
        """Nothing can be wrong: it has no arrays."""

    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """The sums are taken as they are."""
        return inputs[0]

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """Nothing is left to do."""
        return QuantisedLayer(name=name, kind=self, result=result)


@dataclass(frozen=True, eq=False)
class Argmax(_Head):
    """The index of the largest sum, in a register; of equal ones the lowest."""

    register: str = "token"

    def outputs(self, widths: Sequence[int]) -> int:
        """One number."""
        return 1

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The index as a vector of one number."""
        return np.array([float(inputs[0].argmax())]), state

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """The bias and the index of each slot."""
        entries = index_table(site.sums.layout, site.sums.layer.bias)
        yield Buffer("entries", Memory.PARAMETERS, Rank.COMPARED, contents=entries)

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """ARGMAX."""
        sums = where.site.sums
        code.append(
            ArgmaxOperation(
                sums.name,
                bank=code.bank_of(sums.name),
                rows=sums.layout.tiles[0].rows,
                parameters=where.at["entries"],
                register=code.register(self.register),
            )
        )


@dataclass(frozen=True, eq=False)
class Scores(_Head):
    """All sums as int16 in state memory, for a host; slot by slot."""

    def outputs(self, widths: Sequence[int]) -> int:
        """One score for each sum."""
        return widths[0]

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The sums."""
        return inputs[0], state

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """The scores, and the biases of the sums."""
        layout = site.sums.layout
        yield Buffer("out", Memory.STATE, Rank.RESULT, slot_count(layout))
        biases = slot_biases(layout, site.sums.layer.bias)
        yield Buffer("biases", Memory.PARAMETERS, Rank.RESULT, contents=biases)

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """DRAIN, scaled so that no score leaves int16."""
        sums = where.site.sums
        _, multiplier, shift = score_scale(sums.layer)
        code.append(
            Drain(
                sums.name,
                bank=code.bank_of(sums.name),
                rows=sums.layout.tiles[0].rows,
                parameters=where.at["biases"],
                destination=where.out.at(frame),
                wide=1,
                multiplier=multiplier,
                shift=shift,
            )
        )


def score_scale(output: QuantisedLayer) -> tuple[int, int, int]:
    """Fraction bits, multiplier and shift with which no sum of the layer leaves int16."""
    reach = np.abs(output.bias)
    for matrix in output.matrices:
        reach = reach + np.abs(matrix.values.astype(np.int64)).sum(axis=1) * matrix.x_max
    bound = max(1, int(reach.max())) * output.unit
    # A bit less than there is room for, since the multiplier is rounded.
    fraction = JOINT.bits - 1 - math.ceil(math.log2(bound) + 1e-3)
    return (fraction, *multiplier_shift(output.unit * 2.0**fraction, output.name))
