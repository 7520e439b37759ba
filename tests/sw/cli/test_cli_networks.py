"""Images of several networks at the command line: what is in them, and what each says."""

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.program.schedule import Program
from sordino.compiler.programs.every_frame import EveryFrame
from sordino.compiler.programs.serve import Served
from sordino.compiler.programs.together import Together
from sordino.compiler.programs.transducer import Transducer
from sordino.compiler.programs.watch import Watch
from sordino.graph.graph import Graph
from tests.sw.compiler.programs.networks import (
    WIDTH,
    transducer_graph,
    with_networks,
    with_watch,
)

ROOM = {"matrices": 64, "tables": 64, "program_words": 512, "parameter_words": 1024, "channels": 3}
LETTERS = ["<blank>", " ", "a", "b", "c", "d", "e", "f", "g"]


def written(path, graph: Graph, program: Program, texts=None):
    config = PRESETS["tiny"].with_settings(ROOM)
    options = CompileOptions(weight_bits=6)
    image = compile_graph(graph, program, config, options, texts=texts).image
    path.write_bytes(image.to_bytes())
    return path


@pytest.fixture
def watched(tmp_path):
    """A transducer with letters, and a watch that always speaks, on channel 3."""
    graph = with_watch(transducer_graph(), np.random.default_rng(4))
    program = Transducer(0, 3, (Watch("wake", 1, -100.0, 2, token=77, channel=3),))
    return written(tmp_path / "w.sordino", graph, program, {"transducer": LETTERS, "wake": ["hey"]})


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(1).integers(-90, 90, (6, WIDTH)).astype(np.int8))
    return path


@pytest.mark.parametrize("engine", ["golden", "cycles"])
def test_each_network_says_what_is_its_own(sordino, watched, vectors, engine: str) -> None:
    (entry,) = sordino("run", watched, vectors, "--engine", engine, "--json").json()["inputs"]
    assert entry["networks"] == {"wake": {"tokens": [77], "transcript": "hey"}}
    assert 77 not in entry["tokens"]
    assert entry["tokens"]
    spelt = "".join(LETTERS[token] for token in entry["tokens"])
    assert entry["transcript"] == " ".join(spelt.split())
    said = sordino("run", watched, vectors).out
    assert "  wake: hey\n" in said


def test_tokens_without_text_are_printed_as_numbers(sordino, vectors, tmp_path) -> None:
    graph = with_watch(transducer_graph(), np.random.default_rng(4))
    program = Transducer(0, 3, (Watch("wake", 1, -100.0, 2, token=77, channel=3),))
    image = written(tmp_path / "w.sordino", graph, program)
    (entry,) = sordino("run", image, vectors, "--json").json()["inputs"]
    assert entry["networks"] == {"wake": {"tokens": [77], "transcript": None}}
    assert "  wake: 77\n" in sordino("run", image, vectors).out


def test_a_channel_that_two_emit_on_is_a_warning(sordino, vectors, tmp_path) -> None:
    graph = with_watch(transducer_graph(), np.random.default_rng(4))
    program = Transducer(0, 3, (Watch("wake", 1, -100.0, 2, token=5),))
    image = written(tmp_path / "w.sordino", graph, program)
    finished = sordino("run", image, vectors)
    assert "wake emits on channel 0, which is not its own" in finished.err
    assert finished.code == 0


def test_networks_have_a_table(sordino, tmp_path) -> None:
    graph = with_networks(transducer_graph(), np.random.default_rng(3))
    served = (Served("keyword", 1, "word"), Served("demand", 2, "name"))
    together = Together({"asr": Transducer(0, 3, (), served), "kw": EveryFrame("keyword", "word")})
    image = written(tmp_path / "s.sordino", graph, together, {"keyword": ["-", "a", "b", "c", "d"]})
    lines = [" ".join(line.split()) for line in sordino("info", image).out.splitlines()]
    table = "\n".join(lines)
    assert "keyword │ main │ 1 │ 5 Q5 on 1 │ 0 to 4 on 1, with texts" in table
    assert "8 activation + 8 state, shared with kw" in table
    assert "demand │ main │ 2 │ 4 Q5 on 2 │ 0 to 4 on 2 │ │ nothing" in table
    head = sordino("info", image, "--json").json()
    cycles = head["entry_cycles"]
    assert set(cycles) == {"main", "reset", "encode", "advance", "score", "kw.main", "kw.go"}
    assert cycles["main"] == head["cycles"]
    request, run = cycles["main"]["requests"]["1"], cycles["reset"]["run"]
    assert f"main │ request 1 (keyword) │ {request['best']:,} │" in table
    assert f"reset │ START to HALT │ {run['best']:,} │" in table
    assert f"main │ demand alone │ {cycles['main']['networks']['demand']['best']:,} │" in table
    said = head["host"]["networks"]
    assert said["kw"]["entries"] == {"main": "kw.main", "go": "kw.go"}
    assert said["keyword"]["shares"] == ["kw"]


def test_vectors_of_another_width_are_refused(sordino, watched, tmp_path) -> None:
    np.save(tmp_path / "bad.npy", np.zeros((3, WIDTH + 1), np.int8))
    finished = sordino("run", watched, tmp_path / "bad.npy")
    assert finished.code == 2
    assert f"{WIDTH}" in finished.err
