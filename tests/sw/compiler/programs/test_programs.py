"""Programs over several networks: each says what it says alone; golden equals the circuit."""

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.program.schedule import Program
from sordino.compiler.programs.every_frame import EveryFrame, OnDemand
from sordino.compiler.programs.serve import Served
from sordino.compiler.programs.stages import Choose
from sordino.compiler.programs.together import Together
from sordino.compiler.programs.transducer import Transducer
from sordino.compiler.programs.watch import Watch
from sordino.cycles.engine import Cycles
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.graph.floats import FloatGraph
from sordino.graph.graph import Graph
from sordino.image.image import Image
from sordino.isa.registers import Error
from tests.sw.compiler.programs.networks import (
    DEMAND,
    KEYWORD,
    WIDTH,
    transducer_graph,
    with_branch,
    with_networks,
    with_watch,
)

FRACTION = 5
ROOM = {"matrices": 64, "tables": 64, "program_words": 512, "parameter_words": 1024}
SLOTS = {
    "one slot": {"run_slots": 1, "value_slots": 1},
    "two slots": {"run_slots": 2, "value_slots": 2},
}


def image_of(graph: Graph, program: Program, bits: int = 6, **settings: int) -> Image:
    config = PRESETS["tiny"].with_settings(ROOM | settings)
    return compile_graph(graph, program, config, CompileOptions(weight_bits=bits)).image


def noise(seed: int, frames: int, width: int = WIDTH):
    rng = np.random.default_rng(seed)
    return rng.integers(-90, 90, (frames, width)).astype(np.int8)


def same_on_the_circuit(image: Image, features, **more) -> None:
    """Golden, circuit and cycle model agree, also where features and tokens stall."""
    found = compare(image, Golden(image), Rtl(image), features, **more)
    assert found.identical, found
    circuit = Rtl(image).run(features, **more)
    timed = Cycles(image).run(features, **more)
    assert timed.counters == circuit.counters
    stalled = Rtl(image).run(features, feature_gap=50, token_gap=80, **more)
    assert (stalled.tokens, stalled.channels) == (circuit.tokens, circuit.channels)


@pytest.mark.parametrize("slots", SLOTS)
@pytest.mark.parametrize(
    "sizes", [{}, {"encoder": (12, 9), "time_reduction": (1, 2), "scale": 4.0}]
)
def test_a_branch_chooses_by_what_it_hears(slots: str, sizes) -> None:
    graph = with_branch(transducer_graph(**sizes), np.random.default_rng(3))
    program = Transducer(0, 3, (Choose("choice", ("shallow", "deep")),))
    image = image_of(graph, program, **SLOTS[slots])
    x = noise(1, 24)
    same_on_the_circuit(image, x)
    deep = image.host.addresses["choice.deep"]
    taken = [record.pc for record in Golden(image).run(x, record=True).records or ()]
    chosen = "".join("d" if pc == deep else "s" for pc in taken if pc in (deep, deep - 1))
    assert "sd" in chosen
    assert "ds" in chosen, "both ways in frames that follow one another"


@pytest.mark.parametrize("slots", SLOTS)
def test_networks_on_request_at_every_frame_say_what_they_say_alone(slots: str) -> None:
    frames = 6
    plain = transducer_graph()
    graph = with_networks(plain, np.random.default_rng(3))
    served = (Served("keyword", 1, "word"), Served("demand", 2, "name"))
    settings = SLOTS[slots] | {"channels": 3}
    image = image_of(graph, Transducer(0, 3, (), served), **settings)
    heard = {0: noise(1, frames), 1: noise(2, frames, KEYWORD), 2: noise(3, frames, DEMAND)}
    requests = [(3 * n + one - 1, one) for n in range(frames) for one in (1, 2)]
    run = Golden(image).run(heard, requests=requests)
    assert run.error is Error.NONE
    alone = Golden(image_of(plain, Transducer(0, 3), **settings)).run(heard[0])
    assert run.on(0) == list(alone.tokens)
    together = Together(
        {
            "asr": Transducer(0, 3),
            "kw": EveryFrame("keyword", "word"),
            "d": OnDemand("demand", "name"),
        }
    )
    apart = Golden(image_of(graph, together, **settings))
    assert run.on(1) == list(apart.run(heard[1], entry="kw.main").tokens)
    apart.run(heard[2][:0], entry="d.reset")
    said = [apart.run(x[None], entry="d.run").tokens[0] for x in heard[2]]
    assert run.on(2) == said
    assert len(set(run.on(1))) > 1
    same_on_the_circuit(image, heard, requests=requests)


def test_what_runs_between_two_frames_leaves_the_state_alone() -> None:
    graph = with_networks(transducer_graph(), np.random.default_rng(3))
    program = Together({"asr": Transducer(0, 3), "kw": EveryFrame("keyword", "word")})
    image = image_of(graph, program)
    x, words = noise(1, 6), noise(2, 12, KEYWORD)
    whole = list(Golden(image).run(words, entry="kw.main").tokens)
    alone = list(Golden(image).run(x).tokens)
    golden, circuit = Golden(image), Rtl(image)
    first = list(golden.run(words[:5], entry="kw.main").tokens)
    assert list(circuit.run(words[:5], entry="kw.main").tokens) == first
    assert list(golden.run(x).tokens) == list(circuit.run(x).tokens) == alone
    rest = list(golden.run(words[5:], entry="kw.go").tokens)
    assert list(circuit.run(words[5:], entry="kw.go").tokens) == rest
    assert first + rest == whole


@pytest.mark.parametrize("frames", [1, 3])
def test_a_watch_counts_frames_above_its_threshold(frames: int) -> None:
    graph = with_watch(transducer_graph(), np.random.default_rng(4))
    floats, x = FloatGraph(graph), noise(5, 40)
    scores = []
    for frame in x:
        floats.run("encoder", {"x": frame * 2.0**-FRACTION})
        scores.append(floats.run("wake")[1])
    # In a gap of the scores, so that rounding does not matter.
    ordered = np.sort(scores)
    gap = int(np.argmax(np.diff(ordered[8:-8]))) + 8
    threshold = float(ordered[gap : gap + 2].mean())
    watch = Watch("wake", 1, threshold, frames, token=77, channel=3)
    image = image_of(graph, Transducer(0, 3, (watch,)), bits=8)
    run = Golden(image).run(x)
    high, expected = 0, 0
    for score in scores:
        high = high + 1 if score >= threshold else 0
        expected += high == frames
    assert expected
    assert run.on(3) == [77] * expected
    assert run.on(0) == list(
        Golden(image_of(transducer_graph(), Transducer(0, 3), 8)).run(x).tokens
    )
    same_on_the_circuit(image, x[:12])


def test_what_a_program_has_no_place_for_is_refused() -> None:
    graph = with_networks(transducer_graph(), np.random.default_rng(3))
    program = Transducer(0, 3, (), (Served("keyword", 1, "word"),))
    config = PRESETS["tiny"].with_settings(ROOM | {"channels": 2, "stream_bus": 64})
    options = CompileOptions(weights="streamed", chunk=2)
    with pytest.raises(CompileError, match="chunk"):
        compile_graph(graph, program, config, options)
    with pytest.raises(InputError, match="channel of its own"):
        Served("keyword", 0)
    with pytest.raises(InputError, match="to find 'name'"):
        image_of(graph, Transducer(0, 3, (), (Served("keyword", 1, "name"),)), channels=2)
    watched = with_watch(transducer_graph(), np.random.default_rng(4))
    with pytest.raises(InputError, match="one of the 3 scores"):
        image_of(watched, Transducer(0, 3, (Watch("wake", 3),)))


def test_programs_that_need_more_registers_than_there_are_are_refused() -> None:
    parts: dict[str, Program] = {name: Transducer(0, 3) for name in ("a", "b", "c")}
    with pytest.raises(CompileError, match="9 registers do not fit"):
        image_of(transducer_graph(), Together(parts))
