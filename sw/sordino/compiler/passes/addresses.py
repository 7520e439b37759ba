"""The addresses of all vectors, states and parameters of a graph."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sordino.compiler.limits.allocate import Allocation
from sordino.compiler.passes.place import PlacedGraph
from sordino.graph.graph import Graph, Network
from sordino.isa.choices import Space
from sordino.layers.base.places import Buffer, Memory, Rank, Site, Vector, Where

__all__ = ["Addresses", "allocate"]

_BOTH_BANKS, _ONE_BANK = 2, 1
_SPACES = {Memory.ACTIVATION: Space.ACTIVATION, Memory.STATE: Space.STATE}


@dataclass(frozen=True, eq=False)
class Addresses:
    """All memories of a program.

    memory   what was given out
    inputs   the vectors that the host gives
    nodes    every node's addresses
    cleared  state words that a run begins with as zeros: all before those that the host reads
    owned    what lasts from frame to frame: node, memory, first word, words
    apart    of each segment the first one and the number of its parameter words
    """

    memory: Allocation
    inputs: Mapping[str, Vector]
    nodes: Mapping[str, Where]
    cleared: int
    owned: Sequence[tuple[str, Memory, int, int]]
    apart: Mapping[str, tuple[int, int]]

    def lasting(self, nodes: Collection[str]) -> Iterator[tuple[Space, int, int]]:
        """The ranges of what lasts of some nodes, neighbours as one: memory, first word, words."""
        for memory, space in _SPACES.items():
            found = sorted((b, n) for node, m, b, n in self.owned if m is memory and node in nodes)
            while found:
                begin, words = found.pop(0)
                while found and found[0][0] == begin + words:
                    words += found.pop(0)[1]
                yield space, begin, words

    def of(self, network: Network) -> list[Where]:
        """The addresses of the nodes that a network runs."""
        return [self.nodes[name] for name in network.nodes]

    def vector(self, name: str) -> Vector:
        """The vector of an input or of a node's result."""
        return self.inputs[name] if name in self.inputs else self.nodes[name].out


@dataclass(frozen=True, eq=False)
class _Wanted:
    """A buffer that a node wants, and how many copies.

    stride  words from one copy to the next where copies are read as one vector; 0 for the buffer's
    """

    node: str
    buffer: Buffer
    copies: int
    stride: int = 0

    def lasting(self) -> "_Wanted":
        """The same, if the next frame needs the node's result."""
        if self.buffer.name != "out":
            return self
        return replace(self, buffer=replace(self.buffer, rank=Rank.LASTING))


@dataclass(eq=False)
class _Given:
    """Addresses given out so far: by memory, node and name of the buffer."""

    memory: Allocation = field(default_factory=Allocation)
    vectors: dict[tuple[str, str], Vector] = field(default_factory=dict)
    owned: list[tuple[str, Memory, int, int]] = field(default_factory=list)
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
            stride = wanted.stride or buffer.words
            count = buffer.words + (wanted.copies - 1) * stride
            base = words.take(count)
            if buffer.rank is Rank.LASTING:
                self.owned.append((wanted.node, buffer.memory, base, count))
            vector = Vector(base, stride, wanted.copies)
            if words is memory.state and buffer.rank < Rank.RESULT:
                self.cleared = words.used
        self.vectors[wanted.node, buffer.name] = vector


def allocate(placed: PlacedGraph, chunk: int = 1) -> Addresses:
    """Give out all memories in a fixed order: by `Rank`, then in the order of the graph.

    The parameters of segments are behind all others, one segment after the other. With `chunk`,
    vectors of networks that run every frame have a copy for each of so many frames.
    """
    graph = placed.graph
    sites = _sites(placed)
    wanted: list[_Wanted] = []
    for one in graph.inputs:
        vector = Buffer("out", Memory.ACTIVATION, Rank.INPUT, one.width, copied=True)
        wanted.append(_Wanted(one.name, vector, chunk))
    for node in graph.nodes:
        wanted += _wanted(placed, sites[node.name], chunk)
    fed = {node.feedback for node in graph.nodes}
    wanted = [one.lasting() if one.node in fed else one for one in wanted]
    given = _Given()
    largest = max((w.buffer.words for w in wanted if w.buffer.rank is Rank.SCRATCH), default=0)
    for each in sorted(wanted, key=lambda each: each.buffer.rank):
        if not _segment(each, graph):
            given.give(each, largest)
    apart = {}
    for number, name in enumerate(graph.segments, 1):
        first = given.memory.parameters.words
        for each in sorted(wanted, key=lambda each: each.buffer.rank):
            if _segment(each, graph) == number:
                given.give(each, largest)
        apart[name] = (first, given.memory.parameters.words - first)
    return _addresses(placed, sites, given, apart)


def _segment(wanted: _Wanted, graph: Graph) -> int:
    """The number, from 1 on, of the segment that a buffer is of; 0 for one of the image itself."""
    return graph.part(wanted.node) if wanted.buffer.memory is Memory.PARAMETERS else 0


def _sites(placed: PlacedGraph) -> dict[str, Site]:
    """What the words of every layer depend on."""
    graph, sites = placed.graph, dict[str, Site]()
    for node in graph.nodes:
        sites[node.name] = Site(
            placed.quantised.nodes[node.name],
            placed.dealt.get(node.name),
            tuple(sites.get(name) for name in node.inputs),
            tuple(graph.widths[name] for name in node.inputs),
            graph.widths[node.name],
            bool(node.feedback),
            _BOTH_BANKS if graph.home(node.name).both_banks else _ONE_BANK,
        )
    return sites


def _wanted(placed: PlacedGraph, site: Site, chunk: int) -> Iterator[_Wanted]:
    """The buffers of a layer with their copies."""
    graph, stacked = placed.graph, _copies(placed, site.name)
    copies = stacked * (chunk if graph.home(site.name).both_banks else 1)
    # Empty slots behind a frame's results lie where the next frame's will be.
    stride = site.outputs if stacked > 1 else 0
    merged = graph.merged(site.name) != site.name
    for buffer in graph.by_name[site.name].layer.buffers(site):
        if merged and buffer.name == "out":
            continue
        if buffer.copied:
            yield _Wanted(site.name, buffer, copies, stride)
        else:
            yield _Wanted(site.name, buffer, 1)


def _copies(placed: PlacedGraph, name: str) -> int:
    """Copies that a node's result has: as many as there are frames in a group that is stacked."""
    graph = placed.graph
    after, factor = graph.reduction(graph.home(name))
    return factor if after and graph.home(name).nodes[after - 1] == name else 1


def _addresses(
    placed: PlacedGraph,
    sites: Mapping[str, Site],
    given: _Given,
    apart: Mapping[str, tuple[int, int]],
) -> Addresses:
    graph = placed.graph
    inputs = {one.name: given.vectors[one.name, "out"] for one in graph.inputs}
    nodes: dict[str, Where] = {}
    for node in graph.nodes:
        sources = tuple(inputs[name] if name in inputs else nodes[name].out for name in node.inputs)
        widths = sites[node.name].widths
        out = given.vectors.get((graph.merged(node.name), "out")) or node.layer.view(
            sources, widths
        )
        out = out or Vector(0)
        at = {
            name: vector.base
            for (owner, name), vector in given.vectors.items()
            if owner == node.name and name != "out"
        }
        if out.copies > 1:
            at.pop("scratch", None)  # the copies take its place
        previous = given.vectors.get((node.previous, "out"), out)
        nodes[node.name] = Where(sites[node.name], sources, out, previous, at)
    return Addresses(given.memory, inputs, nodes, given.cleared, given.owned, apart)
