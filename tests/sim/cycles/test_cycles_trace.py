"""Time without values: from a path, and from the tokens of every frame."""

from itertools import product

import numpy as np
import pytest

from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.bounds import Span, frame_bounds
from sordino.cycles.engine import Cycles
from sordino.cycles.path import decisions_of, follow
from sordino.cycles.trace import Timer, time_trace
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.choices import Condition
from sordino.isa.operations import (
    Argmax,
    Branch,
    Call,
    Emit,
    Halt,
    Input,
    Jump,
    Loop,
    Matvec,
    Return,
    Set,
    Use,
)
from sordino.isa.registers import Error
from sordino.model.random_rnnt import random_model
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.programs import overlapped, random_features, random_program
from sordino.tools.trials import MACHINES, make_trial

G1 = MACHINES["g1"]
TIMED = ("cycles", "matvec", "vector", "table", "wait_x", "wait_input", "wait_token")


def model_image(seed: int = 8) -> Image:
    model = random_model(seed, encoder=(9, 8), joint=11, tokens=6, scale=8.0, zeros=0.5)
    return compile_model(model, MACHINES["g1"], CompileOptions(weight_bits=4)).image


def emitted(image: Image, features: np.ndarray) -> list[list[int]]:
    """Golden's tokens, frame by frame."""
    found: list[list[int]] = []
    for record in Golden(image).run(features, record=True).records or ():
        match image.program[record.pc]:
            case Input() if len(record.values) > 1:
                found.append([])
            case Emit():
                found[-1].append(int(record.values[0]))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_time_of_a_path(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = overlapped(random_program(rng, G1), rng)
    model = Cycles(image)
    counters = model.run(random_features(rng, image, 4)).counters
    profile = time_trace(image, model.trace)
    assert {name: counters[name] for name in TIMED} == profile.counters()
    np.testing.assert_array_equal(profile.table(), model.profile())


def test_time_of_tokens() -> None:
    """The path of a greedy RNN-T follows from its tokens; many in a frame, none, the most."""
    image, lengths = model_image(), set()
    timer = Timer(image)
    for seed in range(3):
        features = random_features(np.random.default_rng(seed), image, 6)
        tokens = emitted(image, features)
        lengths |= {len(frame) for frame in tokens}
        model = Cycles(image)
        counters = model.run(features).counters
        trace = follow(image, len(tokens), decisions_of(image, tokens))
        np.testing.assert_array_equal(trace.addresses, model.trace.addresses)
        np.testing.assert_array_equal(trace.ended, model.trace.ended)
        assert timer.time(trace).counters() == {name: counters[name] for name in TIMED}
        np.testing.assert_array_equal(timer.time(trace).table(), model.profile())
    assert {0, image.host.max_symbols} <= lengths


def test_a_path_with_calls_and_loops() -> None:
    builder = ProgramBuilder(G1)
    builder.add(Set, register=1, value=3)
    builder.label("again")
    builder.add(Call, target="sub")
    builder.add(Loop, register=1, target="again")
    builder.add(Branch, register=1, condition=Condition.NE, value=0, target="again")
    builder.add(Branch, register=1, condition=Condition.LT, value=1, target="end")
    builder.add(Jump, target="again")
    builder.label("end")
    builder.add(Halt)
    builder.label("sub")
    builder.add(Return)
    image = builder.image()
    model = Cycles(image)
    counters = model.run(np.zeros((0, 1), np.int8)).counters
    trace = follow(image, 0, [])
    assert trace.addresses.tolist() == [0, 1, 7, 2, 1, 7, 2, 1, 7, 2, 3, 4, 6]
    assert model.trace.addresses.tolist() == trace.addresses.tolist()
    assert counters["cycles"] == 4 * len(trace.addresses)


def segments_image() -> Image:
    """Each frame emits a token if segment 1 is checked, and two more if segment 6 is."""
    builder = ProgramBuilder(G1)
    builder.label("frame")
    builder.add(Input, destination=0, count=1, end="end")
    builder.using(1, lambda: builder.token(0))
    builder.add(Use, segment=6, otherwise="frame")
    builder.token(0)
    builder.token(0)
    builder.go("frame")
    builder.label("end")
    builder.add(Halt)
    return builder.image()


@pytest.mark.parametrize("checked", [None, (), (1,), (6,), (0, 7), (1, 6)])
def test_a_path_with_segments(checked: tuple[int, ...] | None) -> None:
    """USE takes as long as BRANCH; bounds know both ways."""
    image = segments_image()
    golden = Golden(image)
    if checked is not None:
        golden.state.checked.clear()
        golden.state.checked.update(checked)
    result = golden.run(np.zeros((2, 1), np.int8), record=True)
    trace = follow(image, 2, [], checked=checked)
    assert trace.addresses.tolist() == [record.pc for record in result.records or ()]
    there = golden.state.checked
    tokens = (1 in there) + 2 * (6 in there)
    took = 8 + 8 + 4 * (tokens + (6 in there))
    assert len(result.tokens) == 2 * tokens
    assert [*Timer(image).frames(trace)][1:3] == [took, took]
    bounds = frame_bounds(image)
    assert bounds is not None
    assert bounds.tokens[tokens] == Span(took, took)
    assert list(bounds.tokens) == [0, 1, 2, 3]


def test_decisions_must_suffice() -> None:
    image = model_image()
    with pytest.raises(ValueError, match="no decision is left for the ARGMAX at address"):
        follow(image, 1, [])
    with pytest.raises(ValueError, match="wanted at most 3 tokens a frame, no blank"):
        decisions_of(image, [[1, 1, 1, 1]])
    with pytest.raises(ValueError, match="no blank"):
        decisions_of(image, [[0]])


def test_bounds_are_reached() -> None:
    """All bounds, by tokens too, are the least and the most of real paths of four frames."""
    image = model_image()
    bounds, most = frame_bounds(image), image.host.max_symbols
    assert bounds is not None
    assert list(bounds.tokens) == list(range(most + 1))
    timer, found = Timer(image), dict[str | int, set[int]]()
    for lengths in product(range(most + 1), repeat=4):
        trace = follow(image, 4, decisions_of(image, [[1] * n for n in lengths]))
        total = timer.time(trace).cycles
        start, *frames, end = timer.frames(trace)
        assert start + sum(frames) + end == total
        assert bounds.run(4).holds(total)
        for name, cycles in (("start", start), ("end", end), *zip(lengths, frames, strict=True)):
            found.setdefault(name, set()).add(cycles)
    start, end = timer.frames(follow(image, 0, []))
    found["end"].add(end)
    assert found["start"] == {start}
    spans = {name: Span(min(cycles), max(cycles)) for name, cycles in found.items()}
    assert spans == {**bounds.tokens, "start": bounds.start, "end": bounds.end}
    assert bounds.frame == Span(bounds.tokens[0].best, bounds.tokens[most].worst)
    assert bounds.tokens[0].best < (bounds.tokens[0].worst or 0), "nothing overlaps"
    assert bounds.as_dict()["tokens"]["0"] == {
        "best": bounds.frame.best,
        "worst": bounds.tokens[0].worst,
    }


@pytest.mark.parametrize("kind", ["programs", "layers", "models"])
@pytest.mark.parametrize("seed", range(6))
def test_no_run_leaves_its_bounds(kind: str, seed: int) -> None:
    trial = make_trial(kind, "g1", 100 + seed)
    image = overlapped(trial.image)
    bounds = frame_bounds(image)
    assert bounds is not None
    model = Cycles(image)
    result = model.run(trial.features)
    assert result.error is Error.NONE
    start, *frames, end = Timer(image).frames(model.trace)
    assert len(frames) == result.counters["frames"] > 0
    span = bounds.run(len(frames))
    for of_it, cycles in (
        (bounds.start, start),
        (bounds.end, end),
        (span, result.counters["cycles"]),
        *((bounds.frame, cycles) for cycles in frames),
    ):
        assert of_it.worst is not None
        assert of_it.holds(cycles)


def loop_image(*, counted: bool, argmax: bool = False) -> Image:
    """A frame that repeats something until a register says so."""
    builder = ProgramBuilder(G1)
    builder.label("frame")
    builder.add(Input, destination=0, count=1, end="end")
    if counted:
        builder.add(Set, register=1, value=7)
    builder.label("again")
    if argmax:
        entries = builder.entries(np.zeros(8, np.int64), np.arange(8))
        builder.add(Argmax, rows=1, parameters=entries, register=2)
        branch = {"condition": Condition.EQ, "value": 0, "target": "frame"}
        builder.add(Branch, register=2, **branch)
    builder.add(Emit, register=0)
    builder.add(Loop, register=1, target="again")
    builder.add(Jump, target="frame")
    builder.label("end")
    builder.add(Halt)
    return builder.image()


def test_counted_loop() -> None:
    bounds = frame_bounds(loop_image(counted=True))
    assert bounds is not None
    cycles = 8 + 4 + 7 * 8 + 4
    assert bounds.frame == Span(cycles, cycles)
    assert bounds.tokens == {7: bounds.frame}
    assert (bounds.start, bounds.end) == (Span(4, 4), Span(4 + 4, 4 + 4))


def test_loop_that_may_be_left() -> None:
    bounds = frame_bounds(loop_image(counted=True, argmax=True))
    assert bounds is not None
    once = 4 + (1 + 8 + 5 + 2)  # what ARGMAX takes, and until it is seen that it is done
    for tokens in range(7):
        took = 8 + 4 + tokens * (once + 8) + once
        assert bounds.tokens[tokens] == Span(took, took)
    assert bounds.frame == Span(8 + 4 + once, 8 + 4 + 7 * (once + 8) + 4)


def test_loop_without_a_known_end() -> None:
    """Nothing bounds the worst case; the best is known all the same."""
    bounds = frame_bounds(loop_image(counted=False))
    assert bounds is not None
    assert bounds.frame == Span(8 + 8 + 4, None)
    assert bounds.tokens[1] == Span(8 + 8 + 4, None)
    assert bounds.tokens[3] == Span(8 + 3 * 8 + 4, None)
    assert bounds.run(3).worst is None
    assert (bounds.end.worst, bounds.start.worst) == (8, 4)


def test_bounds_of_a_run_that_may_end_in_a_frame() -> None:
    """Two vectors and HALT, without the end of input: nothing comes after the frames."""
    builder = ProgramBuilder(G1)
    for _ in range(2):
        builder.add(Input, destination=0, count=2, end="done")
    builder.label("done")
    builder.add(Halt)
    bounds = frame_bounds(builder.image())
    assert bounds is not None
    took = Cycles(builder.image()).run(np.zeros((2, 2), np.int8)).counters["cycles"]
    assert bounds.run(2).holds(took)
    assert bounds.end.best == 0


def test_an_input_at_the_end_that_leads_to_another() -> None:
    builder = ProgramBuilder(G1)
    builder.label("again")
    builder.add(Input, destination=0, count=2, end="more")
    builder.add(Jump, target="again")
    builder.label("more")
    builder.add(Input, destination=0, count=2, end="done")
    builder.label("done")
    builder.add(Halt)
    image = builder.image()
    bounds = frame_bounds(image)
    assert bounds is not None
    model = Cycles(image)
    for frames in range(3):
        cycles = model.run(np.zeros((frames, 2), np.int8)).counters["cycles"]
        assert bounds.run(frames).holds(cycles)
    assert bounds.run(0).worst == model.run(np.zeros((0, 2), np.int8)).counters["cycles"]


def test_a_product_without_a_run_table_has_no_time() -> None:
    """No engine takes that path; it bounds nothing."""
    builder = ProgramBuilder(G1)
    builder.matrix(np.ones((1, G1.lanes, 2), np.int8))
    builder.add(Input, destination=0, count=2, end="done")
    builder.add(Matvec, columns=2, rows=1)
    builder.label("done")
    builder.add(Halt)
    assert frame_bounds(builder.image()) is None


def test_program_without_input_has_no_frames() -> None:
    builder = ProgramBuilder(G1)
    builder.add(Halt)
    assert frame_bounds(builder.image()) is None
