"""Graphs that no machine can compute are refused in one line; good ones say what they hold."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.programs.every_frame import EveryFrame, OnDemand
from sordino.errors import InputError
from sordino.graph.graph import Graph, Input, Network
from sordino.layers.base.formats import Held
from sordino.layers.concatenation import Concatenation
from sordino.layers.either import Either
from sordino.layers.embedding import Embedding
from sordino.layers.heads import Argmax, Scores
from sordino.layers.layer import Layer
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.node import Node
from sordino.layers.projected import ProjectedLstm
from sordino.layers.stack import Stack
from sordino.layers.total import Total
from tests.sw.graph.drawn import drawn_recurrent

WIDTH = 5
X = Input("x", WIDTH, 5)
RNG = np.random.default_rng(0)


def lstm(units: int, inputs: int, hidden: int = 0) -> Lstm:
    shapes = (4 * units, inputs), (4 * units, hidden or units), (4 * units,), (4 * units,)
    return Lstm(*(RNG.normal(size=shape) for shape in shapes))


def linear(outputs: int, inputs: int, function: str = "none") -> Linear:
    return Linear(RNG.normal(size=(outputs, inputs)), RNG.normal(size=outputs), function)


def node(name: str, layer: Layer, *inputs: str, feedback: str = "") -> Node:
    return Node(name, layer, inputs, feedback)


def table() -> Embedding:
    return Embedding(RNG.normal(size=(4, 3)))


def total(function: str = "tanh", fraction: int = 7) -> Total:
    return Total(function, fraction)


def graph(
    *nodes: Node,
    networks: Sequence[Network] | None = None,
    inputs: Sequence[Input] = (X,),
) -> Graph:
    """A graph with one network of all nodes, unless others are given."""
    if networks is None:
        networks = [Network("net", tuple(one.name for one in nodes), both_banks=True)]
    return Graph(tuple(inputs), tuple(nodes), tuple(networks))


def nets(*nodes: Sequence[str], both: bool = False) -> list[Network]:
    """Networks called net, net1, …; the first may use both banks."""
    return [
        Network(f"net{n or ''}", tuple(one), both_banks=both and not n)
        for n, one in enumerate(nodes)
    ]


def pair(*more: Node) -> tuple[Node, ...]:
    """Two linear layers of three numbers."""
    return (node("a", linear(3, WIDTH), "x"), node("b", linear(3, WIDTH), "x"), *more)


def recurrent(*more: Node) -> tuple[Node, ...]:
    """An LSTM of three units."""
    return (node("a", lstm(3, WIDTH), "x"), *more)


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
    "two places": (
        lambda: graph(
            *pair(node("c", total(), "a", "b"), node("d", linear(2, 3), "a")),
        ),
        "wanted one place for the result of a, got activation memory and state memory",
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
            "wanted results of linear layers for c, got a; put a linear layer between",
        )
        for what, first in (
            ("an LSTM", recurrent()),
            (
                "a sum",
                (
                    node("d", linear(3, WIDTH), "x"),
                    node("e", linear(3, WIDTH), "x"),
                    node("a", total(), "d", "e"),
                ),
            ),
            ("a row", (node("a", table()),)),
        )
    },
    "a sum of inputs": (
        lambda: graph(node("c", total(), "x", "x")),
        "wanted results of linear layers for c, got x; put a linear layer between",
    ),
    "a sum of a function": (
        lambda: graph(
            node("a", linear(3, WIDTH, "tanh"), "x"),
            node("b", linear(3, WIDTH), "x"),
            node("c", total(), "a", "b"),
        ),
        "wanted the result of a in state memory, got a layer that has it in activation memory",
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
    make, message = REFUSED[case]
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unread_result_is_in_state_memory_where_that_can_be() -> None:
    found = graph(
        *recurrent(node("b", linear(2, WIDTH), "x"), node("c", linear(2, 3, "tanh"), "a"))
    )
    assert [found.held(name) for name in "abc"] == [Held.ACTIVATION, Held.STATE, Held.ACTIVATION]


def test_what_is_fed_back_is_a_vector_though_nobody_else_reads_it() -> None:
    found = graph(node("a", lstm(4, WIDTH, 3), "x", feedback="b"), node("b", linear(3, 4), "a"))
    assert found.held("b") is Held.ACTIVATION


def test_all_operands_that_meet_have_one_order() -> None:
    operands = [node(name, linear(3, WIDTH), "x") for name in "abcde"]
    sums = [
        node("f", total(), "a", "b"),
        node("g", total(), "b", "c"),
        node("h", total(), "d", "e"),
    ]
    found = graph(*operands, *sums, *(node(f"l{n}", linear(2, 3), n) for n in "fgh"))
    assert [found.tied(name) for name in "abc"] == [["a", "b", "c"]] * 3
    assert [found.tied(name) for name in "de"] == [["d", "e"]] * 2
    assert found.tied("lf") == ["lf"]


def test_branches_have_the_order_of_what_their_result_is_added_to() -> None:
    found = graph(
        *pair(
            node("c", Either(), "a", "b"),
            node("d", linear(3, WIDTH), "x"),
            node("e", total(), "c", "d"),
            node("f", linear(2, 3), "e"),
        ),
        networks=nets("a", "b", "def"),
    )
    assert [found.tied(name) for name in "abcd"] == [["a", "b", "c", "d"]] * 4
    assert found.held("a") is found.held("c") is Held.STATE


def test_layers_are_replaced_by_name() -> None:
    before = graph(*recurrent(node("b", linear(2, 3), "a")))
    after = before.with_layers({"b": linear(4, 3)})
    assert (before.widths["b"], after.widths["b"]) == (2, 4)
    assert after.layers["a"] is before.layers["a"]
    with pytest.raises(InputError, match=r"b\.weight of size any × 3, got 4 × 4"):
        before.with_layers({"b": linear(4, 4)})
    with pytest.raises(InputError, match="wanted names of nodes, got 'c'; there are a, b"):
        before.with_layers({"c": linear(2, 3)})


def test_arrays_and_matrices_by_name() -> None:
    found = graph(
        node("t", linear(3, WIDTH), "x"),
        node("h", Argmax(), "t"),
        node("e", table()),
        node("a", lstm(2, 3), "e"),
    )
    kinds = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    names = ["t.weight", "t.bias", "e.weight", *(f"a.{kind}" for kind in kinds)]
    assert list(found.arrays()) == names
    multiplied = {name: (weight, one.name) for name, weight, one in found.matrices()}
    assert list(multiplied) == ["t.weight", "a.weight_ih", "a.weight_hh"]
    for name, (weight, owner) in multiplied.items():
        assert weight is found.arrays()[name]
        assert name.startswith(f"{owner}.")


# Programs


def small(*more: Node, **options: object) -> Graph:
    return graph(node("a", linear(3, WIDTH), "x"), *more, **options)


PROGRAMS = {
    "no such network": (small, EveryFrame("main"), "wanted a network of the graph, got 'main'"),
    "no such network on demand": (
        small,
        OnDemand("main"),
        "wanted a network of the graph, got 'main'",
    ),
    "a register that it does not have": (
        lambda: small(
            node("t", Argmax("token"), "a"),
            node("b", linear(3, WIDTH), "x"),
            node("u", Argmax("foo"), "b"),
        ),
        EveryFrame("net", "token"),
        "wanted a register of the program, got 'foo'; it has token",
    ),
    "a token that nobody finds": (
        small,
        EveryFrame("net", "token"),
        "wanted network net to find 'token', got none",
    ),
    "a token that nobody finds on demand": (
        small,
        OnDemand("net", "token"),
        "wanted network net to find 'token', got none",
    ),
    "no input": (
        lambda: graph(
            *pair(
                node("t", Argmax("token"), "b"), node("e", table()), node("c", linear(2, 3), "e")
            ),
            networks=nets("abt", "ec"),
        ),
        EveryFrame("net1"),
        "wanted network net1 to begin with what reads its one input of the host, got e and no",
    ),
    "two inputs": (
        lambda: small(node("b", linear(2, 3), "y"), inputs=(X, Input("y", 3, 5))),
        EveryFrame("net"),
        "to begin with what reads its one input of the host, got a and x, y",
    ),
    "an input that comes late": (
        lambda: graph(
            *recurrent(node("b", linear(2, 3), "a"), node("c", linear(2, WIDTH), "x")),
            networks=nets("a", "bc"),
        ),
        OnDemand("net1"),
        "to begin with what reads its one input of the host, got b and x",
    ),
    "frames on demand": (
        lambda: graph(*recurrent(node("s", Stack(2), "a"), node("b", linear(2, 6), "s"))),
        OnDemand("net"),
        "wanted net to run every frame, since it stacks 2 frames",
    ),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_programs_that_do_not_fit_the_graph(case: str) -> None:
    make, program, message = PROGRAMS[case]
    with pytest.raises(InputError) as caught:
        compile_graph(make(), program, PRESETS["tiny"])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{"max_symbols": 3}, {"blank_penalty": 0.5}])
def test_options_of_a_transducer_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(CompileError, match="wanted options of any graph, got max_symbols or blank"):
        compile_graph(small(), EveryFrame("net"), PRESETS["tiny"], CompileOptions(**options))


def test_a_chunk_is_refused_where_frames_come_one_after_the_other() -> None:
    message = "wanted a program that works in chunks of frames, got EveryFrame"
    with pytest.raises(CompileError, match=message):
        compile_graph(small(), EveryFrame("net"), PRESETS["tiny"], CompileOptions(chunk=2))


@pytest.mark.parametrize("kind", ["weight", "bias"])
@pytest.mark.parametrize("function", ["none", "relu", "tanh"])
def test_numbers_that_no_arithmetic_holds_are_refused(kind: str, function: str) -> None:
    layer = linear(3, WIDTH, function)
    large = layer.with_arrays({kind: getattr(layer, kind) * 1e60})
    after = node("b", linear(2, 3), "a")
    with pytest.raises(CompileError, match=rf"wanted a\.{kind} to hold numbers up to 1e\+50, got"):
        compile_graph(graph(node("a", large, "x"), after), EveryFrame("net"), PRESETS["tiny"])


def test_numbers_too_small_to_matter_are_zero() -> None:
    layer, after = linear(3, WIDTH), node("b", linear(2, 3), "a")

    def image(scale: float) -> bytes:
        weight = layer.weight.copy()
        weight[1] *= scale
        first = node("a", layer.with_arrays({"weight": weight}), "x")
        found = compile_graph(graph(first, after), EveryFrame("net"), PRESETS["tiny"])
        return found.image.to_bytes()

    assert image(1e-300) == image(5e-324) == image(0.0) != image(1.0)


def test_a_graph_without_a_matrix_is_nothing() -> None:
    nothing = graph(node("e", table()), inputs=())
    with pytest.raises(CompileError, match="wanted a graph with a matrix, got none"):
        compile_graph(nothing, EveryFrame("net"), PRESETS["tiny"])
    with pytest.raises(CompileError, match="wanted a graph with a matrix, got none"):
        compile_graph(Graph((), (), ()), EveryFrame("net"), PRESETS["tiny"])
