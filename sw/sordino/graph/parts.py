"""What a graph has beside its nodes: vectors from the host, and networks."""

from dataclasses import dataclass

from sordino.layers.base.formats import VectorFormat, features

__all__ = ["Input", "Network"]


@dataclass(frozen=True)
class Input:
    """A vector that the host gives: `width` int8 with `fraction` fraction bits."""

    name: str
    width: int
    fraction: int

    @property
    def format(self) -> VectorFormat:
        """The format of its numbers."""
        return features(self.fraction)


@dataclass(frozen=True)
class Network:
    """Nodes that run together, in their order.

    both_banks  whether it may use both accumulator banks. The first layer's recurrent product is
                then computed at the end of the frame before and stays in its bank until the next
                one. All other networks of a graph keep to the other bank.
    segment     the segment that holds all that its nodes were trained to, by name; empty: the image
                itself does. A host replaces a segment while the image runs
    """

    name: str
    nodes: tuple[str, ...]
    both_banks: bool = False
    segment: str = ""
    behind: str = ""
