"""Random graphs on the exact machine, against integers computed without compiler and machine."""

import numpy as np
import pytest

from sordino.arch import PRESETS, Config
from sordino.compiler.compile import Compiled, CompileOptions, compile_graph
from sordino.compiler.limits.errors import DoesNotFit
from sordino.compiler.limits.limits import Limits
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.addresses import Addresses, allocate
from sordino.compiler.passes.place import PlacedGraph, place_all
from sordino.compiler.passes.quantise import quantise_graph
from sordino.compiler.programs.every_frame import EveryFrame
from sordino.golden.machine import Golden
from sordino.graph.graph import Graph
from sordino.isa.fields import Store
from sordino.layers.base.formats import Held
from sordino.layers.elementwise.total import Total
from sordino.layers.heads import Scores
from tests.sw.graph.drawn import drawn_graph
from tests.sw.graph.integer_graph import IntegerGraph

PROGRAM = EveryFrame("net", "token")


def machine(seed: int) -> Config:
    rng = np.random.default_rng(seed)
    preset = ("tiny", "tiny-unstructured", "small")[rng.integers(3)]
    return PRESETS[preset].with_settings(
        {
            "rows_per_lane": int(rng.integers(1, 17)),
            "run_slots": int(rng.integers(1, 4)),
            "value_slots": int(rng.integers(1, 4)),
        }
    )


def compiled(graph: Graph, config: Config, bits: int) -> Compiled:
    """The graph for the machine, or for the least one like it that it fits."""
    for _ in range(8):
        try:
            return compile_graph(
                graph, PROGRAM, config, CompileOptions(weight_bits=bits, clip="none")
            )
        except DoesNotFit as error:
            config = config.with_settings(error.needed)
    raise AssertionError("no machine is large enough")


def order_of(placed: PlacedGraph, name: str) -> np.ndarray:
    """The number of a result at each place in memory."""
    while name not in placed.dealt:
        name = placed.graph.by_name[name].inputs[0]
    return placed.dealt[name].layout.order


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")  # few bits
@pytest.mark.parametrize(
    ("seed", "residual"), [*((n, False) for n in range(60)), *((n, True) for n in range(40))]
)
def test_the_machine_computes_what_the_graph_says(seed: int, residual: bool) -> None:
    """Tokens of every frame, and all that stands in memory at the end."""
    rng = np.random.default_rng(seed)
    graph, factor = drawn_graph(seed, bool(rng.random() < 0.6), residual)
    bits, frames = int(rng.integers(3, 9)), int(rng.integers(1, 10))
    image = compiled(graph, machine(seed), bits).image
    x = rng.integers(-128, 128, (frames, graph.widths["x"])).astype(np.int8)
    golden = Golden(image)
    golden.run(rng.integers(-128, 128, (3, x.shape[1])).astype(np.int8))
    result = golden.run(x)
    quantised = quantise_graph(graph, Precision(bits), image.config.accumulator_bits)
    reference = IntegerGraph(quantised)
    tokens = []
    for number, frame in enumerate(x):
        if reference.run("net", {"x": frame}, last=number == frames - 1):
            tokens.append(reference.registers["token"])
    assert result.tokens == tokens
    placed = place_all(quantised, Limits(image.config))
    at = allocate(placed)
    for name, node in graph.by_name.items():
        layer = quantised.nodes[name]
        held = Held.STATE if isinstance(node.layer, Scores) else layer.result.held
        stored = isinstance(node.layer, Scores | Total) or layer.matrices
        if stored and held is not Held.SUMS and not frames % factor:
            check_memory(result.final, at, placed, name, held, reference.results[name])


def check_memory(
    final: dict, at: Addresses, placed: PlacedGraph, name: str, held: Held, wanted: np.ndarray
) -> None:
    order = order_of(placed, name)
    vector = at.nodes[name].out
    store = final[Store.STATE if held is Held.STATE else Store.ACTIVATION]
    words = [vector.at(-1, place) for place in range(len(order))]
    assert store[words].tolist() == wanted[order].tolist(), name
