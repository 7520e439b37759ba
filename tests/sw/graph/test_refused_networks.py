"""Graphs whose nodes do not go together are refused in one line."""

from collections.abc import Callable

import pytest

from sordino.graph.graph import Graph, Network
from sordino.layers.concatenation import Concatenation
from sordino.layers.elementwise.either import Either
from sordino.layers.heads import Argmax, Scores
from sordino.layers.stack import Stack
from tests.sw.graph.parts import (
    WIDTH,
    check_refused,
    graph,
    linear,
    lstm,
    nets,
    node,
    pair,
    recurrent,
    table,
    total,
)

REFUSED: dict[str, tuple[Callable[[], Graph], str]] = {
    "two places": (
        lambda: graph(
            *pair(node("c", total(), "a", "b"), node("t", Scores(), "a")),
        ),
        "wanted one place for the result of a, got accumulators and state memory",
    ),
    "sums and a vector": (
        lambda: graph(
            node("a", linear(3, WIDTH), "x"), node("t", Argmax(), "a"), node("d", linear(2, 3), "a")
        ),
        "wanted one place for the result of a, got accumulators and activation memory",
    ),
    "feedback of sums": (
        lambda: graph(
            node("a", lstm(4, WIDTH, 3), "x", feedback="b"),
            node("b", linear(3, 4), "a"),
            node("t", Argmax(), "b"),
        ),
        "wanted one place for the result of b, got accumulators and activation memory",
    ),
    "sums of an LSTM": (
        lambda: graph(*recurrent(node("t", Argmax(), "a"))),
        "wanted the result of a in accumulators, got a layer that has it in activation memory",
    ),
    "sums of a function": (
        lambda: graph(node("a", linear(3, WIDTH, "relu"), "x"), node("t", Scores(), "a")),
        "wanted the result of a in accumulators, got a layer that has it in activation memory",
    ),
    "sums side by side": (
        lambda: graph(
            *recurrent(
                node("b", lstm(3, WIDTH), "x"),
                node("c", Concatenation(), "a", "b"),
                node("t", Argmax(), "c"),
            )
        ),
        "wanted the result of c in accumulators, got a layer that has it in activation memory",
    ),
    "the largest of an input": (
        lambda: graph(node("t", Argmax(), "x")),
        "wanted a layer between input x and t, got none; put a linear layer there",
    ),
    "frames of the input": (
        lambda: graph(node("s", Stack(2), "x"), node("a", linear(3, 10), "s")),
        "wanted a layer between input x and s, got none; put a linear layer there",
    ),
    **{
        f"what {type(head).__name__} says": (
            lambda head=head, width=width: graph(
                node("a", linear(3, WIDTH), "x"),
                node("t", head, "a"),
                node("b", linear(2, width), "t"),
            ),
            "wanted nothing to read t, whose result is for the host or in a register, got b; have "
            "it read what t reads",
        )
        for head, width in ((Argmax(), 1), (Scores(), 3))
    },
    **{
        f"a sum of {what}": (
            lambda first=first: graph(
                *first, node("b", linear(3, WIDTH), "x"), node("c", total(), "a", "b")
            ),
            "wanted results of linear, recurrent or element-wise layers for c, got a; put a linear "
            "layer between",
        )
        for what, first in (
            ("a row", (node("a", table()),)),
            (
                "frames side by side",
                (node("d", linear(1, WIDTH), "x"), node("a", Stack(3), "d")),
            ),
            (
                "vectors side by side",
                (
                    node("d", linear(1, WIDTH, "tanh"), "x"),
                    node("e", linear(2, WIDTH, "tanh"), "x"),
                    node("a", Concatenation(), "d", "e"),
                ),
            ),
        )
    },
    "a sum of inputs": (
        lambda: graph(node("c", total(), "x", "x")),
        "wanted results of linear, recurrent or element-wise layers for c, got x; put a linear "
        "layer between",
    ),
    "branches that are LSTMs": (
        lambda: graph(
            *recurrent(node("b", lstm(3, WIDTH), "x"), node("c", Either(), "a", "b")),
            networks=nets("a", "b"),
        ),
        "wanted results of linear layers for c, got a; put a linear layer between",
    ),
    "a branch that others read": (
        lambda: graph(
            *pair(
                node("c", Either(), "a", "b"),
                node("d", linear(2, 3), "c"),
                node("e", linear(2, 3), "b"),
            ),
            networks=nets("a", "b", "d", "e"),
        ),
        "wanted c alone to read b, got e too; have it read c",
    ),
    "an unknown node in a network": (
        lambda: graph(node("a", linear(3, WIDTH), "x"), networks=nets("ab")),
        "wanted nodes of the graph in network net, got 'b'; there are a",
    ),
    "an input in a network": (
        lambda: graph(node("a", linear(3, WIDTH), "x"), networks=nets("xa")),
        "wanted nodes of the graph in network net, got 'x'; there are a",
    ),
    "a network of nothing": (
        lambda: graph(node("a", linear(3, WIDTH), "x"), networks=nets("a", "")),
        "wanted nodes of the graph in network net1, got none; there are a",
    ),
    "a node twice in a network": (
        lambda: graph(node("a", linear(3, WIDTH), "x"), networks=nets("aa")),
        "wanted the nodes of network net once, in the order of the graph, got a after a",
    ),
    "a network in another order": (
        lambda: graph(*recurrent(node("b", linear(2, 3), "a")), networks=nets("ba")),
        "wanted the nodes of network net once, in the order of the graph, got a after b",
    ),
    "a node that no network runs": (
        lambda: graph(*pair(), networks=nets("a")),
        "wanted a network that runs b, got none",
    ),
    "two networks with both banks": (
        lambda: graph(
            *pair(),
            networks=[Network("n", ("a",), both_banks=True), Network("m", ("b",), both_banks=True)],
        ),
        "wanted one network that may use both banks, got n and m",
    ),
    "both banks in two networks": (
        lambda: graph(*recurrent(), networks=nets("a", "a", both=True)),
        "wanted a in one network, since that may use both banks, got net and net1",
    ),
    "sums that wait": (
        lambda: graph(
            *pair(node("t", Argmax("t"), "a"), node("u", Argmax("u"), "b")),
        ),
        "wanted what reads the sums of a right after it in network net, got b; put it there",
    ),
    "sums at the end": (
        lambda: graph(*pair(node("t", Argmax("t"), "a")), networks=nets("at", "a", "b")),
        "wanted what reads the sums of a right after it in network net1, got nothing",
    ),
    "sums that are read twice": (
        lambda: graph(
            node("a", linear(3, WIDTH), "x"), node("t", Argmax(), "a"), node("s", Scores(), "a")
        ),
        "wanted s right after a in network net, since sums are gone once they are read",
    ),
    "a head without its sums": (
        lambda: graph(
            node("a", linear(3, WIDTH), "x"),
            node("t", Argmax(), "a"),
            node("s", Scores(), "a"),
            networks=nets("at", "s"),
        ),
        "wanted s right after a in network net1, since sums are gone once they are read",
    ),
    "two time reductions": (
        lambda: graph(
            *recurrent(
                node("s", Stack(2), "a"),
                node("b", lstm(3, 6), "s"),
                node("r", Stack(2), "b"),
                node("c", linear(2, 6), "r"),
            )
        ),
        "wanted one time reduction in network net, got 2; leave all but one out",
    ),
    **{
        f"frames of {what}": (
            lambda before=before, width=width: graph(
                *before,
                node("s", Stack(2), before[-1].name),
                node("z", linear(2, width), "s"),
            ),
            f"wanted a recurrent or linear layer right before s in network net, whose frames it "
            f"stacks, got {before[-1].name}; put it there",
        )
        for what, before, width in (
            (
                "a row",
                (node("a", linear(3, WIDTH), "x"), node("t", Argmax(), "a"), node("e", table())),
                6,
            ),
            (
                "what is joined",
                recurrent(node("b", lstm(3, WIDTH), "x"), node("c", Concatenation(), "a", "b")),
                12,
            ),
        )
    },
    "frames of an earlier node": (
        lambda: graph(
            *recurrent(
                node("b", lstm(3, WIDTH), "x"),
                node("s", Stack(2), "a"),
                node("z", linear(2, 6), "s"),
            )
        ),
        "right before s in network net, whose frames it stacks, got a; put it there",
    ),
    "frames that nobody reads": (
        lambda: graph(*recurrent(node("s", Stack(2), "a"))),
        "wanted a layer after s in network net, got none; leave it out",
    ),
    "one frame beside several": (
        lambda: graph(
            *recurrent(
                node("s", Stack(2), "a"), node("b", linear(2, 6), "s"), node("c", linear(2, 3), "a")
            )
        ),
        "wanted c to read what is there for a group of frames, got a, which is there for each",
    ),
    "one input beside several frames": (
        lambda: graph(
            *recurrent(
                node("s", Stack(2), "a"),
                node("b", linear(2, 6), "s"),
                node("c", linear(2, WIDTH), "x"),
            )
        ),
        "wanted c to read what is there for a group of frames, got x, which is there for each",
    ),
    "feedback over a stack": (
        lambda: graph(
            node("a", lstm(3, WIDTH, 2), "x", feedback="b"),
            node("s", Stack(2), "a"),
            node("b", linear(2, 6), "s"),
        ),
        "wanted the feedback of a on its side of s, got b; leave it out",
    ),
    "feedback of a linear layer": (
        lambda: graph(
            node("a", linear(3, WIDTH), "x", feedback="b"), node("b", linear(WIDTH, 3), "a")
        ),
        "wanted feedback for a recurrent layer alone, got some for a; leave it out",
    ),
    **{
        f"feedback of {what}": (
            lambda name=name: graph(
                node("b", linear(3, WIDTH), "x"),
                node("a", lstm(3, WIDTH), "x", feedback=name),
                node("c", linear(3, 3), "a"),
            ),
            f"wanted the feedback of a from a node after it, got {name!r}; there are c",
        )
        for what, name in (("nobody", "z"), ("itself", "a"), ("an input", "x"), ("before it", "b"))
    },
    "feedback of another width": (
        lambda: graph(node("a", lstm(3, WIDTH), "x", feedback="b"), node("b", linear(4, 3), "a")),
        "wanted a.weight_hh of size 12 × 4, got 12 × 3",
    ),
    "feedback from another network": (
        lambda: graph(
            node("a", lstm(3, WIDTH), "x", feedback="b"),
            node("b", linear(3, 3), "a"),
            networks=nets("a", "b"),
        ),
        "wanted a and its feedback b in the same networks, got one of them in net; name both",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(case: str) -> None:
    check_refused(*REFUSED[case])
