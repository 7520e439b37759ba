"""Programs, options and numbers that do not fit a graph are refused when it is compiled."""

import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.programs.every_frame import EveryFrame, OnDemand
from sordino.graph.graph import Graph, Input
from sordino.layers.heads import Argmax
from sordino.layers.node import Node
from sordino.layers.stack import Stack
from tests.sw.graph.parts import (
    WIDTH,
    X,
    check_refused,
    graph,
    linear,
    nets,
    node,
    pair,
    recurrent,
    table,
)


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
    check_refused(lambda: compile_graph(make(), program, PRESETS["tiny"]), message)


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
