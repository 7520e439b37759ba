"""What holds for every graph that a machine can run; each rule is a function.

What a graph says must be what a machine computes. So a result that would be lost, or read before it
is there, is refused.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from sordino.errors import InputError
from sordino.graph.parts import Input, Network
from sordino.layers.base.formats import Held
from sordino.layers.node import Node
from sordino.layers.stack import Stack

__all__ = [
    "check_feedback",
    "check_heads",
    "check_inputs",
    "check_names",
    "check_networks",
    "check_operands",
    "check_places",
    "check_stacks",
]

_MOST_FRACTION = 15
Nodes = Mapping[str, Node]


def check_names(
    inputs: Sequence[Input], nodes: Sequence[Node], networks: Sequence[Network]
) -> None:
    """Raise InputError where a name stands twice, is unknown, or stands before what it names.

    Inputs and nodes share one set of names; networks have another.
    """
    known: list[str] = []
    for one in inputs:
        _new(one.name, known)
        if one.width < 1 or not 0 <= one.fraction <= _MOST_FRACTION:
            raise InputError(
                f"wanted input {one.name} of one number or more with 0 to {_MOST_FRACTION} "
                f"fraction bits, got {one.width} with {one.fraction}; correct it"
            )
    for node in nodes:
        for name in node.inputs:
            if name not in known:
                raise InputError(
                    f"wanted the inputs of {node.name} before it, got {name!r}; there are "
                    f"{', '.join(known) or 'none'}"
                )
        kind = type(node.layer).__name__
        if not node.layer.ALONE:
            raise InputError(
                f"wanted layers that are one node each, got {node.name}, a layer of kind {kind}; "
                "put what its method `nodes` gives in its place"
            )
        wanted, got = node.layer.INPUTS, len(node.inputs)
        if wanted is not None and got != wanted:
            words = "input" if wanted == 1 else "inputs"
            raise InputError(
                f"wanted {wanted} {words} of {node.name}, a layer of kind {kind}, got {got}; "
                "correct them"
            )
        _new(node.name, known)
    called: list[str] = []
    for network in networks:
        _new(network.name, called)
    read = {name for node in nodes for name in node.inputs}
    for one in inputs:
        if one.name not in read:
            raise InputError(
                f"wanted a node that reads input {one.name}, got none; leave the input out"
            )


def _new(name: str, known: list[str]) -> None:
    if not name:
        raise InputError("wanted a name for every part of a graph, got an empty one; name it")
    if name in known:
        raise InputError(f"wanted every name of a graph once, got {name!r} again; rename one")
    known.append(name)


def check_networks(nodes: Nodes, networks: Sequence[Network]) -> None:
    """Raise InputError unless every network is a list of nodes in their order.

    Each node is run by a network, those of a network that may use both banks by it alone.
    """
    order = {name: number for number, name in enumerate(nodes)}
    for network in networks:
        unknown = [name for name in network.nodes if name not in nodes]
        if unknown or not network.nodes:
            got = repr(unknown[0]) if unknown else "none"
            raise InputError(
                f"wanted nodes of the graph in network {network.name}, got {got}; there are "
                f"{', '.join(nodes) or 'none'}"
            )
        for one, other in pairwise(network.nodes):
            if order[other] <= order[one]:
                raise InputError(
                    f"wanted the nodes of network {network.name} once, in the order of the graph, "
                    f"got {other} after {one}; sort them"
                )
    both = [network for network in networks if network.both_banks]
    if len(both) > 1:
        raise InputError(
            f"wanted one network that may use both banks, got "
            f"{' and '.join(network.name for network in both)}; take both_banks from all but one"
        )
    for network in networks:
        before = [one for one in networks if one.name == network.behind]
        if network.behind and (not before or before[0] is network or network.segment):
            raise InputError(
                f"wanted network {network.name} behind another one, and in no segment, got "
                f"{network.behind!r}; there are {', '.join(one.name for one in networks)}"
            )
    for name, node in nodes.items():
        homes = [network for network in networks if name in network.nodes]
        if not homes and not node.layer.MERGES:
            raise InputError(
                f"wanted a network that runs {name}, got none; name it in one or leave it out"
            )
        if len(homes) > 1 and any(network.both_banks for network in homes):
            raise InputError(
                f"wanted {name} in one network, since that may use both banks, got "
                f"{' and '.join(network.name for network in homes)}; take both_banks from it"
            )


def check_places(
    nodes: Nodes, held: Callable[[str], Held], readers: Callable[[str], Sequence[Node]]
) -> None:
    """Raise InputError where a layer cannot put its result where it is read."""
    for name, node in nodes.items():
        place, gives = held(name), node.layer.gives
        if not readers(name) or place in gives:
            continue
        if not gives:
            raise InputError(
                f"wanted nothing to read {name}, whose result is for the host or in a register, "
                f"got {readers(name)[0].name}; have it read what {name} reads"
            )
        raise InputError(
            f"wanted the result of {name} in {place.value}, got a layer that has it in "
            f"{' or '.join(sorted(one.value for one in gives))} alone; put a linear layer between"
        )


def check_inputs(inputs: Iterable[Input], readers: Callable[[str], Sequence[Node]]) -> None:
    """Raise InputError where a layer cannot read what the host gives."""
    for one in inputs:
        for reader in readers(one.name):
            places = {reader.layer.wants(reader.inputs.index(one.name))}
            if places != {Held.ACTIVATION} or isinstance(reader.layer, Stack):
                raise InputError(
                    f"wanted a layer between input {one.name} and {reader.name}, got none; put a "
                    "linear layer there"
                )


def check_operands(nodes: Nodes, readers: Callable[[str], Sequence[Node]]) -> None:
    """Raise InputError where operands of an element-wise layer cannot have one order.

    Results of linear and recurrent layers can, and what is computed of these number by number. A
    layer that merges takes results of linear layers, and is the only one that reads them.
    """
    for name, node in nodes.items():
        if not node.layer.ELEMENTWISE:
            continue
        for operand in node.inputs:
            layer = nodes[operand].layer if operand in nodes else None
            ordered = layer is not None and (layer.ORDERED or layer.ELEMENTWISE)
            if layer is None or not (layer.ROWS or (ordered and not node.layer.MERGES)):
                kinds = "linear" if node.layer.MERGES else "linear, recurrent or element-wise"
                raise InputError(
                    f"wanted results of {kinds} layers for {name}, got {operand}; put a linear "
                    "layer between"
                )
            others = [one.name for one in readers(operand) if one is not node]
            if node.layer.MERGES and others:
                raise InputError(
                    f"wanted {name} alone to read {operand}, got {others[0]} too; have it read "
                    f"{name}"
                )


def check_heads(
    nodes: Nodes,
    networks: Sequence[Network],
    held: Callable[[str], Held],
    readers: Callable[[str], Sequence[Node]],
) -> None:
    """Raise InputError unless sums are read at once, while they are in their bank, and once."""
    for network in networks:
        following = dict(pairwise(network.nodes))
        for name in network.nodes:
            if held(name) is Held.SUMS and readers(name):
                after = following.get(name)
                if after is None or name not in nodes[after].inputs:
                    raise InputError(
                        f"wanted what reads the sums of {name} right after it in network "
                        f"{network.name}, got {after or 'nothing'}; put it there"
                    )
            if nodes[name].layer.HELD is Held.SUMS:
                (sums,) = nodes[name].inputs
                if following.get(sums) != name:
                    raise InputError(
                        f"wanted {name} right after {sums} in network {network.name}, since sums "
                        "are gone once they are read, got it elsewhere; give it a linear layer or "
                        "a network of its own"
                    )


def check_stacks(nodes: Nodes, networks: Sequence[Network]) -> None:
    """Raise InputError unless a network stacks frames once, of the node right before.

    What is after the stack runs once for a group of frames: it reads nothing of a single one.
    """
    for network in networks:
        stacks = [n for n, name in enumerate(network.nodes) if _is_stack(nodes[name])]
        if not stacks:
            continue
        if len(stacks) > 1:
            raise InputError(
                f"wanted one time reduction in network {network.name}, got {len(stacks)}; leave "
                "all but one out"
            )
        at = stacks[0]
        name = network.nodes[at]
        (before,) = nodes[name].inputs
        if at == 0 or network.nodes[at - 1] != before or not nodes[before].layer.STACKS:
            raise InputError(
                f"wanted a recurrent or linear layer right before {name} in network "
                f"{network.name}, whose frames it stacks, got {before}; put it there"
            )
        early, late = network.nodes[:at], network.nodes[at + 1 :]
        if not late:
            raise InputError(
                f"wanted a layer after {name} in network {network.name}, got none; leave it out"
            )
        for one in late:
            for read in nodes[one].inputs:
                if read in early or read not in nodes:
                    raise InputError(
                        f"wanted {one} to read what is there for a group of frames, got {read}, "
                        f"which is there for each frame; have it read {name}"
                    )
        for one in network.nodes:
            if (one in early) != (nodes[one].previous in early):
                raise InputError(
                    f"wanted the feedback of {one} on its side of {name}, got "
                    f"{nodes[one].feedback}; leave it out"
                )


def _is_stack(node: Node) -> bool:
    return isinstance(node.layer, Stack)


def check_feedback(nodes: Nodes, networks: Sequence[Network]) -> None:
    """Raise InputError unless feedback is the result of a node after it, in the same networks."""
    order = list(nodes)
    for name, node in nodes.items():
        if not node.feedback:
            continue
        after = order[order.index(name) + 1 :]
        if node.feedback not in after:
            raise InputError(
                f"wanted the feedback of {name} from a node after it, got {node.feedback!r}; "
                f"there are {', '.join(after) or 'none'}"
            )
        for network in networks:
            if (name in network.nodes) != (node.feedback in network.nodes):
                raise InputError(
                    f"wanted {name} and its feedback {node.feedback} in the same networks, got one "
                    f"of them in {network.name}; name both"
                )
