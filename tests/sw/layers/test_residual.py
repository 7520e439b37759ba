"""Residual sums and gates around recurrent layers: golden is the circuit, floats are near."""

from itertools import pairwise

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.programs.every_frame import EveryFrame
from sordino.compiler.programs.transducer import Transducer
from sordino.cycles.engine import Cycles
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.graph.floats import FloatGraph
from sordino.graph.graph import Graph, Network
from sordino.isa.fields import Store
from sordino.layers.cells import CELLS
from sordino.layers.elementwise.product import Product
from sordino.layers.elementwise.total import Total
from sordino.layers.gru import Gru
from sordino.layers.layout.layout import shared_layouts
from sordino.layers.lstm import Lstm
from sordino.layers.node import Node
from tests.sw.compiler.programs.networks import WIDTH, transducer_graph
from tests.sw.layers.random_graphs import linear, network_of, recurrent, residual
from tests.sw.layers.test_networks import FRACTION, MACHINES, check_engines, compiled, inputs


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("group", ["tiny", "tiny-unstructured"])
def test_residual_sums_around_recurrent_layers(kind, group: str, seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    width, factor = int(rng.integers(1, 9)), int(rng.integers(1, 4))
    config = PRESETS[group].with_settings(MACHINES[group])
    graph = network_of(residual(rng, width, kind, factor), width, both=seed != 1)
    image = compiled(graph, config, weight_bits=int(rng.integers(5, 9))).image
    x = inputs(rng, 7, width)
    check_engines(image, x)


@pytest.mark.parametrize("group", ["tiny", "tiny-unstructured"])
@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_a_residual_sum_is_near_the_float_s(kind, group: str) -> None:
    """Sums of up to 4 within 0.1, gated h of up to 1 within 0.03; most of it is x's rounding."""
    rng = np.random.default_rng(4)
    width, size = 6, 11
    nodes = [Node("in", linear(rng, size, width), ("x",))]
    nodes += recurrent(rng, kind, size, size).nodes("a", "in")
    nodes.append(Node("sum", Total("none", 5), ("a", "in")))
    nodes.append(Node("gate", linear(rng, size, width, "sigmoid"), ("x",)))
    nodes.append(Node("gated", Product(7), ("a", "gate")))
    graph = network_of(nodes, width)
    options = CompileOptions(weight_bits=8)
    image = compile_graph(graph, EveryFrame("net"), PRESETS[group], options).image
    golden, floats = Golden(image), FloatGraph(graph)
    x, errors = inputs(rng, 40, width) // 4, {"sum": 0.0, "gated": 0.0}
    golden.run(x[:0])
    for frame in x:
        golden.run(frame[None], entry="go")
        floats.run("net", {"x": frame * 2.0**-FRACTION})
        for name, result in image.host.named("net").results.items():
            words = [int(golden.read(Store.ACTIVATION, word, 1)[0]) for word in result.words]
            error = np.abs(np.array(words) * result.step - floats.results[name]).max()
            errors[name] = max(errors[name], float(error))
    assert errors["sum"] < 0.1
    assert errors["gated"] < 0.03


def residual_transducer() -> Graph:
    """A small RNN-T with a residual sum around its encoder's one layer."""
    rng = np.random.default_rng(2)
    graph = transducer_graph(encoder=(12,))
    nodes = {one.name: one for one in graph.nodes}
    lstm = Lstm(**{**recurrent(rng, Lstm, 12, 12).arrays()})
    front = (
        Node("in", linear(rng, 12, WIDTH), ("x",)),
        Node("encoder.0", lstm, ("in",)),
        Node("sum", Total("none", 5), ("encoder.0", "in")),
        Node("joint.encoder", nodes["joint.encoder"].layer, ("sum",)),
    )
    rest = [one for one in graph.nodes if one.name not in ("encoder.0", "joint.encoder")]
    first = Network("encoder", tuple(one.name for one in front), both_banks=True)
    others = [one for one in graph.networks if one.name != "encoder"]
    return Graph(graph.inputs, (*front, *rest), (first, *others))


def test_an_encoder_with_a_residual_sum_is_the_circuit_s() -> None:
    room = {"tables": 64, "matrices": 64, "program_words": 512, "parameter_words": 512}
    config = PRESETS["tiny"].with_settings(room)
    options = CompileOptions(weight_bits=6)
    image = compile_graph(residual_transducer(), Transducer(0, 3), config, options).image
    x = inputs(np.random.default_rng(1), 8, WIDTH)
    found = compare(image, Golden(image), Rtl(image), x)
    assert found.identical, found
    assert Cycles(image).run(x).counters == Rtl(image).run(x).counters


def test_a_chunk_has_no_place_for_a_sum() -> None:
    config = PRESETS["tiny"].with_settings({"stream_bus": 64, "stream_ring": 4})
    options = CompileOptions(weights="streamed", chunk=2)
    with pytest.raises(CompileError, match=r"layers with a matrix in encoder for a chunk .* sum;"):
        compile_graph(residual_transducer(), Transducer(0, 3), config, options)


@pytest.mark.parametrize("lanes", [4, 8, 12, 16])
@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize("outputs", [1, 3, 4, 11, 40])
def test_units_and_rows_of_one_order_keep_their_blocks(
    lanes: int, group: int, outputs: int
) -> None:
    """Neighbours that become zero together stand side by side in one group's lanes."""
    rng = np.random.default_rng(lanes + outputs)
    config = PRESETS["tiny"].with_settings({"lanes": lanes, "group": group, "rows_per_lane": 3})
    drawn = rng.integers(-3, 4, (5 * outputs, 7)).astype(np.int8)
    units, rows = shared_layouts([drawn[: 4 * outputs]], [drawn[4 * outputs :]], config)
    assert (units.gated, rows.gated) == (True, False)
    np.testing.assert_array_equal(units.order, rows.order)
    assert sorted(units.order.tolist()) == list(range(outputs))
    for layout, width in ((units, config.quads), (rows, lanes)):
        assert sum(tile.count for tile in layout.tiles) == outputs
        assert all(tile.rows <= 3 for tile in layout.tiles)
        for tile, after in pairwise(layout.tiles):
            assert (tile.count, after.first_index) == (
                tile.rows * width,
                tile.first_index + tile.count,
            )
    for first in range(0, outputs, group):
        block = rows.order[first : first + group]
        np.testing.assert_array_equal(block, block[0] + np.arange(len(block)))
        assert block[0] % group == 0
