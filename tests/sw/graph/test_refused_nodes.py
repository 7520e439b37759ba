"""Graphs with names, shapes or numbers that do not fit are refused in one line."""

from collections.abc import Callable

import numpy as np
import pytest

from sordino.graph.graph import Graph, Input, Network
from sordino.layers.concatenation import Concatenation
from sordino.layers.elementwise.either import Either
from sordino.layers.embedding import Embedding
from sordino.layers.heads import Argmax, Scores
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.projected import ProjectedLstm
from sordino.layers.stack import Stack
from tests.sw.graph.drawn import drawn_recurrent
from tests.sw.graph.parts import (
    RNG,
    WIDTH,
    X,
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
    "unknown name": (
        lambda: graph(node("a", linear(3, WIDTH), "y")),
        "wanted the inputs of a before it, got 'y'; there are x",
    ),
    "before what it reads": (
        lambda: graph(node("b", linear(2, 3), "a"), node("a", linear(3, WIDTH), "x")),
        "wanted the inputs of b before it, got 'a'; there are x",
    ),
    "reads itself": (
        lambda: graph(node("a", linear(WIDTH, WIDTH), "a")),
        "wanted the inputs of a before it, got 'a'; there are x",
    ),
    "name of two nodes": (
        lambda: graph(node("a", linear(3, WIDTH), "x"), node("a", linear(3, WIDTH), "x")),
        "wanted every name of a graph once, got 'a' again; rename one",
    ),
    "name of an input": (
        lambda: graph(node("x", linear(3, WIDTH), "x")),
        "wanted every name of a graph once, got 'x' again; rename one",
    ),
    "name of two inputs": (
        lambda: graph(node("a", linear(3, WIDTH), "x"), inputs=(X, X)),
        "wanted every name of a graph once, got 'x' again; rename one",
    ),
    "name of two networks": (
        lambda: graph(
            node("a", linear(3, WIDTH), "x"), networks=[Network("n", ("a",)), Network("n", ("a",))]
        ),
        "wanted every name of a graph once, got 'n' again; rename one",
    ),
    "no name": (
        lambda: graph(node("", linear(3, WIDTH), "x")),
        "wanted a name for every part of a graph, got an empty one; name it",
    ),
    "an input of nothing": (
        lambda: graph(node("a", linear(3, 1), "x"), inputs=(Input("x", 0, 5),)),
        "wanted input x of one number or more with 0 to 15 fraction bits, got 0 with 5",
    ),
    "an input of no format": (
        lambda: graph(node("a", linear(3, WIDTH), "x"), inputs=(Input("x", WIDTH, 16),)),
        "wanted input x of one number or more with 0 to 15 fraction bits, got 5 with 16",
    ),
    "an input that nobody reads": (
        lambda: graph(node("a", linear(3, WIDTH), "x"), inputs=(X, Input("y", 3, 5))),
        "wanted a node that reads input y, got none; leave the input out",
    ),
    **{
        f"{len(inputs)} inputs of {type(layer).__name__}": (
            lambda layer=layer, inputs=inputs: graph(*pair(node("c", layer, *inputs))),
            f"of c, a layer of kind {type(layer).__name__}, got {len(inputs)}; correct them",
        )
        for layer, inputs in (
            (lstm(2, 3), ()),
            (lstm(2, 3), ("a", "b")),
            (linear(2, 3), ()),
            (linear(2, 3), ("a", "b")),
            (table(), ("a",)),
            (Argmax(), ()),
            (Argmax(), ("a", "b")),
            (Scores(), ("a", "b")),
            (Stack(2), ()),
            (Stack(2), ("a", "b")),
            (total(), ("a",)),
            (total(), ("a", "b", "a")),
        )
    },
    "a layer that is several nodes": (
        lambda: graph(node("a", drawn_recurrent(RNG, ProjectedLstm, 4, WIDTH), "x")),
        "wanted layers that are one node each, got a, a layer of kind ProjectedLstm; put what its",
    ),
    **{
        f"weights that are {what}": (
            lambda weight=weight: graph(node("a", Linear(weight, np.zeros(3)), "x")),
            f"wanted a.weight as an array of real numbers, got {got}; convert it",
        )
        for what, weight, got in (
            ("lists", [[1.0] * WIDTH] * 3, "list"),
            ("complex", np.ones((3, WIDTH), complex), "complex128"),
            ("marks", np.ones((3, WIDTH), bool), "bool"),
            ("texts", np.full((3, WIDTH), "1"), "<U1"),
            ("objects", np.full((3, WIDTH), None), "object"),
        )
    },
    **{
        f"{what} that are one row": (
            lambda layer=layer, inputs=inputs: graph(
                node("b", linear(3, WIDTH), "x"), node("a", layer, *inputs)
            ),
            f"wanted a.{kind} of size",
        )
        for what, layer, inputs, kind in (
            ("embeddings", Embedding(np.ones(4)), (), "weight"),
            ("matrices", Linear(np.ones(WIDTH), np.ones(1)), ("x",), "weight"),
            ("recurrences", Lstm(*(np.ones(n) for n in (4, 4, 4, 4))), ("x",), "weight_hh"),
        )
    },
    **{
        f"feedback to {what}": (
            lambda array=array: graph(
                node("a", lstm(3, WIDTH).with_arrays({"weight_hh": array}), "x", feedback="b"),
                node("b", linear(3, 3), "a"),
            ),
            message,
        )
        for what, array, message in (
            ("one row", np.ones(12), "wanted a.weight_hh of size any × any, got 12"),
            ("a list", [[1.0]], "wanted a.weight_hh as an array of real numbers, got list"),
        )
    },
    "weights that are no numbers": (
        lambda: graph(node("a", Linear(np.full((3, WIDTH), np.nan), np.zeros(3)), "x")),
        "wanted finite numbers in a.weight, got NaN or infinity; repair the model",
    ),
    "one vector alone in a concatenation": (
        lambda: graph(*recurrent(node("c", Concatenation(), "a"))),
        "wanted two inputs or more in c, got 1; leave it out",
    ),
    "a branch alone": (
        lambda: graph(*pair(node("c", Either(), "a"))),
        "wanted two inputs or more of one width in c, got 3",
    ),
    "a matrix of another width": (
        lambda: graph(*recurrent(node("b", linear(2, 4), "a"))),
        "wanted b.weight of size any × 3, got 2 × 4",
    ),
    "a recurrent layer of another width": (
        lambda: graph(node("a", lstm(3, 4), "x")),
        "wanted a.weight_ih of size 12 × 5, got 12 × 4",
    ),
    "a matrix of another width after a stack": (
        lambda: graph(*recurrent(node("s", Stack(2), "a"), node("b", linear(2, 3), "s"))),
        "wanted b.weight of size any × 6, got 2 × 3",
    ),
    "operands of two widths": (
        lambda: graph(
            node("a", linear(3, WIDTH), "x"),
            node("b", linear(4, WIDTH), "x"),
            node("c", total(), "a", "b"),
        ),
        "wanted two inputs of one width in c, got (3, 4)",
    ),
    "branches of two widths": (
        lambda: graph(
            node("a", linear(3, WIDTH), "x"),
            node("b", linear(4, WIDTH), "x"),
            node("c", Either(), "a", "b"),
            networks=nets("a", "b"),
        ),
        "wanted two inputs or more of one width in c, got 3, 4",
    ),
    "no such function": (
        lambda: graph(node("a", linear(3, WIDTH, "exp"), "x")),
        "wanted a function of a that is one of none, relu, tanh, sigmoid, got 'exp'",
    ),
    "no such function of a sum": (
        lambda: graph(*pair(node("c", total("exp"), "a", "b"))),
        "wanted a function of c that is one of none, relu, tanh, sigmoid, got 'exp'",
    ),
    "no such format of a sum": (
        lambda: graph(*pair(node("c", total("relu", 16), "a", "b"))),
        "wanted c with 0 to 15 fraction bits, got 16",
    ),
    "frames of nothing": (
        lambda: graph(*recurrent(node("s", Stack(0), "a"), node("b", linear(2, 3), "s"))),
        "wanted s to stack one frame or more, got 0",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(case: str) -> None:
    check_refused(*REFUSED[case])
