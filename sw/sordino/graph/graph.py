"""A graph of layers, and the networks that run parts of it.

Each node is a layer with a name. It reads results of nodes before it, or inputs from the host. A
network is a list of nodes that run together. Nodes may stand in several networks: their weights and
their state are there once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sordino.errors import InputError
from sordino.layers.base.formats import Held, VectorFormat, features
from sordino.layers.concatenation import Concatenation
from sordino.layers.layer import Floats, Layer
from sordino.layers.node import Node
from sordino.layers.recurrent import Recurrent
from sordino.layers.stack import Stack

__all__ = ["Graph", "Input", "Network"]


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


@dataclass(frozen=True)
class Network:
    """Nodes that run together, in their order.

    both_banks  whether it may use both accumulator banks. The first layer's recurrent product is
                then computed at the end of the frame before and stays in its bank until the next
                one. All other networks of a graph keep to the other bank.
    """

    name: str
    nodes: tuple[str, ...]
    both_banks: bool = False


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
            if not node.feedback:
                node.layer.check(node.name, *widths)
            known[node.name] = node.layer.outputs([width or 0 for width in widths])
        for node in self.nodes:
            if node.feedback:
                _known(node.feedback, known, node.name)
                widths = [known[name] for name in node.inputs]
                node.layer.check_fed(node.name, known[node.feedback] or 0, *widths)
        for network in self.networks:
            for name in network.nodes:
                _known(name, known, network.name)
        both = [network.name for network in self.networks if network.both_banks]
        if len(both) > 1:
            raise InputError(
                f"wanted one network that may use both banks, got {' and '.join(both)}; take "
                "both_banks from all but one"
            )
        run = {name for network in self.networks for name in network.nodes}
        for node in self.nodes:
            self.held(node.name)
            if node.name not in run and not node.layer.MERGES:
                raise InputError(
                    f"wanted a network that runs {node.name}, got none; name it in one or leave it "
                    "out"
                )

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
        wanted = {self.held(r.name) if r.layer.MERGES else r.layer.HELD for r in readers}
        if len(wanted) > 1:
            places = " and ".join(sorted(one.value for one in wanted))
            raise InputError(
                f"wanted one place for the result of {name}, got {places}; add a layer of its own"
            )
        return wanted.pop() if wanted else Held.STATE

    def loop(self, name: str, network: Network) -> list[str]:
        """A node and those after it in a network up to its feedback: they wait for one another."""
        end = self.by_name[name].previous
        first = network.nodes.index(name)
        return list(network.nodes[first : network.nodes.index(end) + 1])

    def tied(self, name: str) -> list[str]:
        """The nodes, this one among them, that must have one order: operands of one sum."""
        for reader in self.readers(name):
            if reader.layer.ELEMENTWISE and len(reader.inputs) > 1:
                return list(reader.inputs)
        return [name]

    def seams(self, name: str) -> tuple[int, ...]:
        """The numbers of a vector at which another vector begins, for vectors that are joined."""
        node = self.by_name.get(name)
        if node is None or not isinstance(node.layer, Concatenation):
            return ()
        found, first = [], 0
        for one in node.inputs:
            found += [first, *(first + seam for seam in self.seams(one))]
            first += self.widths[one]
        return tuple(found[1:])

    def merged(self, name: str) -> str:
        """The node to whose place a node's result is written; its own name if there is none."""
        return next((r.name for r in self.readers(name) if r.layer.MERGES), name)

    def home(self, name: str) -> Network:
        """The first network that runs a node, or else what its place is for."""
        for network in self.networks:
            if name in network.nodes:
                return network
        return self.home(self.by_name[name].inputs[0])

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
