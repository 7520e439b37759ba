"""Segments beside a transducer: replaced, unchecked, and as if compiled that way from the start."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS, Config
from sordino.codec.apart import Room
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.limits.errors import CompileError, DoesNotFit
from sordino.compiler.program.schedule import Program
from sordino.compiler.programs.every_frame import EveryFrame, OnDemand
from sordino.compiler.programs.serve import Served
from sordino.compiler.programs.stages import Beside, Choose
from sordino.compiler.programs.together import Together
from sordino.compiler.programs.transducer import Transducer
from sordino.compiler.programs.watch import Watch
from sordino.compiler.segment import compile_segment
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.graph.floats import FloatGraph
from sordino.graph.graph import Graph, Input, Network
from sordino.image.image import Image
from sordino.image.segments.segment import fixed_digest, segment_of, with_segment, without_segment
from sordino.isa.operations import Table, Use
from sordino.isa.registers import REFUSED, Error
from sordino.layers.heads import Argmax, Scores
from sordino.layers.linear import catalogue
from sordino.layers.node import Node
from tests.sw.compiler.programs.networks import (
    WIDTH,
    transducer_graph,
    with_branch,
    with_watch,
)

ROOM = {"matrices": 64, "tables": 64, "program_words": 1024, "parameter_words": 4096}
OPTIONS = CompileOptions(weight_bits=6)
LOOKUP = Transducer(0, 3, (), (Served("lookup", 1, "row"),))
BESIDE = Transducer(0, 3, (Beside("lookup", "row", 2),))


def machine(**more: int) -> Config:
    return PRESETS["tiny"].with_settings(ROOM | {"channels": 2} | more)


def contents(seed: int, rows: int, width: int, zeros: float = 0.0):
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(rows, width))
    return np.where(rng.random(drawn.shape) < zeros, 0.0, drawn), rng.normal(size=rows) * 0.2


def with_catalogue(
    seed: int,
    rows: int = 20,
    maximum: int = 30,
    width: int = 12,
    *,
    zeros: float = 0.0,
    on: str = "",
) -> Graph:
    """The transducer and a catalogue on its own input, or on the result of a node."""
    graph = transducer_graph()
    weight, bias = contents(seed, rows, width, zeros)
    nodes = (
        Node("rows", catalogue(weight, maximum, bias), (on or "cx",)),
        Node("row", Argmax("row"), ("rows",)),
    )
    network = Network("lookup", ("rows", "row"), segment="catalogue")
    inputs = () if on else (Input("cx", width, 5),)
    return Graph((*graph.inputs, *inputs), (*graph.nodes, *nodes), (*graph.networks, network))


def on_encoder(seed: int, rows: int = 20, **more) -> Graph:
    (last,) = transducer_graph().by_name["joint.encoder"].inputs
    return with_catalogue(seed, rows, width=transducer_graph().widths[last], on=last, **more)


def noise(seed: int, frames: int, width: int = WIDTH):
    rng = np.random.default_rng(seed)
    return rng.integers(-90, 90, (frames, width)).astype(np.int8)


def compiled(graph: Graph, program: Program, **settings: int) -> Image:
    return compile_graph(graph, program, machine(**settings), OPTIONS).image


def looked_up(image: Image, queries, frames: int = 6):
    """The run of a transducer of `frames` frames that is asked for the queries, one a frame."""
    requests = [(frame, 1) for frame in range(len(queries))]
    run = Golden(image).run({0: noise(1, frames), 1: queries}, requests=requests)
    assert run.error is Error.NONE
    return run


def test_500_rows_of_512_are_replaced_twice_beside_a_transducer() -> None:
    rows, width = 500, 512
    graphs = [with_catalogue(seed, rows, rows, width) for seed in range(3)]
    graphs.append(with_catalogue(3, 37, rows, width, zeros=0.8))
    image = compiled(graphs[0], LOOKUP)
    queries = noise(9, 5, width)
    alone = Golden(compiled(transducer_graph(), Transducer(0, 3))).run(noise(1, 6))
    said = []
    for graph in graphs[1:]:
        image = with_segment(image, compile_segment(image, graph, LOOKUP, "catalogue", OPTIONS))
        fresh = compiled(graph, LOOKUP)
        assert image.to_bytes() == fresh.to_bytes()
        run = looked_up(image, queries)
        assert run.on(0) == list(alone.tokens)
        again = looked_up(fresh, queries)
        assert (run.tokens, run.channels, run.counters) == (
            again.tokens,
            again.channels,
            again.counters,
        )
        said.append(run.on(1))
        floats = FloatGraph(graph)
        expected = [int(floats.run("lookup", {"cx": x / 32})[0]) for x in queries]
        assert sum(a == b for a, b in zip(said[-1], expected, strict=True)) >= 4
    assert len({tuple(rows) for rows in said}) == 3
    assert max(said[-1]) < 37, "rows that are not given never win"


def test_an_unchecked_segment_refuses_on_its_channel_and_nowhere_else() -> None:
    image = compiled(with_catalogue(1), LOOKUP)
    queries = noise(9, 4, 12)
    empty = looked_up(without_segment(image, "catalogue"), queries)
    full = looked_up(image, queries)
    assert empty.on(1) == [REFUSED] * 4
    assert REFUSED not in full.on(1)
    assert empty.on(0) == full.on(0) == looked_up(image, queries[:0]).on(0)


def test_a_refusal_is_said_also_where_no_token_would_be_emitted() -> None:
    graph, program = with_catalogue(1), Transducer(0, 3, (), (Served("lookup", 1),))
    scores = (*graph.nodes[:-1], Node("row", Scores(), ("rows",)))
    image = compiled(Graph(graph.inputs, scores, graph.networks), program)
    queries = noise(9, 4, 12)
    assert looked_up(image, queries).on(1) == []
    assert looked_up(without_segment(image, "catalogue"), queries).on(1) == [REFUSED] * 4


def test_a_catalogue_beside_every_frame_is_left_out_where_it_is_unchecked() -> None:
    graphs = [on_encoder(seed) for seed in (1, 2)]
    image, x = compiled(graphs[0], BESIDE), noise(1, 12)
    other = with_segment(image, compile_segment(image, graphs[1], BESIDE, "catalogue", OPTIONS))
    assert other.to_bytes() == compiled(graphs[1], BESIDE).to_bytes()
    plain = Golden(compiled(transducer_graph(), Transducer(0, 3))).run(x)
    first, second = (Golden(one).run(x) for one in (image, other))
    assert len(first.on(2)) == len(second.on(2)) == len(x)
    assert first.on(2) != second.on(2)
    empty = Golden(without_segment(image, "catalogue")).run(x, record=True)
    assert empty.on(2) == []
    for run in (first, second, empty):
        assert run.error is Error.NONE
        assert run.on(0) == list(plain.tokens)


def test_networks_by_themselves_refuse_at_their_own_entry_points() -> None:
    program = Together(
        {
            "asr": Transducer(0, 3),
            "all": EveryFrame("lookup", "row"),
            "one": OnDemand("lookup", "row"),
        }
    )
    image = compiled(with_catalogue(1), program)
    queries = noise(9, 4, 12)
    rows = list(Golden(image).run(queries, entry="all.main").tokens)
    assert len(set(rows)) > 1
    golden = Golden(image)
    golden.run(queries[:0], entry="one.reset")
    assert [golden.run(x[None], entry="one.run").tokens[0] for x in queries] == rows
    empty = Golden(without_segment(image, "catalogue"))
    assert list(empty.run(queries, entry="all.main").tokens) == [REFUSED] * 4
    empty.run(queries[:0], entry="one.reset")
    assert list(empty.run(queries[:1], entry="one.run").tokens) == [REFUSED]
    x = noise(1, 6)
    assert list(empty.run(x).tokens) == list(golden.run(x).tokens)


def in_segment(graph: Graph, *names: str) -> Graph:
    networks = [
        replace(network, segment=f"of {network.name}") if network.name in names else network
        for network in graph.networks
    ]
    return Graph(graph.inputs, graph.nodes, tuple(networks))


def test_a_watch_of_an_unchecked_segment_hears_nothing() -> None:
    graph = with_watch(transducer_graph(), np.random.default_rng(4))
    program = Transducer(0, 3, (Watch("wake", 1, -100.0, 2, token=77, channel=3),))
    x = noise(5, 6)
    plain = Golden(compiled(graph, program)).run(x)
    image = compiled(in_segment(graph, "wake"), program)
    full, empty = (Golden(one).run(x) for one in (image, without_segment(image, "of wake")))
    assert full.on(3) == plain.on(3) == [77]
    assert empty.on(3) == []
    assert full.on(0) == empty.on(0) == plain.on(0)


def test_a_branch_to_an_unchecked_segment_takes_the_first_network() -> None:
    graph = with_branch(transducer_graph(), np.random.default_rng(3))
    program = Transducer(0, 3, (Choose("choice", ("shallow", "deep")),))
    image, x = compiled(in_segment(graph, "deep"), program), noise(1, 24)
    empty = Golden(without_segment(image, "of deep")).run(x)
    shallow = Transducer(0, 3, (Choose("choice", ("shallow",)),))
    always = Golden(compiled(graph, shallow)).run(x)
    assert list(empty.tokens) == list(always.tokens)
    assert list(Golden(image).run(x).tokens) != list(always.tokens)
    with pytest.raises(InputError, match="network shallow outside of segments"):
        compiled(in_segment(graph, "shallow"), program)


@pytest.mark.parametrize("name", ["joint", "encoder", "prediction"])
def test_what_a_transducer_cannot_do_without_is_in_no_segment(name: str) -> None:
    with pytest.raises(InputError, match="segment"):
        compiled(in_segment(transducer_graph(), name), Transducer(0, 3))


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")  # few bits leave little
@given(
    seed=st.integers(0, 1 << 30),
    rows=st.integers(1, 40),
    more=st.integers(0, 20),
    width=st.integers(1, 30),
    zeros=st.sampled_from([0.0, 0.5, 0.97]),
    bits=st.integers(2, 8),
    preset=st.sampled_from(["tiny", "tiny-unstructured", "small"]),
    slots=st.integers(1, 4),
)
@settings(deadline=None, max_examples=12)
def test_contents_of_any_kind_take_the_place_of_others(
    seed, rows, more, width, zeros, bits, preset, slots
) -> None:
    config = PRESETS[preset].with_settings(
        ROOM | {"channels": 2, "run_slots": slots, "value_slots": slots}
    )
    options = CompileOptions(weight_bits=bits)
    rng = np.random.default_rng(seed)
    maximum = rows + more
    first = with_catalogue(seed, int(rng.integers(1, maximum + 1)), maximum, width)
    second = with_catalogue(seed + 1, rows, maximum, width, zeros=zeros)
    image = compile_graph(first, LOOKUP, config, options).image
    segment = compile_segment(image, second, LOOKUP, "catalogue", options)
    made = with_segment(image, segment)
    assert made.to_bytes() == compile_graph(second, LOOKUP, config, options).image.to_bytes()
    again = with_segment(made, segment_of(image, "catalogue"))
    assert again.to_bytes() == image.to_bytes()
    queries = rng.integers(-128, 128, (3, width)).astype(np.int8)
    assert max(looked_up(made, queries).on(1)) < rows


def test_two_segments_are_replaced_one_by_one() -> None:
    def graph(first: int, second: int) -> Graph:
        one = with_catalogue(first)
        weight, bias = contents(second, 9, 7)
        nodes = (Node("n", catalogue(weight, 9, bias), ("nx",)), Node("n.t", Argmax("n"), ("n",)))
        network = Network("names", ("n", "n.t"), segment="names")
        return Graph(
            (*one.inputs, Input("nx", 7, 5)), (*one.nodes, *nodes), (*one.networks, network)
        )

    program = Transducer(0, 3, (), (*LOOKUP.serves, Served("names", 2, "n")))

    def image_of(*seeds: int) -> Image:
        return compiled(graph(*seeds), program, channels=3)

    image = image_of(1, 1)
    rooms = list(image.host.segments.values())
    for what in ("matrices", "positions", "values", "parameters", "tables"):
        (begin, words), (after, _) = (getattr(room, what) for room in rooms)
        assert words, what
        assert after == begin + words, what
    names = compile_segment(image, graph(1, 2), program, "names", OPTIONS)
    image = with_segment(image, names)
    assert image.to_bytes() == image_of(1, 2).to_bytes()
    rows = compile_segment(image, graph(2, 1), program, "catalogue", OPTIONS)
    image = with_segment(image, rows)
    assert image.to_bytes() == image_of(2, 2).to_bytes()


def test_no_table_of_a_segment_is_loaded_ahead_of_its_use() -> None:
    for program in (LOOKUP, BESIDE):
        graph = with_catalogue(1) if program is LOOKUP else on_encoder(1)
        for slots in (1, 2, 3, 9):
            image = compiled(graph, program, run_slots=slots, value_slots=slots)
            (room,) = image.host.segments.values()
            first, _ = room.tables
            loads = [n for n, i in enumerate(image.program) if isinstance(i, Table)]
            loads = [n for n in loads if image.program[n].source >= first]
            uses = [n for n, i in enumerate(image.program) if isinstance(i, Use)]
            assert uses
            assert len(loads) == 2 * len(uses)
            assert all(any(0 < load - use < 6 for use in uses) for load in loads)


def test_segments_stay_resident_where_all_else_is_streamed() -> None:
    config = machine(stream_bus=64, lane_words=4096, group_words=4096)
    for weights in ("streamed", "auto"):
        options = replace(OPTIONS, weights=weights)
        images = [
            compile_graph(with_catalogue(seed), LOOKUP, config, options).image for seed in (1, 2)
        ]
        (room,) = images[0].host.segments.values()
        marks = [matrix.streamed for matrix in images[0].matrices]
        assert marks == [weights == "streamed"] * room.matrices[0] + [False]
        segment = compile_segment(images[0], with_catalogue(2), LOOKUP, "catalogue", options)
        assert with_segment(images[0], segment).to_bytes() == images[1].to_bytes()
    tight = machine(stream_bus=64, lane_words=256, group_words=256)
    (room,) = images[0].host.segments.values()
    image = compile_graph(with_catalogue(1), LOOKUP, tight, replace(OPTIONS, weights="auto")).image
    assert any(matrix.streamed for matrix in image.matrices)
    assert not image.matrices[-1].streamed


def test_rooms_count_as_the_machine_does() -> None:
    taken = compiled(with_catalogue(1), LOOKUP)
    (room,) = taken.host.segments.values()
    words = 2 * sum(room.values)
    assert compiled(with_catalogue(1), LOOKUP, lane_words=words)
    with pytest.raises(DoesNotFit, match=f"needs {words} lane_words"):
        compiled(with_catalogue(1), LOOKUP, lane_words=words - 1)
    positions = 2 * sum(room.positions)
    with pytest.raises(DoesNotFit, match=f"needs {positions} group_words"):
        compiled(with_catalogue(1), LOOKUP, group_words=positions - 1)


def test_a_room_may_be_stated_and_bounds_what_comes_later() -> None:
    sparse = [with_catalogue(seed, zeros=0.9) for seed in (1, 2)]
    options = replace(OPTIONS, rooms={"catalogue": Room(4, 8)})
    image = compile_graph(sparse[0], LOOKUP, machine(), options).image
    (room,) = image.host.segments.values()
    assert (room.positions[1], room.values[1]) == (4, 8)
    segment = compile_segment(image, sparse[1], LOOKUP, "catalogue", OPTIONS)
    fresh = compile_graph(sparse[1], LOOKUP, machine(), options).image
    assert with_segment(image, segment).to_bytes() == fresh.to_bytes()
    with pytest.raises(DoesNotFit, match="catalogue does not fit its room") as refusal:
        compile_segment(image, with_catalogue(2), LOOKUP, "catalogue", OPTIONS)
    assert "\n" not in str(refusal.value)
    with pytest.raises(CompileError, match="rooms of segments of the graph, got one of 'x'"):
        compile_graph(sparse[0], LOOKUP, machine(), replace(OPTIONS, rooms={"x": Room(1, 1)}))
    chunked = replace(OPTIONS, chunk=2, rooms={"x": Room(1, 1)})
    with pytest.raises(CompileError, match="rooms of segments of the graph, got one of 'x'"):
        compile_graph(transducer_graph(), LOOKUP, machine(stream_bus=64), chunked)


def test_a_segment_that_would_change_the_rest_is_refused() -> None:
    image = compiled(with_catalogue(1), LOOKUP)

    def refused(match: str, graph: Graph, program: Program = LOOKUP, **more) -> None:
        with pytest.raises(CompileError, match=match) as refusal:
            compile_segment(image, graph, program, "catalogue", replace(OPTIONS, **more))
        assert "\n" not in str(refusal.value)

    refused("rows.weight. has rows 15, not 8", with_catalogue(1, maximum=60))
    refused("may find 30, not 29 at most", with_catalogue(1, maximum=31))
    refused("rows.weight. has columns 13, not 12", with_catalogue(1, width=13))
    refused("has multiplier", with_catalogue(1), weight_bits=5)
    refused("value 4, not 3", with_catalogue(1), replace(LOOKUP, max_symbols=4))
    refused("segments catalogue, got one with none", transducer_graph())
    other = with_catalogue(1)
    token = other.by_name["joint.output"].layer
    refused(
        "parameters, tables or matrices outside",
        other.with_layers({"joint.output": replace(token, bias=token.bias + 0.25)}),
    )
    with pytest.raises(InputError, match="got 'names'; it has catalogue"):
        compile_segment(image, with_catalogue(1), LOOKUP, "names", OPTIONS)
    with pytest.raises(InputError, match="1 to 30 rows in catalogue rows, got 31"):
        compile_segment(image, with_catalogue(1, 31), LOOKUP, "catalogue", OPTIONS)


def test_pruning_of_a_segment_leaves_the_rest_alone() -> None:
    options = replace(OPTIONS, sparsity=0.6, shares="layer_adaptive")
    images = [
        compile_graph(with_catalogue(seed), LOOKUP, machine(), options).image for seed in (1, 2)
    ]
    assert fixed_digest(images[0]) == fixed_digest(images[1])
    (room,) = images[0].host.segments.values()
    assert images[0].host.non_zeros[room.matrices[0]] < 20 * 12 * 0.5


def test_a_chunk_and_segments_do_not_go_together() -> None:
    options = replace(OPTIONS, chunk=2, weights="streamed")
    with pytest.raises(CompileError, match="without segments for a chunk"):
        compile_graph(with_catalogue(1), Transducer(0, 3), machine(stream_bus=64), options)
