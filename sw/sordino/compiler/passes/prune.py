"""Pruning: zeros for the smallest weights of all matrices."""

from sordino.compiler.numbers.prune import prune_matrices
from sordino.compiler.passes.layered import Model, map_weights

__all__ = ["prune_model"]


def prune_model(model: Model, sparsity: float, group: int, shares: str = "even") -> Model:
    """The model with its matrices but the embedding pruned for a machine of that group size.

    `shares` is one of SHARES.
    """
    found = {
        f"{name}.{kind}": (layer.arrays()[kind], layer.groups(group))
        for name, layer in model.layers.items()
        for kind in layer.WEIGHTS
    }
    pruned = prune_matrices(found, sparsity, shares)
    return map_weights(model, lambda name, _: pruned[name])
