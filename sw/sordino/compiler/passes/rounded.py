"""An RNN-T as a graph in the machine's integers: all passes over its numbers."""

from sordino.compiler.numbers.clip import Clip
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.canonical import canonical_model
from sordino.compiler.passes.canonical_joint import fit_joint
from sordino.compiler.passes.clip import clip_model
from sordino.compiler.passes.layered import multiplied
from sordino.compiler.passes.quantise import QuantisedGraph, quantise_graph
from sordino.graph.graph import Graph
from sordino.model.rnnt import RnntModel

__all__ = ["quantise_model", "settled_graph"]


def settled_graph(model: RnntModel, precision: Precision, clip: Clip | None = None) -> Graph:
    """The model as a graph whose numbers are ready to be rounded.

    What saturates is made constant, outliers are clipped, and the joint's sums fit their formats.
    """
    precision.check(multiplied(model))
    return fit_joint(clip_model(canonical_model(model), clip or Clip(), precision)).graph()


def quantise_model(
    model: RnntModel,
    precision: Precision | int,
    accumulator_bits: int,
    clip: Clip | None = None,
) -> QuantisedGraph:
    """All of a model; a whole number is that many bits everywhere, evenly spaced."""
    precision = Precision(precision) if isinstance(precision, int) else precision
    return quantise_graph(settled_graph(model, precision, clip), precision, accumulator_bits)
