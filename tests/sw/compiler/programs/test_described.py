"""What an image says of its networks is what its program does with them."""

from collections.abc import Mapping

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
from sordino.driver import Host
from sordino.engines.amaranth.machine import Simulated
from sordino.engines.engine import OpenEngine
from sordino.engines.hosted import Hosted
from sordino.engines.native.rtl import Rtl
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.graph.floats import FloatGraph
from sordino.graph.graph import Graph, Input, Network
from sordino.image.checks.networks import kept_ranges
from sordino.image.image import Image
from sordino.image.section.networks import ImageNetwork, NetworkInput, NetworkTokens
from sordino.isa.fields import Store
from sordino.layers.heads import Argmax
from sordino.layers.linear import Linear
from sordino.layers.node import Node
from sordino.rtl.top import Sordino
from sordino.stimuli.axi import AxiLiteManager
from sordino.stimuli.board import SimulatedBoard
from tests.sw.compiler.programs.networks import (
    DEMAND,
    KEYWORD,
    WIDTH,
    transducer_graph,
    with_branch,
    with_networks,
    with_watch,
)

ROOM = {"matrices": 64, "tables": 64, "program_words": 512, "parameter_words": 1024}
SMALL = {"lanes": 4, "group": 4, "lane_words": 64, "group_words": 64, "activation_words": 64}
SMALL |= {"state_words": 64, "parameter_words": 64, "program_words": 64, "rows_per_lane": 4}
SMALL |= {"tables": 8, "matrices": 4, "state_bits": 5}
WORDS = ("<none>", "on", "off", "up", "down")


def image_of(graph: Graph, program: Program, texts=None, bits: int = 6, **settings: int) -> Image:
    config = PRESETS["tiny"].with_settings(ROOM | settings)
    options = CompileOptions(weight_bits=bits)
    image = compile_graph(graph, program, config, options, texts=texts).image
    return Image.from_bytes(image.to_bytes())


def noise(seed: int, frames: int, width: int = WIDTH):
    return np.random.default_rng(seed).integers(-90, 90, (frames, width)).astype(np.int8)


def networks_graph() -> Graph:
    return with_networks(transducer_graph(), np.random.default_rng(3))


def served_image(**settings: int) -> Image:
    served = (Served("keyword", 1, "word"), Served("demand", 2, "name"))
    texts = {"keyword": WORDS}
    return image_of(networks_graph(), Transducer(0, 3, (), served), texts, channels=3, **settings)


def together_image() -> Image:
    program = Together(
        {
            "asr": Transducer(0, 3),
            "kw": EveryFrame("keyword", "word"),
            "d": OnDemand("demand", "name"),
        }
    )
    return image_of(networks_graph(), program)


def kept(engine: OpenEngine, network: ImageNetwork) -> list[np.ndarray]:
    return [engine.read(store, *words) for store, words in kept_ranges(network.state)]


def put_back(engine: OpenEngine, network: ImageNetwork, values: list[np.ndarray]) -> None:
    for (store, (first, _)), value in zip(kept_ranges(network.state), values, strict=True):
        engine.write(store, first, value)


def test_a_host_finds_what_is_served_beside_the_transducer() -> None:
    networks = served_image().host.networks
    assert set(networks) == {"transducer", "keyword", "demand"}
    own, keyword, demand = (networks[name] for name in ("transducer", "keyword", "demand"))
    assert own.entries == {n: n for n in ("main", "reset", "encode", "advance", "score")}
    assert own.input == NetworkInput(channel=0, count=WIDTH, fraction=5)
    assert own.tokens == NetworkTokens(channel=0, numbers=(0, 9), blank=0, most=3)
    assert own.search is not None
    assert own.results["scores"].step == 2.0**-own.search.fraction
    assert (keyword.entries, keyword.request) == ({"main": "main"}, 1)
    assert keyword.input == NetworkInput(channel=1, count=KEYWORD, fraction=5)
    assert keyword.tokens == NetworkTokens(channel=1, numbers=(0, 5), texts=WORDS)
    assert demand.input == NetworkInput(channel=2, count=DEMAND, fraction=5)
    assert (demand.request, list(kept_ranges(demand.state))) == (2, [])
    assert keyword.search is None


def test_a_program_of_several_has_entry_points_by_what_they_do() -> None:
    image = together_image()
    networks = image.host.networks
    assert set(networks) == {"asr", "kw", "d"}
    assert networks["kw"].entries == {"main": "kw.main", "go": "kw.go"}
    assert networks["d"].entries == {"reset": "d.reset", "run": "d.run"}
    assert networks["asr"].entries["encode"] == "encode"
    for entry in networks["kw"].entries.values():
        assert image.host.token_channels(entry) == {"kw": 0}


def test_tokens_are_found_by_the_name_of_the_network() -> None:
    image = served_image()
    heard = {0: noise(1, 3), 1: noise(2, 2, KEYWORD), 2: noise(3, 1, DEMAND)}
    requests = [(0, 1), (2, 2), (4, 1)]
    for engine in (Golden(image), Rtl(image), Cycles(image)):
        run = engine.run(heard, requests=requests)
        by_name = {name: run.on(name) for name in image.host.networks}
        assert by_name == {"transducer": run.on(0), "keyword": run.on(1), "demand": run.on(2)}
        assert [len(by_name[name]) for name in ("keyword", "demand")] == [2, 1]
        with pytest.raises(InputError, match="got 'wake'; there are"):
            run.on("wake")
    # What another entry point runs is not what this one said.
    run = Golden(together_image()).run(noise(2, 3, KEYWORD), entry="kw.main")
    assert len(run.on("kw")) == 3
    with pytest.raises(InputError, match="got 'asr'; there are kw"):
        run.on("asr")


def test_a_channel_of_two_networks_names_neither() -> None:
    graph = with_watch(transducer_graph(), np.random.default_rng(4))
    image = image_of(graph, Transducer(0, 3, (Watch("wake", 1, -100.0, 1, token=77),)))
    run = Golden(image).run(noise(1, 3))
    assert 77 in run.on(0)
    for name in ("wake", "transducer"):
        with pytest.raises(InputError, match=f"{name} to emit on a channel of its own"):
            run.on(name)


def scores(engine: OpenEngine, image: Image, network: str, layer: str) -> np.ndarray:
    result = image.host.networks[network].results[layer]
    store = {"activation": Store.ACTIVATION, "state": Store.STATE}[result.memory]
    words = np.concatenate([engine.read(store, word, 1) for word in result.words])
    return words * result.step


def test_results_are_where_and_what_the_image_says() -> None:
    graph = with_watch(transducer_graph(), np.random.default_rng(4))
    watch = Watch("wake", 1, 100.0, 1, token=77, channel=3)
    image = image_of(graph, Transducer(0, 3, (watch,)), {"wake": ["hey"]}, bits=8)
    wake = image.host.networks["wake"]
    assert wake.tokens == NetworkTokens(channel=3, numbers=(77, 1), texts=("hey",))
    assert wake.entries == {"main": "main", "encode": "encode"}
    assert wake.input is None
    golden, circuit, floats = Golden(image), Rtl(image), FloatGraph(graph)
    for frame in noise(5, 6):
        floats.run(
            "encoder", {"x": frame * 2.0 ** -image.host.networks["transducer"].input.fraction}
        )
    floats.run("wake")
    for engine in (golden, circuit):
        engine.run(noise(5, 6))
        np.testing.assert_allclose(
            scores(engine, image, "wake", "w.scores"), floats.results["w.out"], atol=0.15
        )
        half = scores(engine, image, "transducer", "joint.encoder")
        np.testing.assert_allclose(half, floats.results["joint.encoder"], atol=0.1)
        # What the watch reads of the encoder stands there for everyone, int8.
        last = scores(engine, image, "transducer", "encoder.0")
        np.testing.assert_allclose(last, floats.results["encoder.0"], atol=0.05)


@pytest.mark.parametrize("engine", [Golden, Rtl])
def test_what_a_network_keeps_is_all_that_it_keeps(engine) -> None:
    """Two speakers share a network: each hears what it hears alone."""
    image = together_image()
    network = image.host.networks["kw"]
    first, second = noise(1, 6, KEYWORD), noise(2, 6, KEYWORD)
    machine = engine(image)
    alone = [list(machine.run(x, entry="kw.main").on("kw")) for x in (first, second)]
    assert alone[0] != alone[1]
    machine.run(first[:0], entry="kw.main")
    fresh = kept(machine, network)
    assert not any(value.any() for value in fresh)
    states, said = [fresh, fresh], [[], []]
    for frame in range(6):
        for number, x in enumerate((first, second)):
            put_back(machine, network, states[number])
            said[number] += machine.run(x[frame : frame + 1], entry="kw.go").on("kw")
            states[number] = kept(machine, network)
            machine.run(noise(9, 2))
    assert said == alone


@pytest.mark.parametrize("both", [False, True])
def test_the_product_that_stays_in_its_bank_is_kept(both: bool) -> None:
    """The recurrent product of the frame before is state of a network of both banks."""
    rng = np.random.default_rng(3)
    graph = with_networks(transducer_graph(), rng)
    own = {n for net in ("keyword",) for n in graph.network(net).nodes}
    nodes = tuple(node for node in graph.nodes if node.name in own)
    graph = Graph(
        (Input("kx", KEYWORD, 5),),
        nodes,
        (Network("keyword", tuple(node.name for node in nodes), both_banks=both),),
    )
    image = image_of(graph, EveryFrame("keyword", "word"))
    network = image.host.networks["keyword"]
    assert bool(network.state.bank1) == both
    x, machine = noise(1, 8, KEYWORD), Golden(image)
    alone = list(machine.run(x).tokens)
    said = list(machine.run(x[:4]).tokens)
    values = kept(machine, network)
    machine.run(noise(2, 3, KEYWORD), entry="go")
    put_back(machine, network, values)
    assert said + list(machine.run(x[4:], entry="go").tokens) == alone


def test_branches_belong_to_the_network_that_chooses() -> None:
    graph = with_branch(transducer_graph(), np.random.default_rng(3))
    image = image_of(graph, Transducer(0, 3, (Choose("choice", ("shallow", "deep")),)))
    assert list(image.host.networks) == ["transducer"]
    state = image.host.networks["transducer"].state
    plain = image_of(transducer_graph(), Transducer(0, 3)).host.networks["transducer"].state
    sizes = [sum(n for _, n in one.state) for one in (state, plain)]
    assert sizes[0] == sizes[1] + 12, "the GRU of the deep branch"


def test_networks_that_share_a_layer_say_so() -> None:
    graph = networks_graph()
    last = "k.0"
    nodes = (*graph.nodes, Node("extra", Linear(np.eye(8), np.zeros(8)), (last,)))
    graph = Graph(graph.inputs, nodes, (*graph.networks, Network("also", ("k.0", "extra"))))
    program = Together({"kw": EveryFrame("keyword", "word"), "also": EveryFrame("also"),
                        "asr": Transducer(0, 3), "d": OnDemand("demand", "name")})  # fmt: skip
    networks = image_of(graph, program).host.networks
    assert {name: one.shares for name, one in networks.items()} == {
        "kw": ("also",), "also": ("kw",), "asr": (), "d": (),
    }  # fmt: skip
    assert networks["also"].tokens is None
    assert networks["also"].results["extra"].memory == "state"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"wake": ["a"]}, "wanted texts for networks that emit tokens .*got some for 'wake'"),
        ({"keyword": ["a", "b"]}, "wanted 5 texts for the tokens of keyword, got 2"),
    ],
)
def test_texts_that_are_no_network_s_are_refused(
    texts: Mapping[str, list[str]], message: str
) -> None:
    served = (Served("keyword", 1, "word"),)
    with pytest.raises(CompileError, match=message):
        image_of(networks_graph(), Transducer(0, 3, (), served), texts, channels=2)


def test_two_networks_of_one_name_are_refused() -> None:
    served = (Served("keyword", 1, "word"),)
    program = Together(
        {"asr": Transducer(0, 3, (), served), "keyword": EveryFrame("keyword", "word")}
    )
    with pytest.raises(InputError, match="got keyword twice; name"):
        image_of(networks_graph(), program, channels=2)


def test_every_engine_knows_the_networks_of_its_run() -> None:
    graph = Graph(
        (Input("x", 2, 5),),
        (
            Node("out", Linear(np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros(2)), ("x",)),
            Node("token", Argmax("word"), ("out",)),
        ),
        (Network("which", ("out", "token")),),
    )
    image = image_of(graph, EveryFrame("which", "word"), **SMALL)
    x = np.array([[1, 50], [50, 1], [2, 60]], np.int8)
    top = Sordino(image.config)
    host = Host(SimulatedBoard(top, AxiLiteManager(top.s_axi)))
    host.load(image)
    runs = [
        engine.run(x)
        for engine in (Golden(image), Rtl(image), Cycles(image), Simulated(image), Hosted(host))
    ]
    for run in runs:
        assert run.networks == {"which": 0}
        assert run.on("which") == run.on(0) == [0, 1, 0]
