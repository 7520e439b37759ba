"""A row of a table for each token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sordino.arith import WEIGHT
from sordino.isa.operations import Embed
from sordino.layers.base.formats import Held, VectorFormat, embedded
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Buffer, Memory, Rank, Site, Where
from sordino.layers.base.shapes import check_shape
from sordino.layers.layer import Code, Floats, Layer, State
from sordino.layers.layout.contents import embedding_rows
from sordino.layers.numbers.units import largest_magnitude, round_weight

__all__ = ["Embedding"]


@dataclass(frozen=True, eq=False)
class Embedding(Layer):
    """Row number `register` of `weight` (tokens, width); int8 with a step of its own."""

    weight: Floats
    register: str = "token"

    INPUTS: ClassVar[int | None] = 0

    def outputs(self, widths: Sequence[int]) -> int:
        """The width of a row."""
        return int(self.weight.shape[1])

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless the table is a matrix of finite numbers."""
        check_shape(f"{name}.weight", self.weight, (None, None))

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The row whose number is the one input."""
        (token,) = inputs
        return np.asarray(self.weight[int(token)]), state

    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """int8 in steps of which the largest number is 127."""
        return embedded(largest_magnitude(self.weight) / WEIGHT.high or 1.0 / WEIGHT.high)

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """Nothing multiplies the table: it always has 8 bits."""
        table = round_weight(self.weight, result.step, WEIGHT.bits)
        return QuantisedLayer(name=name, kind=self, result=result, table=table)

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """The row that was looked up, and the table."""
        assert site.layer.table is not None
        contents, _ = embedding_rows(site.layer.table)
        yield Buffer("out", Memory.ACTIVATION, Rank.INPUT, site.outputs)
        yield Buffer("table", Memory.PARAMETERS, Rank.TABLE, contents=contents)

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """EMBED."""
        table = where.site.layer.table
        assert table is not None
        code.append(
            Embed(
                where.site.name,
                register=code.register(self.register),
                parameters=where.at["table"],
                stride=embedding_rows(table)[1],
                destination=where.out.at(frame),
                count=where.site.outputs,
            )
        )
