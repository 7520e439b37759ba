"""Graphs of every kind of layer, for tests."""

from collections.abc import Sequence

import numpy as np

from sordino.compiler.programs.every_frame import EveryFrame
from sordino.graph.graph import Graph, Input, Network
from sordino.layers.concatenation import Concatenation
from sordino.layers.elementwise.product import Product
from sordino.layers.elementwise.total import Total
from sordino.layers.heads import Argmax, Scores
from sordino.layers.layer import Layer
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.node import Node
from sordino.layers.projected import ProjectedLstm
from sordino.layers.recurrent import Recurrent
from sordino.layers.stack import Stack

INPUT = "x"
Rng = np.random.Generator


def weights(rng: Rng, rows: int, columns: int, zeros: float = 0.0):
    drawn = rng.normal(size=(rows, columns)) / np.sqrt(columns)
    return drawn * (rng.random(drawn.shape) >= zeros)


def linear(rng: Rng, outputs: int, inputs: int, function: str = "none", scale: float = 1.0):
    weight = scale * weights(rng, outputs, inputs, 0.3)
    return Linear(weight, rng.normal(size=outputs) * 0.3, function)


def recurrent(rng: Rng, kind: type[Recurrent], units: int, inputs: int, width: int = 0):
    gates = kind.GATES
    more = {"weight_hr": weights(rng, width, units)} if kind is ProjectedLstm else {}
    return kind(
        weight_ih=weights(rng, gates * units, inputs, 0.5),
        weight_hh=weights(rng, gates * units, width or units, 0.5),
        bias_ih=rng.normal(size=gates * units) * 0.5,
        bias_hh=rng.normal(size=gates * units) * 0.5,
        **more,
    )


def chain(layers: Sequence[tuple[str, Layer]], source: str = INPUT) -> list[Node]:
    """Nodes of which each reads the one before; recurrent layers as the nodes that they are."""
    nodes: list[Node] = []
    for name, layer in layers:
        before = nodes[-1].name if nodes else source
        if isinstance(layer, Recurrent):
            nodes += layer.nodes(name, before)
        else:
            nodes.append(Node(name, layer, (before,)))
    return nodes


def network_of(
    nodes: Sequence[Node], width: int, *, both: bool = True, source: str = INPUT
) -> Graph:
    """A graph with one network, `net`, of all nodes."""
    names = tuple(node.name for node in nodes)
    return Graph(
        (Input(source, width, 5),), tuple(nodes), (Network("net", names, both_banks=both),)
    )


def every_kind(rng: Rng, width: int, kind: type[Recurrent], factor: int = 1) -> list[Node]:
    """Two recurrent layers, both side by side into linear layers with functions, and two heads."""
    first, second, hidden = (int(n) for n in rng.integers(2, 14, 3))
    narrow = int(rng.integers(1, first + 1)) if kind is ProjectedLstm else 0
    nodes = chain([("a", recurrent(rng, kind, first, width, narrow))])
    size = narrow or first
    if factor > 1:
        nodes.append(Node("stack", Stack(factor), (nodes[-1].name,)))
        size *= factor
    before = nodes[-1].name
    nodes += recurrent(rng, Lstm, second, size).nodes("b", before)
    nodes.append(Node("sig", linear(rng, hidden, second, "sigmoid"), ("b",)))
    nodes.append(Node("tan", linear(rng, 3, second, "tanh"), ("b",)))
    nodes.append(Node("both", Concatenation(), ("b", "sig", "tan")))
    wide = second + hidden + 3
    nodes += chain([("rel", linear(rng, 7, wide, "relu"))], "both")
    nodes.append(Node("value", linear(rng, 6, 7), ("rel",)))
    nodes.append(Node("gate", linear(rng, 6, 7, "sigmoid"), ("rel",)))
    nodes.append(Node("gated", Product(5), ("value", "gate")))
    nodes += chain([("out", linear(rng, 5, 6, scale=4.0))], "gated")
    nodes.append(Node("token", Argmax("token"), ("out",)))
    nodes.append(Node("last", linear(rng, 4, 7, scale=2.0), ("rel",)))
    nodes.append(Node("scores", Scores(), ("last",)))
    return nodes


def residual(rng: Rng, width: int, kind: type[Recurrent], factor: int = 1) -> list[Node]:
    """Residual sums and gates around recurrent layers, one on top of the other."""
    size = int(rng.integers(2, 14))
    narrow = size if kind is ProjectedLstm else 0
    units = 2 * size - 1 if narrow else size
    nodes = [Node("in", linear(rng, size, width), (INPUT,))]
    nodes += recurrent(rng, kind, units, size, narrow).nodes("a", "in")
    nodes.append(Node("r.a", Total("none", 5), (nodes[-1].name, "in")))
    before = "r.a"
    if factor > 1:
        # What is stacked has the order of the sum, frame by frame.
        nodes.append(Node("stack", Stack(factor), (before,)))
        nodes.append(Node("mix", linear(rng, size, factor * size), ("stack",)))
        before = "mix"
    nodes += recurrent(rng, Lstm, size, size).nodes("b", before)
    nodes.append(Node("r.b", Total("none", 4), ("b", before)))
    nodes.append(Node("gate", linear(rng, size, size, "sigmoid"), ("r.b",)))
    nodes.append(Node("gated", Product(7), ("b", "gate")))
    nodes.append(Node("twice", Total("tanh", 7), ("gated", "b")))
    nodes.append(Node("own", linear(rng, size, size), ("twice",)))
    nodes.append(Node("all", Total("relu", 4), ("own", "r.b")))
    nodes += chain([("out", linear(rng, 5, size, scale=4.0))], "all")
    nodes.append(Node("token", Argmax("token"), ("out",)))
    return nodes


PROGRAM = EveryFrame("net", "token")
