"""Segments of compiled programs on the circuit: equal to golden, and to the model of its cycles."""

import numpy as np
import pytest

from sordino.cycles.engine import Cycles
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.image.segments.segment import Segment, segment_of, with_segment, without_segment
from sordino.isa.registers import REFUSED
from tests.sw.compiler.programs.test_segments import (
    BESIDE,
    LOOKUP,
    compiled,
    noise,
    on_encoder,
    with_catalogue,
)

SLOTS = {
    "one slot": {"run_slots": 1, "value_slots": 1},
    "two slots": {"run_slots": 2, "value_slots": 2},
}


def same_after_loading(image: Image, segments: list[Segment], features, **more) -> list:
    """Golden, circuit and cycle model agree before and after each segment is loaded; all tokens."""
    golden, circuit, timed = Golden(image), Rtl(image), Cycles(image)
    said = []
    for segment in (None, *segments):
        if segment is not None:
            for engine in (golden, circuit, timed):
                engine.load_segment(segment)
        found = compare(golden.image, golden, circuit, features, **more)
        assert found.identical, found
        run = circuit.run(features, **more)
        assert timed.run(features, **more).counters == run.counters
        stalled = circuit.run(features, feature_gap=50, token_gap=80, **more)
        assert (stalled.tokens, stalled.channels) == (run.tokens, run.channels)
        said.append(run)
    return said


@pytest.mark.parametrize("slots", SLOTS)
def test_a_served_catalogue_is_replaced_on_the_circuit(slots: str) -> None:
    image, other = (compiled(with_catalogue(seed), LOOKUP, **SLOTS[slots]) for seed in (1, 2))
    features = {0: noise(1, 5), 1: noise(9, 4, 12)}
    requests = [(frame, 1) for frame in range(4)]
    segments = [segment_of(one, "catalogue") for one in (other, image)]
    empty = without_segment(image, "catalogue")
    none, second, first = same_after_loading(empty, segments, features, requests=requests)
    assert none.on(1) == [REFUSED] * 4
    assert first.on(1) == Golden(image).run(features, requests=requests).on(1)
    assert first.on(1) != second.on(1)
    assert none.on(0) == second.on(0) == first.on(0)


@pytest.mark.parametrize("slots", SLOTS)
def test_a_catalogue_beside_every_frame_is_replaced_on_the_circuit(slots: str) -> None:
    image, other = (compiled(on_encoder(seed), BESIDE, **SLOTS[slots]) for seed in (1, 2))
    segments = [segment_of(one, "catalogue") for one in (other, image)]
    empty = without_segment(image, "catalogue")
    none, second, first = same_after_loading(empty, segments, noise(1, 8))
    assert (len(none.on(2)), len(second.on(2)), len(first.on(2))) == (0, 8, 8)
    assert first.on(2) != second.on(2)
    assert none.on(0) == second.on(0) == first.on(0)


def test_500_rows_of_512_are_loaded_beside_a_run_and_used_in_the_next_frame() -> None:
    rows, width, frames = 500, 512, 5
    images = [compiled(with_catalogue(seed, rows, rows, width), LOOKUP) for seed in range(3)]
    segments = [segment_of(image, "catalogue") for image in images]
    queries = noise(9, frames, width)
    features = {0: noise(1, frames), 1: queries}
    # One request before each frame; segments come before the second and the fourth.
    requests = [(0, 1), (1, segments[1]), (2, 1), (3, 1), (4, segments[2]), (5, 1), (6, 1)]
    golden, circuit = Golden(images[0]), Rtl(images[0])
    found = compare(images[0], golden, circuit, features, requests=requests)
    assert found.identical, found
    rows_of = [
        Golden(image).run(features, requests=[(n, 1) for n in range(frames)]).on(1)
        for image in images
    ]
    run = Golden(images[0]).run(features, requests=requests)
    held = [0, 1, 1, 2, 2]
    assert run.on(1) == [rows_of[image][frame] for frame, image in enumerate(held)]
    assert golden.image.to_bytes() == images[2].to_bytes()
    assert np.array_equal(run.on(0), Golden(images[0]).run(features).on(0))
    assert with_segment(images[0], segments[2]).to_bytes() == images[2].to_bytes()


def test_a_segment_that_comes_while_another_is_served() -> None:
    """The INPUT of a query is no yield point: the segment waits for that of the next frame."""
    image, other = (compiled(with_catalogue(seed), LOOKUP, **SLOTS["one slot"]) for seed in (1, 2))
    features = {0: noise(1, 5), 1: noise(9, 4, 12)}
    requests = [(0, 1), (0, segment_of(other, "catalogue")), (2, 1)]
    wanted, run = (
        engine.run(features, requests=requests, **more)
        for engine, more in ((Golden(image), {}), (Rtl(image), {"cycle_limit": 300_000}))
    )
    assert (run.error, run.on(1), run.on(0)) == (wanted.error, wanted.on(1), wanted.on(0))


def test_segments_are_replaced_where_weights_are_streamed() -> None:
    sizes = {"stream_bus": 64, "lane_words": 4096, "group_words": 4096}
    image, other = (compiled(with_catalogue(seed), LOOKUP, **sizes) for seed in (1, 2))
    features = {0: noise(1, 3), 1: noise(9, 2, 12)}
    segments = [segment_of(one, "catalogue") for one in (other, image)]
    said = same_after_loading(image, segments, features, requests=[(0, 1), (2, 1)])
    assert said[0].tokens == said[2].tokens
