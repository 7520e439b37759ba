"""A catalogue: rows that are not given never win, whatever the input is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.quantise import quantise_graph
from sordino.errors import InputError
from sordino.graph.floats import FloatGraph
from sordino.graph.graph import Graph
from sordino.layers.heads import Argmax, Scores
from sordino.layers.linear import Linear, catalogue
from sordino.layers.node import Node
from tests.sw.layers.random_graphs import chain, network_of


def graph_of(layer: Linear, width: int, head=None) -> Graph:
    nodes = chain([("rows", layer)])
    nodes.append(Node("row", head or Argmax("row"), ("rows",)))
    return network_of(nodes, width, both=False)


@given(
    seed=st.integers(0, 1 << 30),
    given_rows=st.integers(1, 9),
    more=st.integers(0, 7),
    bits=st.integers(2, 8),
    codebook=st.sampled_from(["uniform", "lloyd-max"]),
    scale=st.sampled_from([1e-6, 1.0, 300.0]),
)
@settings(deadline=None)
def test_rows_that_are_not_given_never_win(seed, given_rows, more, bits, codebook, scale) -> None:
    rng, width = np.random.default_rng(seed), 5
    rows = rng.normal(size=(given_rows, width)) * scale
    bias = rng.normal(size=given_rows) * scale * 3
    graph = graph_of(catalogue(rows, given_rows + more, bias), width)
    layer = quantise_graph(graph, Precision(bits, codebook), 32).nodes["rows"]
    (matrix,) = layer.matrices
    assert matrix.values.shape == (given_rows + more, width)
    assert not matrix.values[given_rows:].any()
    own = matrix.values[:given_rows].astype(np.int64)
    worst = [-128 * np.sign(own[n]) for n in range(given_rows)]
    for x in (*worst, *rng.integers(-128, 128, (20, width))):
        sums = matrix.values.astype(np.int64) @ np.clip(x, -128, 128) + layer.bias
        assert sums.argmax() < given_rows


def test_the_padding_is_no_lower_than_it_must_be() -> None:
    layer = quantise_graph(
        graph_of(catalogue(np.array([[1.0, -1.0], [0.1, 0.0]]), 4), 2), Precision(8), 32
    ).nodes["rows"]
    small = int(np.abs(layer.matrices[0].values[1].astype(int)).sum())
    assert layer.bias.tolist() == [0, 0, -128 * small, -128 * small]


def test_a_full_catalogue_is_a_linear_layer() -> None:
    rng = np.random.default_rng(1)
    rows, bias = rng.normal(size=(6, 4)), rng.normal(size=6)
    made = [
        quantise_graph(graph_of(layer, 4), Precision(5), 32).nodes["rows"]
        for layer in (catalogue(rows, 6, bias), Linear(rows, bias))
    ]
    assert (made[0].matrices[0].values == made[1].matrices[0].values).all()
    assert (made[0].bias == made[1].bias).all()


def test_its_floats_leave_out_what_is_not_given() -> None:
    floats = FloatGraph(graph_of(catalogue(np.array([[-1.0], [-2.0]]), 5), 1))
    assert floats.run("net", {"x": np.array([3.0])}) == [0]


@pytest.mark.parametrize(
    ("rows", "maximum", "match"),
    [(np.ones((4, 2)), 3, "1 to 3 rows"), (np.ones((0, 2)), 3, "got 0")],
)
def test_too_many_rows_and_none_are_refused(rows, maximum, match) -> None:
    with pytest.raises(InputError, match=match):
        graph_of(catalogue(rows, maximum), 2)


def test_what_is_not_compared_is_refused() -> None:
    nodes = chain(
        [("rows", catalogue(np.ones((2, 2)), 4)), ("after", Linear(np.ones((2, 4)), np.ones(2)))]
    )
    with pytest.raises(InputError, match="rows"):
        network_of(nodes, 2, both=False)
    with pytest.raises(InputError, match="without a function"):
        graph_of(type(catalogue(np.ones((2, 2)), 4))(np.ones((2, 2)), np.ones(2), "relu", 4), 2)
    graph_of(catalogue(np.ones((2, 2)), 4), 2, Scores())
