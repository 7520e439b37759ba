"""Runs that are fed bit by bit are the runs that hear everything at once, cycle by cycle."""

import shutil
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sordino.cycles.engine import Cycles
from sordino.engines.engine import RunResult
from sordino.engines.native.rtl import Rtl
from sordino.engines.session import StreamingEngine
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.registers import Error
from sordino.testing.images.programs import (
    random_channels,
    random_config,
    random_program,
    random_requests,
)
from sordino.tools.trials import make_trial

ENGINES: dict[str, Any] = {"golden": Golden, "cycles": Cycles, "rtl": Rtl}
KINDS = ("models", "layers", "programs")


@pytest.fixture(autouse=True)
def _cxx(request: pytest.FixtureRequest) -> None:
    if "rtl" in request.node.name and not (shutil.which("c++") or shutil.which("g++")):
        pytest.skip("no C++ compiler (c++ or g++) for the rtl engine")


@cache
def trial(kind: str) -> tuple[Image, NDArray[np.int8]]:
    made = make_trial(kind, "g1", 2)
    return made.image, made.features.reshape(-1)


@cache
def engine(kind: str, name: str) -> StreamingEngine:
    made: StreamingEngine = ENGINES[name](trial(kind)[0])
    return made


def same(a: RunResult, b: RunResult) -> None:
    """Tokens, counters, memories and records of two runs."""
    assert (a.tokens, a.channels, a.error, a.code) == (b.tokens, b.channels, b.error, b.code)
    assert a.counters == b.counters
    assert a.final.keys() == b.final.keys()
    for store, words in a.final.items():
        np.testing.assert_array_equal(words, b.final[store])
    assert (a.records is None) == (b.records is None)
    for x, y in zip(a.records or (), b.records or (), strict=True):
        assert (x.index, x.pc, x.values.tolist()) == (y.index, y.pc, y.values.tolist())


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 200), max_size=8), record=st.booleans())
def test_cuts_change_nothing(name: str, kind: str, cuts: list[int], record: bool) -> None:
    """Cuts may be anywhere, within vectors too."""
    made, features = engine(kind, name), trial(kind)[1]
    whole = made.run(features, record=record)
    session = made.session(record=record)
    tokens = []
    places = [0, *sorted(min(cut, len(features)) for cut in cuts), len(features)]
    for first, last in pairwise(places):
        tokens += session.feed(features[first:last])
        assert session.running
    result = session.finish()
    assert not session.running
    same(result, whole)
    pairs = list(zip(result.tokens, result.channels, strict=True))
    assert pairs[: len(tokens)] == tokens


@pytest.mark.parametrize("name", ENGINES)
def test_tokens_come_with_their_vector(name: str) -> None:
    """Every engine says the same at once, and waits for the end alone with what needs it."""
    made, (image, features) = engine("models", name), trial("models")
    width = image.network.input.count
    session, came = made.session(), []
    for first in range(0, len(features), width):
        came.append(session.feed(features[first : first + width]))
        assert session.feed(features[:0]) == []
    golden, wanted = Golden(image).session(), []
    for first in range(0, len(features), width):
        wanted.append(golden.feed(features[first : first + width]))
    assert came == wanted
    assert [one.token for tokens in came for one in tokens] == session.finish().tokens
    assert sum(map(bool, came)) > 1, "something was said, and not at once"


@pytest.mark.parametrize(
    ("name", "seed"),
    [("rtl", 1), *((name, seed) for name in ("golden", "cycles") for seed in range(4))],
)
def test_channels_and_requests(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    config = random_config(rng, group=1).with_settings({"channels": 1 + seed % 2})
    image = random_program(rng, config, steps=4)
    features = random_channels(rng, image, 3)
    requests = random_requests(rng, 3 * config.channels)
    made: StreamingEngine = ENGINES[name](image)
    whole = made.run(features, requests=requests)
    session = made.session(requests=requests)
    for piece in pieces(rng, features):
        session.feed(piece)
    same(session.finish(), whole)


def pieces(
    rng: np.random.Generator, features: Mapping[int, NDArray[np.int8]]
) -> list[dict[int, NDArray[np.int8]]]:
    """The channels' features in pieces, one channel behind the other at random."""
    left = {channel: array.reshape(-1) for channel, array in features.items()}
    found = []
    while any(map(len, left.values())):
        sizes = {channel: int(rng.integers(len(array) + 1)) for channel, array in left.items()}
        found.append({channel: left[channel][:size] for channel, size in sizes.items()})
        left = {channel: left[channel][size:] for channel, size in sizes.items()}
    return found


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cycle_limit_stops_where_it_stops_a_run(name: str, share: float) -> None:
    made, features = engine("models", name), trial("models")[1]
    counter = "instructions" if name == "golden" else "cycles"
    limit = 1 + int(share * made.run(features).counters[counter])
    whole = made.run(features, cycle_limit=limit)
    assert whole.error is Error.LIMIT
    session = made.session(cycle_limit=limit)
    half = len(features) // 2
    tokens = session.feed(features[:half])
    assert session.running == (share > 0.5)
    tokens += session.feed(features[half:])
    assert not session.running
    assert session.feed(features) == []
    same(session.finish(), whole)
    assert [one.token for one in tokens] == whole.tokens


@pytest.mark.parametrize("name", ENGINES)
def test_what_ends_within_a_vector(name: str) -> None:
    made, features = engine("layers", name), trial("layers")[1]
    session = made.session()
    session.feed(features[:-1])
    result = session.finish()
    assert result.error is Error.INPUT
    same(result, made.run(features[:-1]))


@pytest.mark.parametrize("name", ENGINES)
def test_one_run_at_a_time(name: str) -> None:
    """What is begun anew ends what was in progress, and nobody goes on with that."""
    made, features = engine("models", name), trial("models")[1]
    whole = made.run(features)
    first = made.session()
    first.feed(features[: len(features) // 2])
    same(made.run(features), whole)
    second, third = made.session(), made.session()
    third.feed(features)
    for over in (first, second):
        assert not over.running
        with pytest.raises(InputError, match="wanted a session in progress"):
            over.feed(features)
        with pytest.raises(InputError, match="wanted a session in progress"):
            over.finish()
    same(third.finish(), whole)
    with pytest.raises(InputError, match="begin another"):
        third.finish()


@pytest.mark.parametrize("name", ENGINES)
def test_bad_features_leave_the_session_as_it_was(name: str) -> None:
    made, features = engine("models", name), trial("models")[1]
    session = made.session()
    session.feed(features[:7])
    with pytest.raises(ValueError, match="int8"):
        session.feed(features.astype(np.int16))
    with pytest.raises(InputError, match="channels 0 to 0"):
        session.feed({1: features})
    session.feed(features[7:])
    same(session.finish(), made.run(features))


@pytest.mark.parametrize("name", ENGINES)
def test_nothing_grows_but_the_tokens(name: str) -> None:
    """Features are let go as they are read, and the clock keeps no path."""
    made, (image, features) = engine("models", name), trial("models")
    session: Any = made.session()
    for _ in range(20):
        session.feed(features)
    if name == "rtl":
        assert all(len(array) <= len(features) for array in session._features)
        return
    golden = made if name == "golden" else made._golden  # type: ignore[attr-defined]
    assert len(golden.state.features[0]) <= len(features)
    if name == "cycles":
        assert not session._run.addresses
        assert len(session._run.begun) < len(image.program)
