"""Behind a cut vectors are those of a recording that begins there, whatever the pieces."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.speech.doubts import Likeness
from sordino.speech.feature_stream import FeatureStream, UtteranceFeatures, vector_stream
from sordino.speech.features import FeatureDefinition
from sordino.speech.input_stream import CepstraStream, InputStream, as_samples
from sordino.speech.inputs import read_input
from sordino.speech.mfcc import MfccDefinition
from sordino.speech.running_likeness import RunningLikeness

RANDOM = np.random.default_rng(1)
UTTERANCE = FeatureDefinition(
    mean=tuple(RANDOM.normal(size=13).tolist()), std=tuple(RANDOM.uniform(0.5, 2, 13).tolist())
)
RUNNING = replace(UTTERANCE, mean_over="running", prior_frames=20.0)
NARROW = replace(
    RUNNING,
    front_end=MfccDefinition(sample_rate=8000, highest=3500.0, fft_size=256),
    stack=2,
    delta_taps=(0.3, 0.1),
)
Floats = NDArray[np.float64]


def pieces(values: NDArray, cuts: Sequence[int]) -> Iterator[NDArray]:
    places = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    return (values[a:b] for a, b in pairwise(places))


def used(
    batches: Iterator[NDArray], anew: Callable[[int], NDArray], ends: Sequence[int]
) -> NDArray | None:
    """The vectors as they are used, where an utterance ends behind vectors of these numbers."""
    found = list[NDArray]()
    for batch in batches:
        while len(batch):
            found.append(batch[0])
            batch = batch[1:]
            if len(found) - 1 in ends:
                batch = anew(len(batch))
    return np.array(found) if found else None


def expected(definition: FeatureDefinition, c: Floats, ends: Sequence[int]) -> Floats:
    """The same, each utterance as a recording of its own."""
    stack, found = definition.stack, np.zeros((0, definition.dim))
    places = [0, *(end + 1 for end in sorted(set(ends)) if end + 1 <= len(c) // stack), None]
    for a, b in pairwise(places):
        assert a is not None
        rest = c[a * stack :]
        if len(rest) >= stack:
            own = definition.model_input(rest)
            found = np.concatenate([found, own if b is None else own[: b - a]])
    return found


def batches_of(stream: Any, values: NDArray, cuts: Sequence[int]) -> Iterator[NDArray]:
    for piece in pieces(values, cuts):
        yield stream.push(piece)
    yield stream.end()


@settings(deadline=None)
@given(
    frames=st.integers(1, 60),
    stack=st.integers(1, 5),
    taps=st.sampled_from([(0.5,), (0.3, 0.6), (0.1, 0.2, 0.3)]),
    mean=st.sampled_from([(0.7, "running"), (0.0, "utterance"), (0.7, "utterance")]),
    cuts=st.lists(st.integers(0, 60), max_size=9),
    ends=st.lists(st.integers(0, 60), max_size=5),
)
def test_vectors_behind_a_cut_are_those_of_a_recording_that_begins_there(
    frames: int,
    stack: int,
    taps: tuple[float, ...],
    mean: tuple[float, str],
    cuts: list[int],
    ends: list[int],
) -> None:
    definition = replace(
        RUNNING, stack=stack, delta_taps=taps, utterance_mean_weight=mean[0], mean_over=mean[1]
    )
    c = np.random.default_rng(frames).normal(size=(frames, 13)) * 5 + 3
    wanted = expected(definition, c, ends)
    stream = vector_stream(definition)
    found = used(batches_of(stream, c, cuts), stream.anew, ends)
    if found is None:
        assert not len(wanted)
    else:
        np.testing.assert_array_equal(found, wanted)
    whole = CepstraStream(definition)
    again = used(batches_of(whole, c, cuts), whole.anew, ends)
    if again is not None:
        np.testing.assert_array_equal(again, definition.quantise(wanted))


@pytest.mark.parametrize("ended", [False, True])
def test_the_rest_of_a_batch_is_made_anew_at_once(ended: bool) -> None:
    """As many vectors; the first one has the edge repeated, as at a beginning."""
    c = RANDOM.normal(size=(41, 13)) + 3
    for unused in range(12):
        stream = FeatureStream(RUNNING)
        batch = stream.end(c) if ended else stream.push(c)
        assert len(batch) == (13 if ended else 12)
        made = stream.anew(unused)
        begin = 3 * (len(batch) - unused)
        fresh = FeatureStream(RUNNING)
        wanted = fresh.end(c[begin:]) if ended else fresh.push(c[begin:])
        np.testing.assert_array_equal(made, wanted)
        assert len(made) == unused
        assert not unused or (made[0] != batch[-unused]).any()


def test_no_more_than_came_out_last_is_made_anew() -> None:
    stream = FeatureStream(RUNNING)
    stream.push(np.zeros((30, 13)))
    last = len(stream.push(np.zeros((9, 13))))
    for unused in (last + 1, -1):
        with pytest.raises(InputError, match="wanted 0 to 3 vectors to be made anew"):
            stream.anew(unused)
    stream.anew(2)
    with pytest.raises(InputError, match="wanted 0 to 2 vectors"):
        stream.anew(3)
    whole = UtteranceFeatures(UTTERANCE)
    whole.push(np.zeros((30, 13)))
    with pytest.raises(InputError, match="wanted 0 to 0 vectors"):
        whole.anew(1)
    assert len(whole.anew(0)) == 0
    assert len(whole.end(np.zeros((3, 13)))) == 11, "nothing is lost before the end"


def test_a_rest_too_short_for_a_vector_gives_none() -> None:
    for stream in (FeatureStream(RUNNING), UtteranceFeatures(UTTERANCE)):
        assert len(stream.end(np.ones((8, 13)))) == 2
        assert stream.anew(0).shape == (0, 117)


def test_what_is_held_is_bounded() -> None:
    stream = FeatureStream(RUNNING)
    for number in range(50):
        vectors = stream.push(np.zeros((10, 13)))
        if number % 7 == 3:
            stream.anew(len(vectors) // 2)
        assert len(stream._held) < 10 + 3 + 4 + 3


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((4, 12)),
        np.zeros((1, 4, 13)),
        np.full((4, 13), np.nan),
        np.full((4, 13), 1e200),
        np.zeros((4, 13), complex),
        [["a"] * 13],
        [[0.0] * 13, [0.0] * 12],
        None,
    ],
)
def test_what_is_no_frame_is_refused_in_one_line(frames: Any) -> None:
    """And nothing has changed."""
    c = RANDOM.normal(size=(30, 13))
    stream = FeatureStream(RUNNING)
    first = stream.push(c[:20])
    with pytest.raises(InputError, match=r"^wanted frames of 13 finite cepstra, got .*; .*$") as e:
        stream.push(frames)
    assert "\n" not in str(e.value)
    found = np.concatenate([first, stream.end(c[20:])])
    np.testing.assert_array_equal(found, RUNNING.model_input(c))


# Samples


def speech(samples: int, seed: int) -> NDArray[np.int16]:
    """Noise that comes and goes."""
    rng = np.random.default_rng(seed)
    loud = 3000 * (1 + np.sin(np.arange(samples) / 2000)) + 5
    return (rng.normal(size=samples) * loud).clip(-32768, 32767).astype(np.int16)


def cepstra_of(samples: NDArray[np.int16], rate: int, definition: FeatureDefinition) -> Floats:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    cepstra = read_input(io.BytesIO(file.getvalue()), definition, "x.wav").cepstra
    assert cepstra is not None
    return cepstra


@settings(max_examples=50, deadline=None)
@given(
    definition=st.sampled_from([RUNNING, UTTERANCE, NARROW]),
    length=st.integers(3000, 9000),
    rate=st.sampled_from([16_000, 8_000, 11_025]),
    cuts=st.lists(st.integers(0, 9000), max_size=12),
    ends=st.lists(st.integers(0, 30), max_size=4),
)
def test_samples_in_pieces_and_in_utterances(
    definition: FeatureDefinition, length: int, rate: int, cuts: list[int], ends: list[int]
) -> None:
    samples = speech(length, length)
    wanted = expected(definition, cepstra_of(samples, rate, definition), ends)
    stream = InputStream(definition, rate)
    found = used(batches_of(stream, as_samples(samples), cuts), stream.anew, ends)
    np.testing.assert_array_equal(found, definition.quantise(wanted))


@settings(max_examples=25, deadline=None)
@given(
    definition=st.sampled_from([RUNNING, UTTERANCE]),
    cuts=st.lists(st.integers(0, 30_000), max_size=12),
    ends=st.lists(st.integers(0, 60), max_size=5),
)
def test_each_vector_counts_once_as_it_was_used(
    definition: FeatureDefinition, cuts: list[int], ends: list[int]
) -> None:
    samples = speech(30_000, 1)
    stream = InputStream(definition)
    used(batches_of(stream, as_samples(samples), cuts), stream.anew, ends)
    cepstra = cepstra_of(samples, 16_000, definition)
    wanted = RunningLikeness(definition)
    wanted.add(as_samples(samples), cepstra, expected(definition, cepstra, ends))
    assert like(stream.likeness()) == pytest.approx(like(wanted.likeness()), rel=1e-9)


def like(found: Likeness) -> tuple[float | None, float | None]:
    return found.spread, found.distance


def test_vectors_that_are_replaced_do_not_count() -> None:
    like = RunningLikeness(RUNNING)
    samples, cepstra = as_samples(speech(16_000, 1)), np.ones((98, 13))
    like.add(samples, cepstra, np.full((32, 117), 9.0))
    like.replace(np.full((20, 117), 5.0))
    like.replace(np.full((32, 117), 2.0))
    like.add(np.zeros(0), np.zeros((0, 13)), np.zeros((0, 117)))
    other = RunningLikeness(RUNNING)
    other.add(samples, cepstra, np.full((32, 117), 2.0))
    assert like.likeness() == other.likeness()


def test_cepstra_of_a_file_are_there_where_it_has_them(tmp_path) -> None:
    c = RANDOM.normal(size=(30, 13))
    np.save(tmp_path / "c.npy", c)
    np.save(tmp_path / "x.npy", RUNNING.model_input(c))
    found = read_input(tmp_path / "c.npy", RUNNING)
    np.testing.assert_array_equal(found.cepstra, c)
    whole = read_input(tmp_path / "x.npy", RUNNING)
    assert whole.cepstra is None
    np.testing.assert_array_equal(whole.quantised, found.quantised)
