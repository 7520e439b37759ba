"""A graph of layers, and the networks that run parts of it.

Each node is a layer with a name. It reads results of nodes before it, or inputs from the host. A
network is a list of nodes that run together. Nodes may stand in several networks: their weights and
their state are there once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sordino.errors import InputError
from sordino.layers.formats import Held, VectorFormat, features
from sordino.layers.layer import Floats, Layer
from sordino.layers.recurrent import Recurrent
from sordino.layers.stack import Stack

__all__ = ["Graph", "Input", "Network", "Node"]


@dataclass(frozen=True)
class Input:
    """A vector that the host gives: `width` int8 with `fraction` fraction bits."""

    name: str
    width: int
    fraction: int

    @property
    def format(self) -> VectorFormat:
        """The format of its numbers."""
        return features(self.fraction)


@dataclass(frozen=True, eq=False)
class Node:
    """A layer in a graph; `inputs` are names of nodes and of `Input`s."""

    name: str
    layer: Layer
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """Nodes that run together, in their order.

    every_frame  whether it runs once for each input vector (for each group of them, with time
                 reduction). Then it may use both accumulator banks, and its first layer's recurrent
                 product is computed at the end of the frame before. What runs at other times keeps
                 to one bank.
    """

    name: str
    nodes: tuple[str, ...]
    every_frame: bool = False


@dataclass(frozen=True, eq=False)
class Graph:
    """Inputs, nodes and networks.

    Raises InputError where a name stands twice or is unknown, a node stands before what it reads,
    shapes do not fit, or a result is wanted in two places.
    """

    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    networks: tuple[Network, ...]

    def __post_init__(self) -> None:
        known: dict[str, int | None] = {}
        for one in self.inputs:
            _new(one.name, known)
            known[one.name] = one.width
        for node in self.nodes:
            _new(node.name, known)
            for name in node.inputs:
                _known(name, known, node.name)
            widths = [known[name] for name in node.inputs]
            node.layer.check(node.name, *widths)
            known[node.name] = node.layer.outputs([width or 0 for width in widths])
        for network in self.networks:
            for name in network.nodes:
                _known(name, known, network.name)
        for node in self.nodes:
            self.held(node.name)

    @cached_property
    def widths(self) -> Mapping[str, int]:
        """The width of each input and of each node's result."""
        known = {one.name: one.width for one in self.inputs}
        for node in self.nodes:
            known[node.name] = node.layer.outputs([known[name] for name in node.inputs])
        return known

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The nodes by their names."""
        return {node.name: node for node in self.nodes}

    @property
    def layers(self) -> Mapping[str, Layer]:
        """The layers by the names of their nodes."""
        return {node.name: node.layer for node in self.nodes}

    def with_layers(self, layers: Mapping[str, Layer]) -> "Graph":
        """A copy with other layers for some names."""
        nodes = [replace(n, layer=layers.get(n.name, n.layer)) for n in self.nodes]
        return Graph(self.inputs, tuple(nodes), self.networks)

    def network(self, name: str) -> Network:
        """The network of this name; KeyError if there is none."""
        return {network.name: network for network in self.networks}[name]

    def readers(self, name: str) -> list[Node]:
        """The nodes that read a node's result."""
        return [node for node in self.nodes if name in node.inputs]

    def held(self, name: str) -> Held:
        """Where a node's result must be; InputError where its readers do not agree.

        What nobody reads is for the host, which reads state memory.
        """
        readers = self.readers(name)
        wanted = {reader.layer.HELD for reader in readers}
        if len(wanted) > 1:
            places = " and ".join(sorted(one.value for one in wanted))
            raise InputError(
                f"wanted one place for the result of {name}, got {places}; add a layer of its own"
            )
        return wanted.pop() if wanted else Held.STATE

    def tied(self, name: str) -> list[str]:
        """The nodes, this one among them, that must have one order: operands of one sum."""
        together = next(
            (reader.inputs for reader in self.readers(name) if len(reader.inputs) > 1), (name,)
        )
        return list(together)

    def home(self, name: str) -> Network:
        """The first network that runs a node."""
        return next(network for network in self.networks if name in network.nodes)

    def recurrent(self, network: Network) -> list[str]:
        """The names of a network's recurrent layers."""
        return [n for n in network.nodes if isinstance(self.by_name[n].layer, Recurrent)]

    def reduction(self, network: Network) -> tuple[int, int]:
        """How many of a network's nodes run for each frame of a group, and the group's frames.

        (0, 1) without time reduction.
        """
        for number, name in enumerate(network.nodes):
            if isinstance(layer := self.by_name[name].layer, Stack):
                return number, layer.factor
        return 0, 1

    def matrices(self) -> Iterator[tuple[str, Floats, Node]]:
        """The matrices that the lanes multiply: name, weights and node."""
        for node in self.nodes:
            for kind in node.layer.WEIGHTS:
                yield f"{node.name}.{kind}", node.layer.arrays()[kind], node

    def arrays(self) -> dict[str, Floats]:
        """All trained arrays by node and field."""
        return {
            f"{node.name}.{kind}": array
            for node in self.nodes
            for kind, array in node.layer.arrays().items()
        }


def _new(name: str, known: Mapping[str, object]) -> None:
    if name in known:
        raise InputError(f"wanted every name of a graph once, got {name!r} again; rename one")


def _known(name: str, known: Mapping[str, object], reader: str) -> None:
    if name not in known:
        names: Sequence[str] = list(known)
        raise InputError(
            f"wanted the inputs of {reader} before it, got {name!r}; there are {', '.join(names)}"
        )
