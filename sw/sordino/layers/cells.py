"""The kinds of recurrent layers that a model's file may hold."""

from collections.abc import Mapping

from sordino.errors import InputError
from sordino.layers.gru import Gru
from sordino.layers.lstm import Lstm
from sordino.layers.projected import ProjectedLstm
from sordino.layers.recurrent import Recurrent

__all__ = ["CELLS", "cell_kind"]

CELLS: tuple[type[Recurrent], ...] = (ProjectedLstm, Gru, Lstm)
"""The kinds; the first that suits a layer's tensors is taken, and the last suits all."""


def cell_kind(name: str, shapes: Mapping[str, tuple[int, ...]]) -> type[Recurrent]:
    """The kind of the layer `name` whose tensors have these shapes, by the names of their fields.

    InputError is raised for a layer whose units have one gate, which no kind has.
    """
    kind = next(kind for kind in CELLS if kind.suits(shapes))
    rows, *columns = shapes.get("weight_hh", (0,))
    if kind is CELLS[-1] and columns == [rows] and rows:
        *others, last = (kind.NAME for kind in reversed(CELLS))
        raise InputError(
            f"wanted {name}.weight_hh with the rows of all gates of {rows} units, got {rows} × "
            f"{rows}: plain RNN cells cannot be compiled; train {', '.join(others)} or {last} "
            "layers"
        )
    return kind
