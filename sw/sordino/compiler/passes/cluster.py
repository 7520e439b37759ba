"""Clustering: each matrix keeps its Lloyd-Max values alone."""

from sordino.compiler.numbers.lloyd import clustered
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.layered import Model, map_weights

__all__ = ["cluster_model"]


def cluster_model(model: Model, precision: Precision) -> Model:
    """The model with each matrix's weights moved to its Lloyd-Max values."""
    return map_weights(model, lambda name, weight: clustered(weight, precision.bits_of(name)))
