"""LSTM with projection: H. Sak et al., "Long short-term memory based recurrent neural network
architectures for large scale acoustic modeling", 2014, in PyTorch's form (`proj_size`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from sordino.layers.base.shapes import check_shape
from sordino.layers.layer import Floats, Layer, State
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.node import Node

__all__ = ["ProjectedLstm"]

_PROJECTION = "projection"


@dataclass(frozen=True, eq=False, kw_only=True)
class ProjectedLstm(Lstm):
    """An LSTM of which everyone, itself too, reads h = `weight_hr` · o tanh(c) alone.

    `weight_hr` is (hidden, units), `weight_hh` (4 · units, hidden). In a graph it is two nodes: the
    cells, and a linear layer that feeds them.
    """

    weight_hr: Floats

    NAME: ClassVar[str] = "projected LSTM"
    SETTLES: ClassVar[bool] = False
    ALONE: ClassVar[bool] = False

    @classmethod
    def suits(cls, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether tensors of these shapes are such a layer's."""
        return "weight_hr" in shapes

    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless the shapes fit each other and the input (None: any)."""
        check_shape(f"{name}.weight_hr", self.weight_hr, (None, None))
        hidden, units = self.weight_hr.shape
        check_shape(f"{name}.weight_hh", self.weight_hh, (self.GATES * units, hidden))
        self._check_rows(name, widths[0])

    @property
    def width(self) -> int:
        """The numbers of its result."""
        return len(self.weight_hr)

    def outputs(self, widths: Sequence[int]) -> int:
        """The numbers of its result."""
        return self.width

    @property
    def most(self) -> Floats:
        """The largest magnitude of each result: no cell's is beyond 1."""
        return np.asarray(np.abs(self.weight_hr).sum(axis=1))

    def cell(self, sums: Floats, state: State) -> tuple[Floats, State]:
        """Next h (hidden,), and h and c (units,) as the next state."""
        m, (_, c) = super().cell(sums, state)
        h = m @ self.weight_hr.T
        return h, (h, c)

    def nodes(self, name: str, source: str) -> tuple[Node, ...]:
        """The cells, and the projection that feeds them."""
        plain = {kind: array for kind, array in self.arrays().items() if kind != "weight_hr"}
        last = f"{name}.{_PROJECTION}"
        projection = Linear(self.weight_hr, np.zeros(len(self.weight_hr)))
        return (
            Node(name, Lstm(**plain), (source,), feedback=last),
            Node(last, projection, (name,)),
        )

    def joined(self, parts: Mapping[str, Layer]) -> "ProjectedLstm":
        """The layer with the weights of its nodes."""
        cells, projection = parts.values()
        arrays: dict[str, Any] = {**cells.arrays()}
        return ProjectedLstm(**arrays, weight_hr=cast(Linear, projection).weight)
