"""Pruning: zeros for the smallest weights of all matrices."""

from collections.abc import Callable

from sordino.compiler.numbers.prune import prune_matrices
from sordino.compiler.passes.layered import Model, map_weights
from sordino.layers.layer import Floats
from sordino.layers.numbers.groups import Groups

__all__ = ["prune_model"]


def prune_model(
    model: Model,
    sparsity: float,
    group: int,
    shares: str = "even",
    part: Callable[[str], int] = lambda _: 0,
) -> Model:
    """The model with its matrices but the embedding pruned for a machine of that group size.

    `shares` is one of SHARES. What is pruned of a layer depends on those alone that have the same
    number of a `part`.
    """
    found: dict[int, dict[str, tuple[Floats, Groups]]] = {}
    for name, layer in model.layers.items():
        for kind in layer.WEIGHTS:
            matrix = layer.arrays()[kind], layer.groups(group)
            found.setdefault(part(name), {})[f"{name}.{kind}"] = matrix
    pruned: dict[str, Floats] = {}
    for matrices in found.values():
        pruned |= prune_matrices(matrices, sparsity, shares)
    return map_weights(model, lambda name, _: pruned[name])
