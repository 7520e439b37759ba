"""Segments of a graph: what is outside of one does not depend on it."""

import numpy as np
import pytest

from sordino.errors import InputError
from sordino.graph.graph import Graph, Input, Network
from sordino.isa.fields import SEGMENTS
from sordino.layers.elementwise.either import Either
from sordino.layers.elementwise.product import Product
from sordino.layers.heads import Argmax
from sordino.layers.linear import Linear, catalogue
from sordino.layers.node import Node
from sordino.layers.stack import Stack
from tests.sw.layers.random_graphs import linear

RNG = np.random.default_rng(0)


def rows(name: str, source: str, width: int = 4) -> list[Node]:
    layer = catalogue(RNG.normal(size=(3, width)), 5)
    return [Node(name, layer, (source,)), Node(f"{name}.row", Argmax(name), (name,))]


def graph_of(nodes: list[Node], networks: list[Network]) -> Graph:
    return Graph((Input("x", 4, 5),), tuple(nodes), tuple(networks))


def main() -> list[Node]:
    return [Node("a", linear(RNG, 4, 4, "relu"), ("x",)), Node("b", linear(RNG, 3, 4), ("a",))]


def test_a_graph_knows_the_nodes_of_its_segments() -> None:
    nodes = [*rows("first", "x"), *main(), *rows("last", "a"), *rows("more", "a")]
    graph = graph_of(
        nodes,
        [
            Network("last", ("last", "last.row"), segment="one"),
            Network("main", ("a", "b")),
            Network("first", ("first", "first.row"), segment="two"),
            Network("more", ("more", "more.row"), segment="one"),
        ],
    )
    assert list(graph.segments) == ["one", "two"]
    assert graph.segments["one"] == {"last", "last.row", "more", "more.row"}
    assert [graph.part(node.name) for node in nodes] == [2, 2, 0, 0, 1, 1, 1, 1]


def test_a_node_in_networks_inside_and_outside_of_a_segment_is_refused() -> None:
    nodes = [*main(), *rows("rows", "a")]
    networks = [Network("main", ("a", "b", "rows", "rows.row"))]
    inside = Network("rows", ("rows", "rows.row"), segment="one")
    with pytest.raises(InputError, match="alone, got it in main"):
        graph_of(nodes, [*networks, inside])
    other = Network("again", ("rows", "rows.row"), segment="two")
    with pytest.raises(InputError, match="alone, got it in again"):
        graph_of(nodes, [Network("main", ("a", "b")), inside, other])


def test_what_is_outside_of_a_segment_reads_it_only_where_branches_join() -> None:
    own = Node("own", linear(RNG, 4, 4), ("a",))
    inside = Network("own", ("own",), segment="one")
    nodes = [main()[0], Node("deep", linear(RNG, 4, 4, "relu"), ("a",))]
    with pytest.raises(InputError, match="segment one alone to read deep, got reader"):
        graph_of(
            [*nodes, Node("reader", linear(RNG, 2, 4), ("deep",))],
            [Network("main", ("a", "reader")), Network("deep", ("deep",), segment="one")],
        )
    other = Node("other", linear(RNG, 4, 4), ("a",))
    joined = Node("either", Either(), ("other", "own"))
    shown = Node("shown", Linear(np.ones((2, 4)), np.zeros(2)), ("either",))
    graph = graph_of(
        [main()[0], other, own, joined, shown],
        [Network("main", ("a",)), Network("other", ("other",)), inside, Network("end", ("shown",))],
    )
    assert graph.part("either") == graph.part("shown") == 0


@pytest.mark.parametrize(
    ("change", "match"),
    [({"both_banks": True}, "got one with both banks"), ({}, "got one with time reduction")],
)
def test_a_network_that_spans_frames_is_in_no_segment(change, match) -> None:
    nodes = main()
    if not change:
        nodes = [
            nodes[0],
            Node("stack", Stack(2), ("a",)),
            Node("b", linear(RNG, 3, 8), ("stack",)),
        ]
    names = tuple(node.name for node in nodes)
    with pytest.raises(InputError, match=match):
        graph_of(nodes, [Network("main", names, **change, segment="one")])


def test_too_many_segments_and_empty_ones_are_refused() -> None:
    nodes, networks = main(), [Network("main", ("a", "b"))]
    for number in range(SEGMENTS + 1):
        nodes += rows(f"r{number}", "a")
        pair = (f"r{number}", f"r{number}.row")
        networks.append(Network(f"n{number}", pair, segment=f"s{number}"))
    with pytest.raises(InputError, match=f"{SEGMENTS} segments at most, got {SEGMENTS + 1}"):
        graph_of(nodes, networks)
    gate = Node("gate", linear(RNG, 3, 4, "sigmoid"), ("a",))
    with pytest.raises(InputError, match="a node with a matrix in segment one"):
        graph_of(
            [*main(), gate, Node("both", Product(), ("b", "gate"))],
            [Network("main", ("a", "b", "gate")), Network("both", ("both",), segment="one")],
        )
