"""The addresses of all vectors, states and parameters of a graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sordino.compiler.limits.allocate import Allocation
from sordino.compiler.passes.place import PlacedGraph
from sordino.graph.graph import Network
from sordino.layers.places import Buffer, Memory, Rank, Site, Vector, Where

__all__ = ["Addresses", "allocate"]

_BOTH_BANKS, _ONE_BANK = 2, 1


@dataclass(frozen=True, eq=False)
class Addresses:
    """All memories of a program.

    memory   what was given out
    inputs   the vectors that the host gives
    nodes    every node's addresses
    cleared  state words that a run begins with as zeros: all before those that the host reads
    """

    memory: Allocation
    inputs: Mapping[str, Vector]
    nodes: Mapping[str, Where]
    cleared: int

    def of(self, network: Network) -> list[Where]:
        """The addresses of the nodes that a network runs."""
        return [self.nodes[name] for name in network.nodes]

    def vector(self, name: str) -> Vector:
        """The vector of an input or of a node's result."""
        return self.inputs[name] if name in self.inputs else self.nodes[name].out


@dataclass(frozen=True, eq=False)
class _Wanted:
    """A buffer that a node wants, and how many copies."""

    node: str
    buffer: Buffer
    copies: int


@dataclass(eq=False)
class _Given:
    """Addresses given out so far: by memory, node and name of the buffer."""

    memory: Allocation = field(default_factory=Allocation)
    vectors: dict[tuple[str, str], Vector] = field(default_factory=dict)
    scratch: int = -1
    cleared: int = 0

    def give(self, wanted: _Wanted, scratch: int) -> None:
        """Give out one buffer; a scratch vector of `scratch` words is given out once."""
        buffer, memory = wanted.buffer, self.memory
        if buffer.memory is Memory.PARAMETERS:
            vector = Vector(memory.parameters.add(buffer.contents))
        elif buffer.rank is Rank.SCRATCH:
            if self.scratch < 0:
                self.scratch = memory.activation.take(scratch)
            vector = Vector(self.scratch)
        else:
            words = memory.activation if buffer.memory is Memory.ACTIVATION else memory.state
            base = words.take(buffer.words * wanted.copies)
            vector = Vector(base, buffer.words, wanted.copies)
            if words is memory.state and buffer.rank < Rank.RESULT:
                self.cleared = words.used
        self.vectors[wanted.node, buffer.name] = vector


def allocate(placed: PlacedGraph, chunk: int = 1) -> Addresses:
    """Give out all memories in a fixed order: by `Rank`, then in the order of the graph.

    With `chunk`, vectors of networks that run every frame have a copy for each of so many frames.
    """
    graph = placed.graph
    sites: dict[str, Site] = {}
    wanted: list[_Wanted] = []
    for one in graph.inputs:
        buffer = Buffer("out", Memory.ACTIVATION, Rank.INPUT, one.width, copied=True)
        wanted.append(_Wanted(one.name, buffer, chunk))
    for node in graph.nodes:
        every_frame = graph.home(node.name).every_frame
        sites[node.name] = site = Site(
            placed.quantised.nodes[node.name],
            placed.dealt.get(node.name),
            tuple(sites.get(name) for name in node.inputs),
            tuple(graph.widths[name] for name in node.inputs),
            graph.widths[node.name],
            _BOTH_BANKS if every_frame else _ONE_BANK,
        )
        copies = _copies(placed, node.name) * (chunk if every_frame else 1)
        for buffer in node.layer.buffers(site):
            wanted.append(_Wanted(node.name, buffer, copies if buffer.copied else 1))
    given = _Given()
    largest = max((w.buffer.words for w in wanted if w.buffer.rank is Rank.SCRATCH), default=0)
    for each in sorted(wanted, key=lambda each: each.buffer.rank):
        given.give(each, largest)
    return _addresses(placed, sites, given)


def _copies(placed: PlacedGraph, name: str) -> int:
    """Copies that a node's result has: as many as there are frames in a group that is stacked."""
    graph = placed.graph
    after, factor = graph.reduction(graph.home(name))
    return factor if after and graph.home(name).nodes[after - 1] == name else 1


def _addresses(placed: PlacedGraph, sites: Mapping[str, Site], given: _Given) -> Addresses:
    graph = placed.graph
    inputs = {one.name: given.vectors[one.name, "out"] for one in graph.inputs}
    nodes: dict[str, Where] = {}
    for node in graph.nodes:
        sources = tuple(inputs[name] if name in inputs else nodes[name].out for name in node.inputs)
        out = given.vectors.get((node.name, "out")) or node.layer.view(sources) or Vector(0)
        at = {
            name: vector.base
            for (owner, name), vector in given.vectors.items()
            if owner == node.name and name != "out"
        }
        if out.copies > 1:
            at.pop("scratch", None)  # the copies take its place
        nodes[node.name] = Where(sites[node.name], sources, out, at)
    return Addresses(given.memory, inputs, nodes, given.cleared)
