"""Matrices taken again from the rings: the same bits as fetched anew, and nothing on the bus."""

from dataclasses import replace

import numpy as np
import pytest

from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.engine import Cycles
from sordino.cycles.traffic import bus_bytes
from sordino.engines.memory_timing import MemoryTiming
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image, ImageError
from sordino.isa.operations import Halt, Jump, Matvec
from sordino.isa.registers import Error
from sordino.model.random_rnnt import random_model
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.programs import random_features
from sordino.testing.images.replay import replay_image
from sordino.testing.images.streaming import ROOMY, STREAMING, assert_same_run, moved

NO_INPUT = np.zeros((0, 1), np.int8)
TIMINGS = (
    MemoryTiming(latency=2),
    MemoryTiming(latency=40, rate=60),
    MemoryTiming(latency=300, rate=7),
)


def fetched(image: Image) -> Image:
    """The same with every matrix read anew each time."""
    program = tuple(i.replace(from_ring=0) if isinstance(i, Matvec) else i for i in image.program)
    return replace(image, program=program)


@pytest.mark.parametrize("seed", range(8))
def test_bits_bytes_and_cycles(seed: int) -> None:
    """Fetched anew = golden = circuit under jitter; cycles and beats where memory is exact."""
    rng = np.random.default_rng([seed, 5])
    image = replay_image(rng)
    assert Image.from_bytes(image.to_bytes()).program == image.program
    features = random_features(rng, image, 1)
    wanted = Golden(fetched(image)).run(features, record=True)
    assert wanted.counters["useful"] > 100
    assert_same_run(Golden(image).run(features, record=True), wanted)
    rtl = Rtl(image, memory=MemoryTiming(latency=3, jitter=60, seed=seed))
    assert_same_run(rtl.run(features, record=True), wanted)
    for timing in TIMINGS:
        rtl.external(image.external, timing)
        before = rtl.beats
        found = rtl.run(features, record=True)
        assert_same_run(found, wanted)
        assert found.records is not None
        pcs = [record.pc for record in found.records]
        read = bus_bytes(image, pcs)
        assert 8 * (rtl.beats - before) == read
        assert read < bus_bytes(fetched(image), pcs)
        model = Cycles(image, memory=timing)
        assert model.run(features).counters == found.counters
        np.testing.assert_array_equal(model.profile(), rtl.profile())


def twice(slots: np.ndarray, *, marks: tuple[bool, ...] = (True,), between: int = -1) -> Image:
    """A matrix, maybe another one, and the first again."""
    builder = ProgramBuilder(ROOMY)
    for _ in marks:
        builder.matrix(slots.astype(np.int8))
    builder.clear()
    builder.matvec(0, source=0)
    if between >= 0:
        builder.matvec(between, source=0)
    builder.matvec(0, source=0, first_row=20, from_ring=True)
    builder.add(Halt)
    return moved(builder.image(), list(marks))


SMALL = np.ones((2, 4, 9))
LARGE = np.random.default_rng(0).integers(-99, 100, (9, 4, 40))


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (twice(LARGE), "from_ring of matrix 0, which does not fit: stream_ring"),
        (twice(SMALL, marks=(False,)), "from_ring of matrix 0, which is not streamed"),
        (
            twice(SMALL, marks=(True, True), between=1),
            "from_ring of matrix 0, but the rings may hold matrix 1",
        ),
    ],
)
def test_what_the_rings_do_not_hold_is_refused(image: Image, text: str) -> None:
    with pytest.raises(ImageError, match=text):
        Golden(image)


def test_rows_beyond_the_bank_are_refused() -> None:
    """The last row that there is, and one more."""
    image = twice(SMALL)
    at = max(n for n, i in enumerate(image.program) if isinstance(i, Matvec))
    for first, refused in ((62, False), (63, True)):
        i = image.program[at].replace(first_row=first)
        moved_on = replace(image, program=(*image.program[:at], i, *image.program[at + 1 :]))
        if refused:
            with pytest.raises(ImageError, match="does not fit: rows_per_lane: bank takes rows"):
                Golden(moved_on)
        else:
            Golden(moved_on)


def test_a_resident_matrix_between_is_no_harm() -> None:
    image = twice(SMALL, marks=(True, False), between=1)
    wanted = Golden(fetched(image)).run(NO_INPUT, record=True)
    rtl = Rtl(image)
    assert_same_run(rtl.run(NO_INPUT, record=True), wanted)


def test_entry_points_begin_with_nothing_in_the_rings() -> None:
    """What a loop leaves there counts only on the way round; from an entry nothing is known."""
    image = twice(SMALL)
    last = len(image.program) - 1
    back = replace(image, program=(*image.program[:last], Jump(target=last - 1)))
    Golden(back)
    host = replace(image.host, entries={"main": 0, "again": last - 1})
    with pytest.raises(ImageError, match="rings may hold nothing known"):
        Golden(replace(image, host=host))


def test_machines_without_rings_refuse_the_fields() -> None:
    image = twice(SMALL, marks=(False,))
    config = replace(ROOMY, lane_words=512, group_words=512)
    with pytest.raises(ImageError, match="which takes a machine that streams"):
        Golden(replace(image, config=config))


def test_a_matrix_that_does_not_fit_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image is refused; unchecked, the circuit takes the wrong words, stops and never hangs."""
    with pytest.raises(ImageError, match="stream_ring"):
        Rtl(twice(LARGE), memory=MemoryTiming(latency=9))
    monkeypatch.setattr("sordino.engines.native.rtl.check_fit", lambda *_: None)
    rtl = Rtl(twice(LARGE), memory=MemoryTiming(latency=9))
    found = rtl.run(NO_INPUT, cycle_limit=50_000)
    assert found.error is Error.STREAM
    fits = Rtl(twice(SMALL), memory=MemoryTiming(latency=9))
    assert fits.run(NO_INPUT, cycle_limit=50_000).error is Error.NONE


def test_compiled_chunks() -> None:
    """An RNN-T that takes three frames at a time: every record and cycle of the circuit's."""
    model = random_model(1, encoder=(16, 9), prediction=(8,), joint=12, zeros=0.5)
    images = [
        compile_model(
            model, STREAMING, CompileOptions(weight_bits=6, weights="streamed", chunk=chunk)
        ).image
        for chunk in (1, 3)
    ]
    assert any(isinstance(i, Matvec) and i.from_ring for i in images[1].program)
    features = np.random.default_rng(1).integers(-128, 128, (8, model.inputs)).astype(np.int8)
    wanted = Golden(images[0]).run(features)
    timing = MemoryTiming(latency=20, rate=100)
    rtl, cycles = Rtl(images[1], memory=timing), Cycles(images[1], memory=timing)
    found = rtl.run(features, record=True)
    assert found.tokens == wanted.tokens
    assert len(set(found.tokens)) > 1
    assert_same_run(found, Golden(images[1]).run(features, record=True))
    assert cycles.run(features).counters == found.counters
    np.testing.assert_array_equal(cycles.profile(), rtl.profile())
