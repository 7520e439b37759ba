"""A layer with a name and inputs: a part of a graph."""

from dataclasses import dataclass

from sordino.layers.layer import Layer

__all__ = ["Node"]


@dataclass(frozen=True, eq=False)
class Node:
    """A layer in a graph.

    inputs    names of nodes and of `Input`s
    feedback  for a recurrent layer, the node whose result of the frame before its recurrent matrix
              multiplies; without one it is the layer's own
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...] = ()
    feedback: str = ""

    @property
    def previous(self) -> str:
        """The node whose result of the frame before it needs."""
        return self.feedback or self.name
