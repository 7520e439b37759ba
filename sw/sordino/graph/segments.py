"""Segments of a graph: networks whose contents a host replaces while the image runs.

What is not of a segment must not depend on what a segment holds. It would be wrong after the next
contents, and it would be missing where a segment is not checked.
"""

from collections.abc import Callable, Mapping, Sequence

from sordino.errors import InputError
from sordino.graph.parts import Network
from sordino.isa.fields import SEGMENTS
from sordino.layers.node import Node
from sordino.layers.stack import Stack

__all__ = ["check_segments", "segments_of"]


def segments_of(networks: Sequence[Network]) -> Mapping[str, frozenset[str]]:
    """The nodes of each segment by its name, in the order of the networks."""
    found: dict[str, frozenset[str]] = {}
    for network in networks:
        if network.segment:
            found[network.segment] = found.get(network.segment, frozenset()) | {*network.nodes}
    return found


def check_segments(
    nodes: Mapping[str, Node],
    networks: Sequence[Network],
    readers: Callable[[str], Sequence[Node]],
) -> None:
    """Raise InputError where what is outside of a segment would depend on it.

    Each node of a segment stands in networks of that segment alone. Nodes outside read one only
    where branches join, since then a program may run another branch.
    """
    segments = segments_of(networks)
    if len(segments) > SEGMENTS:
        raise InputError(
            f"wanted {SEGMENTS} segments at most, got {len(segments)}: {', '.join(segments)}; put "
            "networks that change together into one"
        )
    for network in networks:
        _check_network(network, nodes)
    for segment, names in segments.items():
        for network in networks:
            both = [name for name in network.nodes if name in names]
            if both and network.segment != segment:
                raise InputError(
                    f"wanted {both[0]}, a node of segment {segment}, in networks of that segment "
                    f"alone, got it in {network.name} too; give that a node of its own"
                )
        for name in names:
            outside = [n for n in readers(name) if n.name not in names and not n.layer.MERGES]
            if outside:
                raise InputError(
                    f"wanted nodes of segment {segment} alone to read {name}, got "
                    f"{outside[0].name}; put it into a network of the segment"
                )
        if not any(nodes[name].layer.WEIGHTS for name in names):
            raise InputError(
                f"wanted a node with a matrix in segment {segment}, got none; leave it out"
            )


def _check_network(network: Network, nodes: Mapping[str, Node]) -> None:
    """Raise InputError for a network of a segment that works over several frames at once."""
    if not network.segment:
        return
    stacks = [name for name in network.nodes if isinstance(nodes[name].layer, Stack)]
    if network.both_banks or stacks:
        what = "both banks" if network.both_banks else f"time reduction ({stacks[0]})"
        raise InputError(
            f"wanted network {network.name} of segment {network.segment} to be done within a "
            f"frame, got one with {what}; take it out of the segment"
        )
