"""Addresses: no two vectors share a word, and a frame's vectors stand side by side."""

import pytest
from sordino.compiler.layout.addresses import Addresses
from sordino.compiler.layout.place import place_model
from sordino.compiler.numbers.quantise import quantise_model

from sordino.arch import PRESETS
from sordino.model.random_rnnt import random_model
from sordino.model.reduction import TimeReduction

INPUTS = 20


def addresses(reduction: TimeReduction, chunk: int = 1, rows: int = 16) -> Addresses:
    times = (reduction.after, reduction.factor) if reduction.after else None
    model = random_model(
        3, inputs=INPUTS, encoder=(12, 9), prediction=(7,), joint=10, time_reduction=times
    )
    assert model.time_reduction == reduction
    quantised = quantise_model(model, 5, 32)
    placed = place_model(quantised, PRESETS["tiny"].with_settings({"rows_per_lane": rows}))
    return Addresses(INPUTS, quantised, placed, reduction, chunk)


CASES = [(TimeReduction(), 1), (TimeReduction(1, 2), 1), (TimeReduction(), 3)]


@pytest.mark.parametrize(("reduction", "chunk"), CASES)
@pytest.mark.parametrize("rows", [1, 16])
def test_no_two_vectors_share_a_word(reduction: TimeReduction, chunk: int, rows: int) -> None:
    found = addresses(reduction, chunk, rows)
    units = [(layer, len(layer.placed.layout.order)) for layer in found.encoder + found.prediction]
    ranges = [(found.x, INPUTS * chunk), (found.embedded, found.width), (found.joint, 10)]
    times = [layer.frames * (chunk if layer in found.encoder else 1) for layer, _ in units]
    ranges += [(layer.h, n * t) for (layer, n), t in zip(units, times, strict=True)]
    scratch = {layer.out for layer, _ in units if layer.copied}
    assert len(scratch) <= 1
    ranges += [(out, max(n for layer, n in units if layer.copied)) for out in scratch]
    words = [word for first, count in ranges for word in range(first, first + count)]
    assert len(words) == len(set(words))
    assert max(words) < found.memory.activation.used
    state = [word for layer, n in units for word in range(layer.c, layer.c + n)]
    assert len(state) == len(set(state))
    assert max(state) < min(half.state for half in found.halves)
    assert found.scores + found.outputs == found.memory.state.used


def test_each_layer_reads_what_the_one_before_writes() -> None:
    found = addresses(TimeReduction())
    assert [layer.source for layer in found.encoder] == [found.x, found.encoder[0].h]
    assert found.prediction[0].source == found.embedded
    assert not any(layer.copied for layer in found.encoder)
    assert all(layer.out == layer.h for layer in found.encoder)


def test_frames_of_a_group_read_the_vector_before_and_write_their_own() -> None:
    first, second = addresses(TimeReduction(1, 2)).encoder
    early, late = first.in_frame(0), first.in_frame(1)
    assert (early.h, early.out) == (first.h + 12, first.h), "the last frame's of the group before"
    assert (late.h, late.out) == (first.h, first.h + 12)
    assert second.in_frame(0) == second
    assert second.source == first.h


def test_frames_of_a_chunk_have_inputs_and_outputs_of_their_own() -> None:
    first, second = addresses(TimeReduction(), 3).encoder
    for frame in range(3):
        x, h = first.in_chunk(frame, 3), second.in_chunk(frame, 3)
        assert x.source == first.source + INPUTS * frame
        assert (x.h, x.out) == (first.h + 12 * ((frame - 1) % 3), first.h + 12 * frame)
        assert h.source == x.out
