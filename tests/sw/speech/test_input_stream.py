"""A waveform in pieces becomes the vectors that it becomes as a file, bit for bit."""

import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.speech import input_stream
from sordino.speech.feature_stream import FeatureStream, UtteranceFeatures
from sordino.speech.features import FeatureDefinition
from sordino.speech.input_stream import InputStream, as_samples
from sordino.speech.inputs import read_input
from sordino.speech.mfcc import MfccDefinition, MfccStream, mfcc

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
DEFINITIONS = {"running": RUNNING, "utterance": UTTERANCE, "narrow": NARROW}


def speech(samples: int, seed: int = 1) -> NDArray[np.int16]:
    """Noise that comes and goes."""
    rng = np.random.default_rng(seed)
    loud = 3000 * (1 + np.sin(np.arange(samples) / 2000)) + 5
    return (rng.normal(size=samples) * loud).clip(-32768, 32767).astype(np.int16)


def in_pieces(stream: InputStream, samples: NDArray[np.int16], cuts: Sequence[int]) -> NDArray:
    """What comes of samples that are cut at these places."""
    places = [0, *sorted(min(cut, len(samples)) for cut in cuts), len(samples)]
    found = [stream.push(as_samples(samples[a:b])) for a, b in pairwise(places)]
    return np.concatenate([*found, stream.end()])


def as_file(samples: NDArray[np.int16], rate: int, definition: FeatureDefinition) -> NDArray:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return read_input(io.BytesIO(file.getvalue()), definition, "x.wav").quantised


@pytest.mark.parametrize("name", DEFINITIONS)
@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(3000, 9000),
    rate=st.sampled_from([16_000, 8_000, 44_100, 11_025]),
    cuts=st.lists(st.integers(0, 9000), max_size=12),
    seed=st.integers(0, 99),
)
def test_cuts_change_nothing(name: str, length: int, rate: int, cuts: list[int], seed: int) -> None:
    definition, samples = DEFINITIONS[name], speech(length, seed)
    found = in_pieces(InputStream(definition, rate), samples, cuts)
    np.testing.assert_array_equal(found, as_file(samples, rate, definition))


@pytest.mark.parametrize("name", DEFINITIONS)
@pytest.mark.parametrize("rate", [16_000, 22_050])
def test_single_samples(name: str, rate: int) -> None:
    definition, samples = DEFINITIONS[name], speech(4000)
    found = in_pieces(InputStream(definition, rate), samples, range(4000))
    np.testing.assert_array_equal(found, as_file(samples, rate, definition))


@settings(max_examples=40, deadline=None)
@given(length=st.integers(410, 4000), cuts=st.lists(st.integers(0, 4000), max_size=9))
def test_cepstra_in_pieces(length: int, cuts: list[int]) -> None:
    """In float64, not after rounding alone."""
    samples, stream = speech(length).astype(np.float64), MfccStream(MfccDefinition())
    places = [0, *sorted(min(cut, length) for cut in cuts), length]
    found = [stream.push(samples[a:b]) for a, b in pairwise(places)]
    np.testing.assert_array_equal(np.concatenate([*found, stream.end()]), mfcc(samples))


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(1, 30))
def test_frames_in_pieces(cuts: list[int], frames: int) -> None:
    c = np.random.default_rng(frames).normal(size=(frames, 13)) * 4
    places = [0, *sorted(min(cut, frames) for cut in cuts), frames]
    for stream in (FeatureStream(RUNNING), UtteranceFeatures(UTTERANCE)):
        definition = stream._definition
        found = np.concatenate([*(stream.push(c[a:b]) for a, b in pairwise(places)), stream.end()])
        if frames < definition.stack:
            assert found.shape == (0, definition.dim)
        else:
            np.testing.assert_array_equal(found, definition.model_input(c))


def test_a_vector_comes_with_its_last_sample() -> None:
    """Not a sample later: as many frames as the stack and the deltas reach, and one window."""
    front, samples = RUNNING.front_end, speech(16_000)
    assert RUNNING.look_ahead is not None
    frames = RUNNING.stack + RUNNING.look_ahead
    needed = (frames - 1) * front.frame_shift + front.frame_length
    stream = InputStream(RUNNING)
    assert len(stream.push(as_samples(samples[: needed - 1]))) == 0
    assert len(stream.push(as_samples(samples[needed - 1 : needed]))) == 1
    assert not stream.waits
    waiting = InputStream(UTTERANCE)
    assert waiting.waits
    assert len(waiting.push(as_samples(samples))) == 0


@pytest.mark.parametrize("definition", [RUNNING, UTTERANCE])
@pytest.mark.parametrize("samples", [0, 1, 409, 410])
def test_too_little_gives_no_vector(definition: FeatureDefinition, samples: int) -> None:
    stream = InputStream(definition)
    assert stream.push(as_samples(speech(samples))).shape == (0, definition.dim)
    assert stream.end().shape == (0, definition.dim)


def test_what_is_held_does_not_grow() -> None:
    stream = InputStream(RUNNING)
    for _ in range(50):
        stream.push(as_samples(speech(1601)))
    held = sum(len(array) for array in stream._cepstra._held)
    assert held < RUNNING.front_end.frame_length
    vectors = stream._vectors
    assert isinstance(vectors, FeatureStream)
    assert len(vectors._stacked) < RUNNING.stack


def test_an_utterance_has_an_end_where_all_of_it_is_needed(monkeypatch) -> None:
    """What is too much is not heard, and the rest is."""
    monkeypatch.setattr(input_stream, "MOST_SECONDS", 1)
    stream, samples = InputStream(UTTERANCE), speech(16_000)
    stream.push(as_samples(samples))
    with pytest.raises(InputError, match="wanted an utterance of at most 1 seconds"):
        stream.push(as_samples(speech(1)))
    np.testing.assert_array_equal(stream.end(), as_file(samples, 16_000, UTTERANCE))
    endless = InputStream(RUNNING)
    for _ in range(3):
        endless.push(as_samples(samples))


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros((2, 3), np.int16), "wanted mono samples of shape (n,), got shape (2, 3)"),
        (np.int16(1), "got shape ()"),
        (np.zeros(3, np.int32), "wanted samples of int16, or floats with 1.0 as full scale, got i"),
        (np.zeros(3, np.uint8), "got uint8"),
        (np.zeros(3, complex), "got complex128"),
        (np.array(["a"]), "got <U1"),
        (b"abc", "got shape ()"),
        (np.array([0.0, np.nan]), "wanted finite samples"),
        (np.array([np.inf]), "got inf"),
        (np.array([1e30]), "got 1e+30"),
    ],
)
def test_what_is_no_sound_is_refused(samples: object, said: str) -> None:
    with pytest.raises(InputError) as refused:
        as_samples(samples)  # type: ignore[arg-type]
    assert said in str(refused.value)


def test_floats_and_integers_are_one_scale() -> None:
    samples = speech(100)
    np.testing.assert_array_equal(as_samples(samples), as_samples(samples / 32768.0))
    np.testing.assert_array_equal(as_samples(samples), samples)
    assert len(as_samples([])) == 0


@pytest.mark.parametrize("rate", [0, -1, 3999, 384_001])
def test_a_rate_that_is_none_is_refused(rate: int) -> None:
    with pytest.raises(InputError, match="wanted a sample rate from 4,000 to 384,000 Hz"):
        InputStream(RUNNING, rate)
