"""Every kind of layer: golden equals the circuit, cycles the cycle model; floats are near."""

import numpy as np
import pytest

from sordino.arch import PRESETS, Config
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.limits.errors import DoesNotFit
from sordino.cycles.engine import Cycles
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.graph.floats import FloatGraph
from sordino.image.image import Image
from sordino.layers.cells import CELLS
from tests.sw.layers.random_graphs import PROGRAM, every_kind, network_of

FRACTION = 5
MACHINES = {
    "tiny": {"run_slots": 1, "value_slots": 1, "rows_per_lane": 4, "matrices": 64, "tables": 64},
    "tiny-unstructured": {"matrices": 64, "tables": 64},
}
"""One slot of each kind and rows so few that layers have tiles; and the preset's own."""


def compiled(graph, config: Config, **options):
    """The graph for the machine, or for one like it that it fits."""
    for _ in range(8):
        try:
            return compile_graph(graph, PROGRAM, config, CompileOptions(**options))
        except DoesNotFit as error:
            config = config.with_settings(error.needed)
    raise AssertionError("no machine is large enough")


def inputs(rng, frames: int, width: int):
    return rng.integers(-80, 80, (frames, width)).astype(np.int8)


def check_engines(image: Image, x) -> None:
    """Golden is the circuit from both entry points, also under stalls; and so is the time."""
    golden, circuit = Golden(image), Rtl(image)
    for entry in ("main", "go"):
        found = compare(image, golden, circuit, x, entry=entry)
        assert found.identical, f"{entry}: {found}"
    timed, run = Cycles(image).run(x), Rtl(image).run(x, feature_gap=40, token_gap=60)
    assert run.tokens == timed.tokens
    assert timed.counters == Rtl(image).run(x).counters


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("group", ["tiny", "tiny-unstructured"])
def test_golden_is_the_circuit_and_time_is_known(kind, group: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, factor = int(rng.integers(1, 9)), int(rng.integers(1, 4))
    config = PRESETS[group].with_settings(MACHINES[group])
    graph = network_of(every_kind(rng, width, kind, factor), width, both=seed != 1)
    image = compiled(graph, config, weight_bits=int(rng.integers(5, 9))).image
    x = inputs(rng, 7, width)
    check_engines(image, x)


@pytest.mark.parametrize("kind", CELLS)
def test_rounding_costs_little(kind) -> None:
    rng = np.random.default_rng(11)
    width, frames = 6, 60
    graph = network_of(every_kind(rng, width, kind), width)
    golden = Golden(compiled(graph, PRESETS["tiny"], weight_bits=8).image)
    floats, x = FloatGraph(graph), inputs(rng, frames, width)
    same = 0
    tokens = golden.run(x).tokens
    for frame, token in zip(x, tokens, strict=True):
        floats.run("net", {"x": frame * 2.0**-FRACTION})
        same += int(floats.results["out"].argmax()) == token
    assert same >= 0.9 * frames
