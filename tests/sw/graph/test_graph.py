"""What good graphs say that they hold."""

import pytest

from sordino.errors import InputError
from sordino.layers.base.formats import Held
from sordino.layers.elementwise.either import Either
from sordino.layers.elementwise.product import Product
from sordino.layers.heads import Argmax
from tests.sw.graph.parts import (
    WIDTH,
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


def test_operands_are_where_all_that_read_them_take_them() -> None:
    """In state memory where they can be; in activation memory where another layer reads them."""
    found = graph(
        node("in", linear(3, WIDTH), "x"),
        node("only", linear(3, WIDTH), "x"),
        node("a", lstm(3, 3), "in"),
        node("r", total(), "a", "in"),
        node("s", total(), "r", "only"),
        node("g", linear(3, WIDTH, "sigmoid"), "x"),
        node("p", Product(), "a", "g"),
        node("l", linear(2, 3), "s"),
        node("m", linear(2, 3), "p"),
    )
    places = {name: found.held(name) for name in ("in", "only", "a", "r", "g")}
    assert places.pop("only") is Held.STATE
    assert set(places.values()) == {Held.ACTIVATION}
    for name in ("in", "only", "a", "g"):
        assert found.tied(name) == ["in", "only", "a", "g"]
    assert found.tied("l") == ["l"]


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
    assert [found.tied(name) for name in "abcd"] == [["a", "b", "d"]] * 4
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
