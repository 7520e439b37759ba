"""Addresses: no two vectors share a word, and a frame's vectors stand side by side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.limits.limits import Limits
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.addresses import Addresses, allocate
from sordino.compiler.passes.place import PlacedGraph, place_all, place_graph
from sordino.compiler.passes.quantise import quantise_graph
from sordino.compiler.passes.rounded import quantise_model
from sordino.layers.base.places import Memory, Where
from sordino.layers.heads import Scores
from sordino.layers.stack import Stack
from sordino.model.random_rnnt import random_model
from sordino.model.reduction import TimeReduction
from tests.sw.graph.drawn import drawn_graph

INPUTS, WIDTH, JOINT = 20, 5, 10
RECURRENT = {"encoder.0": 12, "encoder.1": 9, "prediction.0": 7}


def addresses(reduction: TimeReduction, chunk: int = 1, rows: int = 16) -> Addresses:
    times = (reduction.after, reduction.factor) if reduction.after else None
    model = random_model(
        3,
        inputs=INPUTS,
        encoder=(12, 9),
        embedding=WIDTH,
        prediction=(7,),
        joint=JOINT,
        time_reduction=times,
    )
    assert model.time_reduction == reduction
    quantised = quantise_model(model, 5, 32)
    placed = place_graph(quantised, PRESETS["tiny"].with_settings({"rows_per_lane": rows}))
    return allocate(placed, chunk)


CASES = [(TimeReduction(), 1), (TimeReduction(1, 2), 1), (TimeReduction(), 3)]


@pytest.mark.parametrize(("reduction", "chunk"), CASES)
@pytest.mark.parametrize("rows", [1, 16])
def test_no_two_vectors_share_a_word(reduction: TimeReduction, chunk: int, rows: int) -> None:
    found = addresses(reduction, chunk, rows)
    units = [(found.nodes[name], count) for name, count in RECURRENT.items()]
    ranges = [(found.inputs["x"].base, INPUTS * chunk)]
    ranges += [(found.nodes["prediction.embedding"].out.base, WIDTH)]
    ranges += [(found.nodes["joint"].out.base, JOINT)]
    times = [
        (reduction.factor if name == "encoder.0" else 1) * (chunk if "encoder" in name else 1)
        for name in RECURRENT
    ]
    assert times == [where.out.copies for where, _ in units]
    ranges += [(where.out.base, n * t) for (where, n), t in zip(units, times, strict=True)]
    tiled = [(where, n) for where, n in units if "scratch" in where.at]
    assert bool(tiled) == (rows == 1)
    scratch = {where.at["scratch"] for where, _ in tiled}
    assert len(scratch) <= 1
    ranges += [(out, max(n for _, n in tiled)) for out in scratch]
    words = [word for first, count in ranges for word in range(first, first + count)]
    assert len(words) == len(set(words))
    assert max(words) < found.memory.activation.used
    cells = [(where.at["state"], n) for where, n in units]
    state = [word for first, n in cells for word in range(first, first + n)]
    assert len(state) == len(set(state))
    halves = [found.nodes[f"joint.{part}"] for part in ("encoder", "prediction")]
    assert max(state) < min(half.out.base for half in halves)
    scores = found.nodes["scores"].out
    assert scores.base + scores.stride == found.memory.state.used


def test_each_layer_reads_what_the_one_before_writes() -> None:
    found = addresses(TimeReduction())
    first, second, predicted = (found.nodes[name] for name in RECURRENT)
    assert [where.sources for where in (first, second)] == [(found.inputs["x"],), (first.out,)]
    assert predicted.sources == (found.nodes["prediction.embedding"].out,)
    assert not any("scratch" in where.at for where in (first, second))


def test_frames_of_a_group_read_the_vector_before_and_write_their_own() -> None:
    found = addresses(TimeReduction(1, 2))
    first, second = found.nodes["encoder.0"], found.nodes["encoder.1"]
    assert first.out.stride == 12

    def before_and_after(where: Where, frame: int) -> tuple[int, int]:
        return where.out.at(frame - 1), where.out.at(frame)

    base = first.out.base
    assert before_and_after(first, 0) == (base + 12, base), "the last frame's of the group before"
    assert before_and_after(first, 1) == (base, base + 12)
    assert before_and_after(second, 0) == before_and_after(second, 1)
    assert second.sources[0].at(0) == second.sources[0].at(1) == base


def test_frames_of_a_chunk_have_inputs_and_outputs_of_their_own() -> None:
    found = addresses(TimeReduction(), 3)
    first, second = found.nodes["encoder.0"], found.nodes["encoder.1"]
    (x,), (h,) = first.sources, second.sources
    for frame in range(3):
        assert x.at(frame) == x.base + INPUTS * frame
        assert first.out.at(frame) == first.out.base + 12 * frame
        assert first.out.at(frame - 1) == first.out.base + 12 * ((frame - 1) % 3)
        assert h.at(frame) == first.out.at(frame)


Ranges = dict[Memory, list[tuple[str, int, int]]]


def given_out(placed: PlacedGraph, at: Addresses) -> Ranges:
    """Every word that a layer may write or reads of its own: whose it is, the first, how many."""
    found: Ranges = {memory: [] for memory in Memory}
    for name, vector in at.inputs.items():
        width = placed.graph.widths[name]
        for copy in range(vector.copies):
            found[Memory.ACTIVATION].append((name, vector.at(copy), width))
    scratch: list[tuple[int, int]] = []
    for name, where in at.nodes.items():
        for buffer in placed.graph.by_name[name].layer.buffers(where.site):
            if buffer.memory is Memory.PARAMETERS:
                first = where.at[buffer.name]
                stored = at.memory.parameters.contents[16 * first :][: len(buffer.contents)]
                assert bytes(stored) == buffer.contents, f"{buffer.name} of {name}"
                found[buffer.memory].append((name, first, -(-len(buffer.contents) // 16)))
            elif buffer.name == "out":
                for copy in range(where.out.copies):
                    last = copy == where.out.copies - 1
                    # What is behind a frame's results may be the next frame's.
                    words = buffer.words if last else min(where.out.stride, buffer.words)
                    assert words >= where.site.outputs or isinstance(
                        placed.graph.by_name[name].layer, Scores
                    )
                    found[buffer.memory].append((name, where.out.at(copy), words))
            elif buffer.name in where.at and buffer.name == "scratch":
                scratch.append((where.at[buffer.name], buffer.words))
            elif buffer.name in where.at:
                found[buffer.memory].append((name, where.at[buffer.name], buffer.words))
    if scratch:
        assert len({first for first, _ in scratch}) == 1, "one for all"
        words = max(words for _, words in scratch)
        found[Memory.ACTIVATION].append(("scratch", scratch[0][0], words))
    return found


@given(
    seed=st.integers(0, 2**32 - 1),
    both=st.booleans(),
    chunk=st.integers(1, 4),
    rows=st.integers(1, 16),
    lanes=st.sampled_from(["tiny", "tiny-unstructured", "small"]),
)
@settings(max_examples=150, deadline=None)
def test_no_two_buffers_of_any_graph_share_a_word(
    seed: int, both: bool, chunk: int, rows: int, lanes: str
) -> None:
    graph, factor = drawn_graph(seed, both)
    quantised = quantise_graph(graph, Precision(5), 32)
    config = PRESETS[lanes].with_settings({"rows_per_lane": rows})
    placed = place_all(quantised, Limits(config))
    at = allocate(placed, chunk if factor == 1 else 1)
    used = {
        Memory.ACTIVATION: at.memory.activation.used,
        Memory.STATE: at.memory.state.used,
        Memory.PARAMETERS: len(at.memory.parameters.contents) // 16,
    }
    for memory, ranges in given_out(placed, at).items():
        end, last = 0, ""
        for name, first, words in sorted(ranges, key=lambda one: one[1:]):
            assert first >= end, f"{name} and {last} in {memory.value}"
            end, last = first + words, name
        assert end == used[memory], f"{memory.value} holds nothing else"


@given(seed=st.integers(0, 2**32 - 1), both=st.booleans(), chunk=st.integers(2, 4))
@settings(max_examples=50, deadline=None)
def test_each_frame_of_a_chunk_or_of_a_group_has_a_copy(seed: int, both: bool, chunk: int) -> None:
    graph, factor = drawn_graph(seed, both)
    placed = place_all(quantise_graph(graph, Precision(5), 32), Limits(PRESETS["small"]))
    at = allocate(placed, 1 if factor > 1 else chunk)
    stacked = {n.inputs[0] for n in graph.nodes if isinstance(n.layer, Stack)}
    for name, where in at.nodes.items():
        layer = graph.by_name[name].layer
        written = any(one.name == "out" and one.copied for one in layer.buffers(where.site))
        if not written:
            continue
        group = factor if name in stacked else 1
        frames = group if factor > 1 or not both else chunk
        assert where.out.copies == frames, name
        assert len({where.out.at(frame) for frame in range(frames)}) == frames
        assert where.out.at(frames) == where.out.at(0) == where.out.base
        assert where.out.at(-1) == where.out.at(frames - 1), "the frame before the first"
        if name in stacked:
            assert where.out.stride == graph.widths[name], "side by side"
        assert where.alone.out.at(3) == where.out.base
