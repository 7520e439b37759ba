"""Addresses: no two vectors share a word, and a frame's vectors stand side by side."""

import pytest

from sordino.arch import PRESETS
from sordino.compiler.passes.addresses import Addresses, allocate
from sordino.compiler.passes.place import place_graph
from sordino.compiler.passes.rounded import quantise_model
from sordino.layers.base.places import Where
from sordino.model.random_rnnt import random_model
from sordino.model.reduction import TimeReduction

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
