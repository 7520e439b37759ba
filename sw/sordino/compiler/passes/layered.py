"""What passes over float weights work on: anything that has layers by name."""

from collections.abc import Callable, Mapping
from typing import Protocol, Self, TypeVar

from sordino.layers.layer import Floats, Layer

__all__ = ["Layered", "Model", "map_weights", "multiplied"]


class Layered(Protocol):
    """A graph, or a model that is made of layers."""

    @property
    def layers(self) -> Mapping[str, Layer]:
        """The layers by name."""

    def with_layers(self, layers: Mapping[str, Layer]) -> Self:
        """A copy with other layers for some names."""


Model = TypeVar("Model", bound=Layered)
"""A graph or a model: a pass returns what it was given."""


def multiplied(model: Layered) -> list[str]:
    """The names of all matrices that the lanes multiply."""
    return [f"{name}.{kind}" for name, layer in model.layers.items() for kind in layer.WEIGHTS]


def map_weights(
    model: Model, change: Callable[[str, Floats], Floats], *, tables: bool = False
) -> Model:
    """A copy in which `change(name, weight)` takes the place of every matrix.

    These are the matrices that the lanes multiply; with `tables` all other matrices too.
    """
    made: dict[str, Layer] = {}
    for name, layer in model.layers.items():
        kinds = list(layer.WEIGHTS)
        if tables:
            kinds += [k for k, a in layer.arrays().items() if a.ndim == 2 and k not in kinds]
        weights = layer.arrays()
        changed = {kind: change(f"{name}.{kind}", weights[kind]) for kind in kinds}
        if any(changed[kind] is not weights[kind] for kind in kinds):
            made[name] = layer.with_arrays(changed)
    return model.with_layers(made) if made else model
