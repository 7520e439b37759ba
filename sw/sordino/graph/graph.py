"""A graph of layers, and the networks that run parts of it.

Each node is a layer with a name. It reads results of nodes before it, or inputs from the host. A
network is a list of nodes that run together. Nodes may stand in several networks: their weights and
their state are there once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from sordino.errors import InputError
from sordino.graph.parts import Input, Network
from sordino.graph.rules import (
    check_feedback,
    check_heads,
    check_inputs,
    check_names,
    check_networks,
    check_operands,
    check_places,
    check_stacks,
)
from sordino.graph.segments import check_segments, segments_of
from sordino.layers.base.formats import Held
from sordino.layers.base.shapes import check_shape
from sordino.layers.concatenation import Concatenation
from sordino.layers.heads import Argmax
from sordino.layers.layer import Floats, Layer
from sordino.layers.node import Node
from sordino.layers.recurrent import Recurrent
from sordino.layers.stack import Stack

__all__ = ["Graph", "Input", "Network"]


@dataclass(frozen=True, eq=False)
class Graph:
    """Inputs, nodes and networks.

    Raises InputError where `sordino.graph.rules` or shapes do not hold.
    """

    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    networks: tuple[Network, ...]

    def __post_init__(self) -> None:
        check_names(self.inputs, self.nodes, self.networks)
        check_feedback(self.by_name, self.networks)
        self._check_layers()
        check_networks(self.by_name, self.networks)
        check_operands(self.by_name, self.readers)
        check_places(self.by_name, self.held, self.readers)
        check_inputs(self.inputs, self.readers)
        check_heads(self.by_name, self.networks, self.held, self.readers)
        check_stacks(self.by_name, self.networks)
        check_segments(self.by_name, self.networks, self.readers)

    def _check_layers(self) -> None:
        """Check all arrays; those of layers with feedback once the width of that is known."""
        known = {one.name: one.width for one in self.inputs}
        for node in self.nodes:
            widths = [known[name] for name in node.inputs]
            if node.feedback:
                for kind in node.layer.WEIGHTS:
                    weight = getattr(node.layer, kind)
                    check_shape(f"{node.name}.{kind}", weight, (None, None))
            else:
                node.layer.check(node.name, *widths)
            known[node.name] = node.layer.outputs(widths)
        for node in self.nodes:
            if node.feedback:
                widths = [known[name] for name in node.inputs]
                node.layer.check_fed(node.name, known[node.feedback], *widths)

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

    @cached_property
    def segments(self) -> Mapping[str, frozenset[str]]:
        """The nodes of each segment by its name, in the order of the networks."""
        return segments_of(self.networks)

    def part(self, name: str) -> int:
        """0 for a node of the image itself, n + 1 for one of segment n."""
        return next((n for n, names in enumerate(self.segments.values(), 1) if name in names), 0)

    @property
    def layers(self) -> Mapping[str, Layer]:
        """The layers by the names of their nodes."""
        return {node.name: node.layer for node in self.nodes}

    def with_layers(self, layers: Mapping[str, Layer]) -> "Graph":
        """A copy with other layers for some names; InputError for names that are no node's."""
        for name in layers:
            if name not in self.by_name:
                raise InputError(
                    f"wanted names of nodes, got {name!r}; there are {', '.join(self.by_name)}"
                )
        nodes = [replace(n, layer=layers.get(n.name, n.layer)) for n in self.nodes]
        return Graph(self.inputs, tuple(nodes), self.networks)

    def network(self, name: str) -> Network:
        """The network of this name; InputError if there is none."""
        found = {network.name: network for network in self.networks}
        if name not in found:
            raise InputError(
                f"wanted a network of the graph, got {name!r}; there are {', '.join(found)}"
            )
        return found[name]

    def source(self, network: Network) -> str:
        """The one input of the host that a network takes, which its first node reads.

        InputError where it takes none, several, or one that its first node does not read.
        """
        known = [one.name for one in self.inputs]
        read = [name for one in network.nodes for name in self.by_name[one].inputs if name in known]
        first = list(self.by_name[network.nodes[0]].inputs)
        if len(set(read)) != 1 or first != read[:1]:
            raise InputError(
                f"wanted network {network.name} to begin with what reads its one input of the "
                f"host, got {network.nodes[0]} and {', '.join(dict.fromkeys(read)) or 'no input'}; "
                "put the layer that reads it first"
            )
        return read[0]

    def check_found(self, network: str, register: str) -> None:
        """Raise InputError unless a layer of the network writes to a register."""
        for name in self.network(network).nodes:
            layer = self.by_name[name].layer
            if isinstance(layer, Argmax) and layer.register == register:
                return
        raise InputError(
            f"wanted network {network} to find {register!r}, got none that does; add an Argmax "
            "to it, or emit no token"
        )

    def readers(self, name: str) -> list[Node]:
        """The nodes that read the result of a node, or an input."""
        return [node for node in self.nodes if name in node.inputs]

    def held(self, name: str) -> Held:
        """Where a node's result must be; InputError where its readers do not agree.

        It is in activation memory where it cannot be where all of them want it, but all take it
        there. What nobody reads is for the host, in state memory where the layer can put it there.
        """
        readers, gives = self.readers(name), self.by_name[name].layer.gives
        read = [(reader, n) for reader in readers for n, one in enumerate(reader.inputs)]
        read = [(reader, n) for reader, n in read if reader.inputs[n] == name]
        wanted = {
            self.held(reader.name) if reader.layer.MERGES else reader.layer.wants(number)
            for reader, number in read
        }
        if any(node.feedback == name for node in self.nodes):
            wanted.add(Held.ACTIVATION)
        if (len(wanted) > 1 or not wanted <= gives) and Held.ACTIVATION in gives:
            taken = [
                {self.held(reader.name)} if reader.layer.MERGES else reader.layer.takes(number)
                for reader, number in read
            ]
            if all(Held.ACTIVATION in places for places in taken):
                return Held.ACTIVATION
        if len(wanted) > 1:
            places = " and ".join(sorted(one.value for one in wanted))
            raise InputError(
                f"wanted one place for the result of {name}, got {places}; add a layer of its own"
            )
        return wanted.pop() if wanted else Held.STATE if Held.STATE in gives else Held.ACTIVATION

    def loop(self, name: str, network: Network) -> list[str]:
        """A node and those after it in a network up to its feedback: they wait for one another."""
        end = self.by_name[name].previous
        first = network.nodes.index(name)
        return list(network.nodes[first : network.nodes.index(end) + 1])

    def tied(self, name: str) -> list[str]:
        """The nodes, this one among them, that must have one order and are dealt.

        They are the operands of one element-wise layer, those of another that shares one of them or
        reads its result, and so on.
        """
        found, todo = {name}, [name]
        while todo:
            node = self.by_name[todo.pop()]
            together = set(node.inputs) if node.layer.ELEMENTWISE else set()
            for reader in self.readers(node.name):
                if reader.layer.ELEMENTWISE:
                    together |= {*reader.inputs, reader.name}
            todo += together - found
            found |= together
        return [node.name for node in self.nodes if node.name in found and node.layer.ORDERED]

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
