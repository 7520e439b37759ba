"""Rounding: every layer of a graph in the machine's integers.

`sordino.layers.numbers.units` says which values weights become, and in what unit W and U of a
recurrent layer add up. With a Lloyd-Max codebook a matrix's 2^b values lie anywhere; each becomes
the nearest step of int8.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sordino.compiler.numbers.fidelity import snr_db
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.cluster import cluster_model
from sordino.compiler.passes.layered import multiplied
from sordino.graph.graph import Graph
from sordino.layers.base.formats import VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer

__all__ = ["QuantisedGraph", "quantise_graph"]


@dataclass(frozen=True, eq=False)
class QuantisedGraph:
    """A graph in integers.

    graph    what was rounded
    nodes    every node in integers, by name
    snr_db   of every matrix and table, by name: what rounding left, as
             `sordino.compiler.numbers.fidelity` has it
    """

    graph: Graph
    nodes: Mapping[str, QuantisedLayer]
    snr_db: Mapping[str, float | None]

    @property
    def layers(self) -> tuple[QuantisedLayer, ...]:
        """All layers with matrices, in the order in which they are stored."""
        return tuple(layer for layer in self.nodes.values() if layer.matrices)


def quantise_graph(graph: Graph, precision: Precision, accumulator_bits: int) -> QuantisedGraph:
    """Round all layers; the formats of their inputs are those of the results that they read."""
    precision.check(multiplied(graph))
    rounded, bits = graph, precision
    if precision.codebook == "lloyd-max":
        # What is left to do is to find the nearest int8 steps, as for 8 evenly spaced bits.
        rounded, bits = cluster_model(graph, precision), Precision()
    numbers = Numbers(bits.bits_of, accumulator_bits)
    formats = _formats(rounded)
    made: dict[str, QuantisedLayer] = {}
    for node in rounded.nodes:
        vectors = [formats[name] for name in node.inputs]
        if node.layer.WEIGHTS:
            known = {"input": vectors[0], "state": formats[node.previous]}
            vectors = [known[one] for one in node.layer.WEIGHTS.values()]
        result = formats[node.name]
        made[node.name] = node.layer.quantise(node.name, vectors, result, numbers)
    return QuantisedGraph(graph, made, _ratios(graph, made))


def _formats(graph: Graph) -> dict[str, VectorFormat]:
    """The formats of all inputs and results."""
    formats = {one.name: one.format for one in graph.inputs}
    for node in graph.nodes:
        inputs = [formats[name] for name in node.inputs]
        formats[node.name] = node.layer.result(inputs, graph.held(node.name))
    return formats


def _ratios(graph: Graph, nodes: Mapping[str, QuantisedLayer]) -> dict[str, float | None]:
    """Signal to noise of all matrices and tables after rounding."""
    weights = graph.arrays()
    found = {}
    for name, weight, node in graph.matrices():
        (matrix,) = (one for one in nodes[node.name].matrices if one.name == name)
        spread = node.layer.spread(name.removeprefix(f"{node.name}."), weight)
        found[name] = snr_db(spread, matrix.values * matrix.step)
    tables = {
        f"{name}.weight": snr_db(weights[f"{name}.weight"], layer.table * layer.result.step)
        for name, layer in nodes.items()
        if layer.table is not None
    }
    return {**found, **tables}
