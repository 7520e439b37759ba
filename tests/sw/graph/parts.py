"""Parts that graphs of tests are made of: small layers, nodes and networks."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from sordino.errors import InputError
from sordino.graph.graph import Graph, Input, Network
from sordino.layers.elementwise.total import Total
from sordino.layers.embedding import Embedding
from sordino.layers.layer import Layer
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.node import Node

WIDTH = 5
X = Input("x", WIDTH, 5)
RNG = np.random.default_rng(0)


def lstm(units: int, inputs: int, hidden: int = 0) -> Lstm:
    shapes = (4 * units, inputs), (4 * units, hidden or units), (4 * units,), (4 * units,)
    return Lstm(*(RNG.normal(size=shape) for shape in shapes))


def linear(outputs: int, inputs: int, function: str = "none") -> Linear:
    return Linear(RNG.normal(size=(outputs, inputs)), RNG.normal(size=outputs), function)


def node(name: str, layer: Layer, *inputs: str, feedback: str = "") -> Node:
    return Node(name, layer, inputs, feedback)


def table() -> Embedding:
    return Embedding(RNG.normal(size=(4, 3)))


def total(function: str = "tanh", fraction: int = 7) -> Total:
    return Total(function, fraction)


def graph(
    *nodes: Node,
    networks: Sequence[Network] | None = None,
    inputs: Sequence[Input] = (X,),
) -> Graph:
    """A graph with one network of all nodes, unless others are given."""
    if networks is None:
        networks = [Network("net", tuple(one.name for one in nodes), both_banks=True)]
    return Graph(tuple(inputs), tuple(nodes), tuple(networks))


def nets(*nodes: Sequence[str], both: bool = False) -> list[Network]:
    """Networks called net, net1, …; the first may use both banks."""
    return [
        Network(f"net{n or ''}", tuple(one), both_banks=both and not n)
        for n, one in enumerate(nodes)
    ]


def pair(*more: Node) -> tuple[Node, ...]:
    """Two linear layers of three numbers."""
    return (node("a", linear(3, WIDTH), "x"), node("b", linear(3, WIDTH), "x"), *more)


def recurrent(*more: Node) -> tuple[Node, ...]:
    """An LSTM of three units."""
    return (node("a", lstm(3, WIDTH), "x"), *more)


def check_refused(make: Callable[[], object], message: str) -> None:
    """What is made raises an InputError with the message, in one line."""
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
