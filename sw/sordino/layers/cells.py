"""The kinds of recurrent layers that a model's file may hold."""

from collections.abc import Mapping

from sordino.layers.gru import Gru
from sordino.layers.lstm import Lstm
from sordino.layers.projected import ProjectedLstm
from sordino.layers.recurrent import Recurrent

__all__ = ["CELLS", "cell_kind"]

CELLS: tuple[type[Recurrent], ...] = (ProjectedLstm, Gru, Lstm)
"""The kinds; the first that suits a layer's tensors is taken."""


def cell_kind(shapes: Mapping[str, tuple[int, ...]]) -> type[Recurrent]:
    """The kind of a layer whose tensors have these shapes, by the names of their fields."""
    return next(kind for kind in CELLS if kind.suits(shapes))
