"""What a host must know of a network, found in a program that is written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sordino.compiler.limits.errors import CompileError
from sordino.compiler.program.frames import FIRST_BANK, Frames
from sordino.compiler.program.writer import Writer
from sordino.image.checks.networks import overlapping
from sordino.image.section.networks import (
    ImageNetwork,
    Kept,
    NetworkInput,
    NetworkResult,
    NetworkTokens,
    Range,
)
from sordino.layers.base.formats import Held
from sordino.layers.base.places import Memory, Where
from sordino.layers.heads import Argmax, Scores, score_scale
from sordino.layers.node import Node

__all__ = [
    "input_of",
    "kept_of",
    "network_of",
    "results_of",
    "tokens_of",
    "with_shares",
    "with_texts",
]

_SPACES = {Memory.ACTIVATION: "activation", Memory.STATE: "state"}


def network_of(
    writer: Writer,
    networks: Sequence[str],
    *,
    entries: Mapping[str, str],
    words: Sequence[str] = (),
    **more: Any,
) -> ImageNetwork:
    """What is said of networks that run as one: their results, and what they keep.

    `words` are names of words that the program keeps for them; `more` are further entries.
    """
    return ImageNetwork(
        entries=entries,
        results=results_of(writer, networks),
        state=kept_of(writer, networks, words),
        **more,
    )


def input_of(writer: Writer, network: str, channel: int = 0) -> NetworkInput:
    """The input vectors of a network; InputError where it does not begin with one."""
    source = writer.graph.source(writer.graph.network(network))
    (found,) = (one for one in writer.graph.inputs if one.name == source)
    return NetworkInput(channel=channel, count=found.width, fraction=found.fraction)


def tokens_of(
    writer: Writer, network: str, register: str, channel: int = 0, **more: Any
) -> NetworkTokens | None:
    """The tokens that a network finds and emits; None where it emits none."""
    if not register:
        return None
    graph, count = writer.graph, 0
    for name in graph.network(network).nodes:
        layer = graph.by_name[name].layer
        if isinstance(layer, Argmax) and layer.register == register:
            count = max(count, graph.widths[graph.by_name[name].inputs[0]])
    return NetworkTokens(channel=channel, numbers=(0, count), **more)


def kept_of(writer: Writer, networks: Iterable[str], words: Sequence[str] = ()) -> Kept:
    """What networks keep from one frame to the next, and `words` that their program keeps."""
    graph, found = writer.graph, dict[str, list[Range]]()
    found["activation"], found["state"], found["bank1"] = [], [], []
    nodes = {name for one in networks for name in graph.network(one).nodes}
    for node, memory, base, count in writer.at.owned:
        if node in nodes:
            found[_SPACES[memory]].append((base, count))
    found["state"] += [(writer.word(name), 1) for name in words]
    for one in networks:
        if graph.network(one).both_banks:
            frames = Frames(writer, one)
            if frames.carrying and writer.chunk == 1:
                found[f"bank{FIRST_BANK}"].append((0, frames.first.layout.tiles[0].rows))
    return Kept(**{name: tuple(_joined(ranges)) for name, ranges in found.items()})


def _joined(ranges: Iterable[Range]) -> Iterator[Range]:
    """The ranges in their order, neighbours as one."""
    todo = sorted(ranges)
    while todo:
        first, count = todo.pop(0)
        while todo and todo[0][0] <= first + count:
            begin, words = todo.pop(0)
            count = max(count, begin + words - first)
        yield first, count


def results_of(writer: Writer, networks: Iterable[str]) -> dict[str, NetworkResult]:
    """The vectors of networks that the host or other networks read."""
    graph, found = writer.graph, dict[str, NetworkResult]()
    for network in networks:
        for name in graph.network(network).nodes:
            node = graph.by_name[name]
            if isinstance(node.layer, Scores):
                found[name] = _result(writer, name, 2.0 ** -_fraction(writer, name))
            elif node.layer.gives and graph.held(name) is not Held.SUMS and _leaves(writer, node):
                found[name] = _result(writer, name, writer.at.nodes[name].site.layer.result.step)
    return found


def _fraction(writer: Writer, name: str) -> int:
    return score_scale(writer.at.nodes[name].site.sums.layer)[0]


def _leaves(writer: Writer, node: Node) -> bool:
    """Whether a node's result is read by the host, or by a node that no network runs with it."""
    graph = writer.graph
    readers = [
        after
        for reader in graph.readers(node.name)
        for after in (graph.readers(reader.name) if reader.layer.MERGES else [reader])
    ]
    homes = [set(network.nodes) for network in graph.networks if node.name in network.nodes]
    return not readers or any(all(one.name not in home for home in homes) for one in readers)


def _result(writer: Writer, name: str, step: float) -> NetworkResult:
    where: Where = writer.at.nodes[name]
    order = writer.placed.orders[name]
    words = [0] * len(order)
    for place, number in enumerate(order.tolist()):
        words[number] = where.out.at(0, place)
    held = where.site.layer.result.held
    memory = "activation" if held is Held.ACTIVATION else "state"
    return NetworkResult(memory=memory, words=tuple(words), step=step)


def with_shares(networks: Mapping[str, ImageNetwork]) -> dict[str, ImageNetwork]:
    """The networks with the names of those that keep something in the same words."""
    return {
        name: network.changed(
            shares=tuple(
                other
                for other, its in networks.items()
                if other != name and overlapping(network.state, its.state)
            )
        )
        for name, network in networks.items()
    }


def with_texts(
    networks: Mapping[str, ImageNetwork], texts: Mapping[str, Sequence[str]]
) -> dict[str, ImageNetwork]:
    """The networks with texts of their tokens; CompileError for texts that are no network's."""
    found = dict(networks)
    for name, its in texts.items():
        network = found.get(name)
        if network is None or network.tokens is None:
            known = ", ".join(n for n, one in found.items() if one.tokens is not None) or "none"
            raise CompileError(
                f"wanted texts for networks that emit tokens ({known}), got some for {name!r}; "
                "correct the name"
            )
        count = network.tokens.numbers[1]
        if len(its) != count:
            raise CompileError(
                f"wanted {count} texts for the tokens of {name}, got {len(its)}; name each once"
            )
        found[name] = network.changed(tokens=network.tokens.changed(texts=tuple(its)))
    return found
