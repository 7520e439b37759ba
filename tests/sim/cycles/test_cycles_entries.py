"""Best and worst case of all that a host may ask for: what the exact cycle engine measures."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.programs.transducer import Transducer
from sordino.compiler.programs.watch import Watch
from sordino.cycles.bounds import Bounds, Span, entry_bounds, frame_bounds
from sordino.cycles.durations import Durations
from sordino.cycles.engine import Cycles
from sordino.cycles.issue import Issuer, Passage
from sordino.cycles.trace import Timer
from sordino.image.image import Image
from sordino.isa.operations import Input, Take
from sordino.model.random_rnnt import random_model
from tests.sim.engines import test_two_networks as two
from tests.sw.compiler.programs.networks import DEMAND, KEYWORD, transducer_graph, with_watch
from tests.sw.compiler.programs.test_described import (
    image_of,
    noise,
    served_image,
    together_image,
)

SLOTS = [{}, {"run_slots": 1, "value_slots": 1}]


def begins(model: Cycles, image: Image) -> list[tuple[int, int]]:
    """Address and the cycle of its beginning, of every instruction of the last run."""
    passage, trace = Passage(Issuer(Durations(image))), model.trace
    ended, found = set(trace.ended.tolist()), []
    for number, address in enumerate(trace.addresses.tolist()):
        step = passage.take(address, 0 if number in ended else None)
        found.append((address, step.begins))
    return found


def parts(found: list[tuple[int, int]], ranges) -> Iterator[int]:
    """Cycles from the beginning of each stretch inside these addresses to that of what follows."""
    inside = None
    for address, cycle in found:
        within = any(first <= address < first + count for first, count in ranges)
        if within and inside is None:
            inside = cycle
        elif not within and inside is not None:
            yield cycle - inside
            inside = None


def requested(found: list[tuple[int, int]], image: Image) -> Iterator[int]:
    """Cycles from each INPUT that finds a request to the next INPUT of channel 0."""
    asked = None
    for (address, cycle), (following, _) in zip(found, [*found[1:], (0, 0)], strict=True):
        i = image.program[address]
        if not isinstance(i, Input) or i.channel:
            continue
        if asked is not None:
            yield cycle - asked
            asked = None
        if isinstance(image.program[following], Take):
            asked = cycle


@pytest.mark.parametrize("slots", SLOTS)
def test_a_request_takes_what_its_network_s_bounds_say(slots) -> None:
    image = served_image(**slots)
    bounds = frame_bounds(image)
    assert bounds is not None
    assert bounds.request is not None
    model, names = Cycles(image), {1: "keyword", 2: "demand"}
    took: dict[int, list[int]] = {1: [], 2: []}
    own: dict[int, list[int]] = {1: [], 2: []}
    for seed in range(6):
        rng, frames = np.random.default_rng(seed), 5
        # While requests that nobody knows are forgotten, the tables of the frame are loaded.
        unknown = [9] * (30 if seed > 3 else 0)
        numbers = [*unknown, 1 + seed % 2, *rng.integers(1, 3, 7).tolist()]
        heard = {0: noise(seed, frames), 1: noise(9, 8, KEYWORD), 2: noise(9, 8, DEMAND)}
        places = [*(0 for _ in unknown), 0, *np.sort(rng.integers(0, frames + 1, 7)).tolist()]
        pairs = zip(places, numbers, strict=True)
        # Each of those that are served reads a vector, too.
        requests = [(max(0, n - len(unknown)) + at, number) for n, (at, number) in enumerate(pairs)]
        model.run(heard, requests=requests)
        found = begins(model, image)
        for number, cycles in zip(numbers, requested(found, image), strict=True):
            took.setdefault(number, []).append(cycles)
        for number, name in names.items():
            own[number] += list(parts(found, image.host.named(name).program))
    for number, name in names.items():
        assert len(took[number]) == len(own[number]) > 10
        spans = (took[number], bounds.requests[number]), (own[number], bounds.networks[name])
        for spent, span in spans:
            assert (min(spent), max(spent)) == (span.best, span.worst)
            assert bounds.request.holds(min(spent))
            assert bounds.request.holds(max(spent))
    said = bounds.as_dict()
    assert said["requests"]["1"] == {
        "best": bounds.requests[1].best,
        "worst": bounds.requests[1].worst,
    }
    assert set(said["networks"]) == {"keyword", "demand"}


def test_a_request_that_is_forgotten_is_within_the_bounds_of_any() -> None:
    image = served_image()
    bounds, model = frame_bounds(image), Cycles(image)
    assert bounds is not None
    assert bounds.request is not None
    for number in (1, 2, 3, 65535):  # nothing comes on their channels, or nobody knows them
        model.run(noise(1, 3), requests=[(0, number), (10, number)])
        for took in requested(begins(model, image), image):
            assert bounds.request.holds(took)
    assert 3 not in bounds.requests


@pytest.mark.parametrize("both", [False, True])
def test_frames_of_two_channels_are_whole_frames(both: bool) -> None:
    """Each frame reads a vector of its own channel, and then one of the other network's."""
    image = two.image()
    bounds, model = frame_bounds(image), Cycles(image)
    assert bounds is not None
    requests = ((2, 1), (4, 2), (6, 9)) if both else ()
    model.run(two.features(two.SCORES, [1] * len(two.SCORES)), requests=requests)
    found = begins(model, image)
    firsts = [(n, c) for n, (a, c) in enumerate(found) if a == 0]
    for (number, cycle), (_, later) in pairwise(firsts):
        asked = isinstance(image.program[found[number + 1][0]], Take)
        assert (bounds.request if asked else bounds.frame).holds(later - cycle)
    assert bounds.end.holds(found[-1][1] - firsts[-1][1])
    assert bounds.start == Span(4, 4)
    assert bounds.requests.keys() == {2}


@pytest.mark.parametrize("threshold", [-100.0, 100.0, 0.0])
def test_a_watch_has_bounds_of_its_own(threshold: float) -> None:
    graph = with_watch(transducer_graph(), np.random.default_rng(4))
    image = image_of(graph, Transducer(0, 3, (Watch("wake", 1, threshold, 2, 77, 3),)))
    bounds, model = frame_bounds(image), Cycles(image)
    assert bounds is not None
    span = bounds.networks["wake"]
    ranges, spent = image.host.named("wake").program, set()
    assert len(ranges) == 2, "in the loop, and in the entry point of the encoder"
    for seed in range(6):
        model.run(noise(seed, 8))
        spent |= set(parts(begins(model, image), ranges))
    assert all(span.holds(cycles) for cycles in spent)
    if threshold < 0:
        assert len(spent) > 1, "with a token, and without"
    # A low score, and a high one with a token, are the two ends.
    ends = {-100.0: max(spent) == span.worst, 100.0: min(spent) == span.best, 0.0: True}
    assert ends[threshold]


@pytest.mark.parametrize("name", ["served", "together"])
def test_every_entry_point_has_bounds(name: str) -> None:
    image = served_image() if name == "served" else together_image()
    found = entry_bounds(image)
    assert set(found) == set(image.host.entries)
    model, search = (
        Cycles(image),
        image.host.networks["asr" if name == "together" else "transducer"].search,
    )
    assert search is not None
    nothing = np.zeros((0, 1), np.int8)
    order = [("reset", nothing), ("advance", noise(1, 1, search.embedding[2])), ("score", nothing)]
    order += [
        ("encode", noise(2, 1)),
        ("score", nothing),
        ("main", noise(3, 4)),
        ("reset", nothing),
    ]
    order += [("encode", noise(5, 1)), ("encode", noise(2, 0)), ("score", nothing)]
    if name == "together":
        order += [("kw.main", noise(4, 3, KEYWORD)), ("kw.go", noise(5, 2, KEYWORD))]
        order += [("d.reset", nothing), ("d.run", noise(6, 1, DEMAND)), ("kw.go", nothing)]
        order += [("encode", noise(5, 1)), ("d.run", noise(6, 1, DEMAND)), ("main", noise(3, 1))]
    for entry, features in order:
        took = model.run(features, entry=entry).counters["cycles"]
        bounds = found[entry]
        if isinstance(bounds, Span):
            assert bounds == Span(took, took), entry
            continue
        assert isinstance(bounds, Bounds)
        assert bounds.run(len(features)).holds(took), entry
        if entry in ("encode", "advance", "d.run") and len(features):
            # The path is forced: the bounds say the very cycle.
            assert bounds.start.best + bounds.frame.best == took
            assert bounds.start == Span(bounds.start.best, bounds.start.best)
            assert bounds.frame.worst == bounds.frame.best
    assert found["main"] == frame_bounds(image)


def test_entry_points_of_a_model_alone() -> None:
    config = PRESETS["tiny"].with_settings({"run_slots": 1, "value_slots": 1, "tables": 64})
    image = compile_model(random_model(1), config, CompileOptions(weight_bits=6)).image
    found = entry_bounds(image)
    assert found["main"] == frame_bounds(image)
    assert isinstance(found["reset"], Span)
    assert isinstance(found["score"], Span)
    assert isinstance(found["encode"], Bounds)


def test_what_is_served_is_no_frame() -> None:
    """Neither the request nor the vector that its network reads counts among the frames."""
    image, frames = served_image(), 5
    bounds, model = frame_bounds(image), Cycles(image)
    assert bounds is not None
    heard = {0: noise(1, frames), 1: noise(9, 8, KEYWORD), 2: noise(9, 8, DEMAND)}
    model.run(heard, requests=[(0, 1), (0, 9), (3, 2), (5, 1), (8, 2)])
    start, *found, end = Timer(image).frames(model.trace)
    assert len(found) == frames
    assert all(bounds.frame.holds(cycles) for cycles in found)
    assert (bounds.start.holds(start), bounds.end.holds(end)) == (True, True)
    served = list(requested(begins(model, image), image))
    assert len(served) == 5
    assert (
        start + sum(found) + sum(served) + end
        == model.run(heard, requests=[(0, 1), (0, 9), (3, 2), (5, 1), (8, 2)]).counters["cycles"]
    )
