"""Dealing: every matrix of a graph on the lanes, and every vector in an order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sordino.arch import RANGES, Config
from sordino.compiler.limits.limits import Limits
from sordino.compiler.passes.quantise import QuantisedGraph
from sordino.graph.graph import Graph, Network
from sordino.layers.base.formats import Held
from sordino.layers.base.integers import QuantisedLayer
from sordino.layers.base.places import PlacedLayer
from sordino.layers.concatenation import Concatenation
from sordino.layers.heads import Argmax
from sordino.layers.layout.layout import Layout, shared_layouts
from sordino.layers.node import Node
from sordino.layers.stack import Stack

__all__ = ["PlacedGraph", "place_all", "place_graph", "with_bounds"]

_LEAST_UNITS = 128
"""With fewer a CELL takes no longer than what more products cost."""
_PIECES = 4
"""Of U, as long as one another, if it is cut."""
_Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PlacedGraph:
    """A graph whose matrices are dealt.

    quantised  the graph in integers
    dealt      the layers that have matrices, by name, in the order of the directory
    orders     of each input's and each node's result, which of its numbers stands at each place
    """

    quantised: QuantisedGraph
    dealt: Mapping[str, PlacedLayer]
    orders: Mapping[str, _Ints]

    @property
    def graph(self) -> Graph:
        """The graph."""
        return self.quantised.graph

    @property
    def layers(self) -> tuple[PlacedLayer, ...]:
        """All dealt layers in the order of the directory."""
        return tuple(self.dealt.values())

    def of(self, network: Network) -> tuple[PlacedLayer, ...]:
        """The dealt layers that a network runs."""
        return tuple(self.dealt[name] for name in network.nodes if name in self.dealt)


def with_bounds(placed: PlacedGraph, bounds: Mapping[str, tuple[int, ...]]) -> PlacedGraph:
    """A copy in which W of the named layers is cut at these columns."""
    cut = {n: replace(layer, bounds=bounds.get(n, ())) for n, layer in placed.dealt.items()}
    return _directory(replace(placed, dealt=cut))


def _directory(placed: PlacedGraph) -> PlacedGraph:
    """A copy in the order of the directory: layers of segments last, one after the other."""
    first, made = 0, dict[str, PlacedLayer]()
    for layer in sorted(placed.dealt.values(), key=lambda one: placed.graph.part(one.name)):
        made[layer.name] = replace(layer, first_matrix=first)
        first += len(layer.pieces)
    return replace(placed, dealt=made)


def _cut(quantised: QuantisedGraph, config: Config) -> str | None:
    """The layer that is worth two tiles, one in each bank, or None.

    It is the one recurrent layer of a network that runs every frame. Then the cell of each tile is
    beside products of the other one, where else nothing is beside it. It costs three products
    more, each of which must leave time for loading a table.
    """
    graph = quantised.graph
    for network in graph.networks:
        names = graph.recurrent(network)
        alone = len(names) == 1 and names[0] == network.nodes[0]
        alone = alone and graph.tied(names[0]) == names
        if network.both_banks and alone and not graph.by_name[names[0]].feedback:
            recurrent = quantised.nodes[names[0]].matrices[1].values
            units = recurrent.shape[1]
            quarter = int(np.count_nonzero(recurrent)) // (_PIECES * config.lanes)
            fits = 1 < -(-units // config.quads) <= 2 * config.rows_per_lane
            if fits and units >= _LEAST_UNITS and quarter > config.states:
                return names[0]
    return None


class _Placer:
    """The layers dealt so far, and the order of every vector."""

    def __init__(self, quantised: QuantisedGraph, config: Config, cut: str | None) -> None:
        self.quantised, self.config, self.cut = quantised, config, cut
        self.orders = {one.name: np.arange(one.width) for one in quantised.graph.inputs}
        self.layouts: dict[str, Layout] = {}
        self.dealt: dict[str, PlacedLayer] = {}

    def place(self, node: Node) -> None:
        """Deal a node's matrices and find the order of its result."""
        layer = self.quantised.nodes[node.name]
        if layer.matrices:
            self._deal(node, layer)
            self.orders[node.name] = self.layouts[node.name].order
        elif isinstance(node.layer, Stack):
            (order,) = (self.orders[name] for name in node.inputs)
            turns = range(node.layer.factor)
            self.orders[node.name] = np.concatenate([order + n * len(order) for n in turns])
        elif isinstance(node.layer, Concatenation):
            orders = [self.orders[name] for name in node.inputs]
            starts = np.cumsum([0, *map(len, orders)])
            self.orders[node.name] = np.concatenate(
                [order + n for order, n in zip(orders, starts[:-1], strict=True)]
            )
        elif node.inputs:
            self.orders[node.name] = self.orders[node.inputs[0]]
        else:
            width = self.quantised.graph.widths[node.name]
            self.orders[node.name] = np.arange(width)

    def _layout(self, name: str) -> Layout:
        """The layout of a layer with matrices, and of those that have the same.

        What a segment holds has no say in the order of what is outside of it, and none in the order
        of its own results, but for sums that are compared.
        """
        if name not in self.layouts:
            graph = self.quantised.graph
            tied, layer = graph.tied(name), graph.by_name[name].layer
            asked = [one for one in tied if not graph.part(one)] or tied
            readers = graph.readers(name)
            compared = readers and all(isinstance(one.layer, Argmax) for one in readers)
            if graph.part(asked[0]) and not compared:
                asked = []
            rows = [one for one in tied if graph.by_name[one].layer.ROWS]
            gated = [one for one in tied if one not in rows]
            if rows and gated:
                units, vectors = (self._values(names, asked) for names in (gated, rows))
                shared = shared_layouts(units, vectors, self.config)
                for names, layout in zip((gated, rows), shared, strict=True):
                    self.layouts |= dict.fromkeys(names, layout)
            else:
                values = self._values(asked or tied, asked)
                layout = layer.deal(values, self.config, cut=name == self.cut)
                self.layouts |= dict.fromkeys(tied, layout)
        return self.layouts[name]

    def _values(self, names: Sequence[str], asked: Sequence[str]) -> list[NDArray[np.int8]]:
        """The matrices of some layers; without zeros, so alike, of those that are not asked."""
        return [
            m.values if one in asked else np.ones_like(m.values)
            for one in names
            for m in self.quantised.nodes[one].matrices
        ]

    def _deal(self, node: Node, layer: QuantisedLayer) -> None:
        cut, layout = node.name == self.cut, self._layout(node.name)
        vectors = {"input": self.orders[node.inputs[0]], "state": self._layout(node.previous).order}
        columns = tuple(vectors[of] for of in node.layer.WEIGHTS.values())
        own = layout.tiles[0].count if cut else 0
        seams = self.quantised.graph.seams(node.inputs[0])
        self.dealt[node.name] = PlacedLayer(layer, layout, columns, 0, own, seams=seams)


def place_graph(
    quantised: QuantisedGraph, config: Config, *, side_by_side: bool = True
) -> PlacedGraph:
    """Deal every layer; the machine has rows for all sums that a head compares.

    `side_by_side`: a network of one wide recurrent layer may have two tiles.
    """
    placer = _Placer(quantised, config, _cut(quantised, config) if side_by_side else None)
    for node in quantised.graph.nodes:
        placer.place(node)
    return _directory(PlacedGraph(quantised, placer.dealt, placer.orders))


def place_all(
    quantised: QuantisedGraph, limits: Limits, *, side_by_side: bool = True
) -> PlacedGraph:
    """`place_graph` for the machine of `limits`, or one with the rows that it takes at least.

    All sums that a head compares stand in one tile, and no machine has a directory for the tiles of
    too few rows.
    """

    def placed() -> PlacedGraph:
        return place_graph(quantised, limits.config, side_by_side=side_by_side)

    for layer in quantised.layers:
        if layer.result.held is Held.SUMS:
            rows = -(-len(layer.bias) // limits.config.lanes)
            limits.grow("rows_per_lane", rows, layer.name)
    found = placed()
    if sum(len(layer.pieces) for layer in found.layers) <= RANGES["matrices"][1]:
        return found
    rows = max(sum(tile.rows for tile in layer.layout.tiles) for layer in found.layers)
    limits.grow("rows_per_lane", min(rows, RANGES["rows_per_lane"][1]), "fewer tiles")
    return placed()
