"""An end-pointer beside a transducer: what it decides, in every frame, on every engine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.limits.errors import CompileError
from sordino.cycles.bounds import Span, entry_bounds, frame_bounds
from sordino.cycles.engine import Cycles
from sordino.engines.native.rtl import Rtl
from sordino.engines.session import Emitted
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.image.section.networks import EndLevel
from sordino.isa.fields import Store
from sordino.isa.operations import Table
from sordino.model.rnnt import RnntModel
from tests.sw.compiler.programs.endpointers import INPUTS, endpointer, talker
from tests.sw.compiler.programs.test_programs import ROOM, SLOTS, same_on_the_circuit

LEVELS = {
    "early and right": ({"threshold": -0.1, "frames": 1}, {"threshold": 0.0, "frames": 2}),
    "both at once": ({"threshold": 0.0, "frames": 2}, {"threshold": 0.0, "frames": 2}),
    "final alone": ({"threshold": 900.0, "frames": 1}, {"threshold": -900.0, "frames": 3}),
    "never": ({"threshold": 1000, "frames": 1000}, {"threshold": 1000, "frames": 1000}),
    "in any case": (
        {"threshold": 900.0, "frames": 1, "longest": 2},
        {"threshold": 0.0, "frames": 2, "longest": 3},
    ),
    "always": ({"threshold": -1000, "frames": 1}, {"threshold": -1000, "frames": 1}),
}


def image_of(model: RnntModel | None = None, slots: str = "two slots", **entries: Any) -> Image:
    config = PRESETS["tiny"].with_settings(ROOM | SLOTS[slots])
    made = endpointer(**entries)
    return compile_model(model or talker(), config, CompileOptions(), made).image


def noise(seed: int, frames: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-90, 90, (frames, INPUTS)).astype(np.int8)


def decided(
    frames: Sequence[tuple[int, float]], levels: Sequence[Mapping[str, Any]], runs: int
) -> Iterator[list[int]]:
    """What is decided in frames of so many tokens and such scores."""
    run, counts = 0, [0, 0]
    for tokens, score in frames:
        run = 1 if tokens else min(run + 1, runs - 1) if run else 0
        said = []
        for number, level in enumerate(levels):
            longest = run - 1 >= level.get("longest", runs)
            high = run >= 2 and (score >= level["threshold"] or longest)
            counts[number] = counts[number] + 1 if high else 0
            if counts[number] == level["frames"]:
                said.append(number + 1)
        yield said


def heard(image: Image, x: np.ndarray) -> Iterator[tuple[list[Emitted], float]]:
    """The tokens of each frame, and the score behind it."""
    golden = Golden(image)
    session = golden.session()
    result = image.host.named("endpoint").results["endpoint.score"]
    for vector in x:
        came = session.feed(vector[None])
        (word,) = golden.read(Store.STATE, result.words[0], 1)
        yield came, float(word) * result.step
    assert session.finish().error.name == "NONE"


@pytest.mark.parametrize("name", LEVELS)
def test_decisions_follow_from_tokens_and_scores(name: str) -> None:
    levels = LEVELS[name]
    image = image_of(speculative=levels[0], final=levels[1])
    assert image.host.named("endpoint").ends.final == EndLevel(**levels[1])
    found = list(heard(image, noise(1, 80)))
    said = [[one.token for one in came if one.channel == 1] for came, _ in found]
    spoken = [(sum(one.channel == 0 for one in came), score) for came, score in found]
    assert said == list(decided(spoken, levels, 6))
    counts = [sum(token in frame for frame in said) for token in (1, 2)]
    some = {
        "early and right": (counts[0] > counts[1] > 0),
        "both at once": counts[0] == counts[1] > 0 and [1, 2] in said,
        "final alone": counts[0] == 0 < counts[1],
        "never": counts == [0, 0],
        "in any case": counts[0] > 0 < counts[1],
        "always": counts[0] == counts[1] > 1,
    }
    assert some[name]
    # Tokens of a frame come before what is decided behind them.
    assert all(
        [one.channel for one in came] == sorted(one.channel for one in came) for came, _ in found
    )


def test_the_transducer_says_what_it_says_alone() -> None:
    config, x = PRESETS["tiny"].with_settings(ROOM), noise(2, 60)
    alone = Golden(compile_model(talker(), config).image).run(x)
    beside = Golden(image_of()).run(x)
    assert beside.on("transducer") == list(alone.tokens)
    assert beside.on("endpoint")


def test_pieces_of_any_size_decide_the_same() -> None:
    image, x = image_of(), noise(3, 60)
    whole = Golden(image).run(x)
    session, said, at = Golden(image).session(), list[Emitted](), 0
    for size in (0, 1, 5, 7, 40, 90):
        said += session.feed(x[at : at + size])
        at += size
    assert [(one.token, one.channel) for one in said] == list(
        zip(whole.tokens, whole.channels, strict=True)
    )


@pytest.mark.parametrize("slots", SLOTS)
def test_golden_equals_the_circuit_and_its_cycles(slots: str) -> None:
    image = image_of(slots=slots)
    assert Golden(image).run(noise(4, 24)).on("endpoint")
    same_on_the_circuit(image, noise(4, 24))


@pytest.mark.parametrize("slots", SLOTS)
def test_an_utterance_follows_another_one_on_every_engine(slots: str) -> None:
    """The encoder's state stays, its product in the bank, too; everything else is cleared."""
    image, x = image_of(slots=slots, context="encoder"), noise(8, 30)
    assert image.host.networks["endpoint"].entries["follow"] == "follow"
    golden, circuit, timed = Golden(image), Rtl(image), Cycles(image)
    found, counters = [], []
    for engine in (golden, circuit, timed):
        runs = engine.run(x[:14]), engine.run(x[14:], entry="follow")
        found.append([(run.tokens, run.channels) for run in runs])
        counters.append([run.counters for run in runs])
    assert found[0] == found[1] == found[2]
    assert counters[1] == counters[2]
    anew = golden.run(x[14:])
    assert (anew.tokens, anew.channels) != found[0][1]
    plain = image_of(slots=slots)
    assert "follow" not in plain.host.entries


@pytest.mark.parametrize(
    "entries",
    [
        {"inputs": ["encoder", "run"], "widths": [24, 4]},
        {"inputs": ["encoder.0", "prediction", "run"]},
        {"inputs": ["encoder"], "widths": [24]},
    ],
)
def test_other_inputs(entries: dict[str, Any]) -> None:
    likely = {"threshold": -1000, "frames": 1}
    image = image_of(speculative=likely, **entries)
    run = Golden(image).run(noise(5, 40))
    assert 1 in run.on("endpoint")
    assert len({score for _, score in heard(image, noise(5, 40))}) > 20


def test_with_time_reduction_it_runs_once_a_group() -> None:
    model = talker(encoder=(12, 24), time_reduction=(1, 2), scale=3.0)
    levels = {"threshold": -1000, "frames": 1}
    image = image_of(model, speculative=levels, final=levels)
    said = [came for came, _ in heard(image, noise(6, 41))]
    assert all(not came for came in said[::2]), "nothing in the first frame of a group"
    assert any(one.channel == 1 for came in said for one in came)


@pytest.mark.parametrize("slots", SLOTS)
def test_it_takes_no_tables_of_its_own_and_its_cycles_are_known(slots: str) -> None:
    image = image_of(slots=slots)
    bounds, model = frame_bounds(image), Cycles(image)
    assert bounds is not None
    program = image.host.named("endpoint").program
    (first, count), entry = program
    names = {i.layer for i in image.program[first : first + count] if isinstance(i, Table)}
    assert not any(name.startswith("endpoint") for name in names)
    alone = compile_model(talker(), image.config).image
    assert len(alone.tables) == len(image.tables)
    plain = frame_bounds(alone)
    assert plain is not None
    span = bounds.networks["endpoint"]
    assert span.best is not None
    assert span.worst is not None
    assert bounds.tokens[0].best - plain.tokens[0].best <= span.worst + 300
    took = model.run(noise(7, 12)).counters["cycles"]
    assert bounds.run(12).holds(took)
    found = entry_bounds(image)["endpoint"]
    assert isinstance(found, Span)
    assert found.worst is not None
    assert entry[0] == image.host.entries["endpoint"]


def test_what_does_not_go_together_is_refused() -> None:
    config = PRESETS["tiny"].with_settings(ROOM | {"stream_bus": 64})
    options = CompileOptions(weights="streamed", chunk=2)
    with pytest.raises(CompileError, match="end-pointer"):
        compile_model(talker(), config, options, endpointer())
