"""An utterance behind a cut is heard as a recording that begins there, its mean as well."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.model.load import model_from_arrays
from sordino.model.random_rnnt import random_arrays, random_meta
from sordino.recogniser import recogniser as room
from sordino.recogniser.decoding import Greedy
from sordino.recogniser.ends import EndOptions
from sordino.recogniser.events import Ended, Event
from sordino.recogniser.recogniser import Recogniser
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import load_cepstra
from tests.sw.compiler.programs.endpointers import ENCODER, PREDICTION, endpointer
from tests.sw.compiler.programs.test_programs import ROOM

MODELS = Path(__file__).parents[3] / "models"
Floats = NDArray[np.float64]
pytestmark = pytest.mark.filterwarnings(
    "ignore:the utterance", "ignore:the model's features need the mean"
)


class Remembering(Greedy):
    """A decoding that remembers what it heard, utterance by utterance."""

    def __init__(self, image: Image) -> None:
        super().__init__(image)
        self.heard = list[list[NDArray[np.int8]]]()

    def begin(self) -> None:
        self.heard.append([])
        super().begin()

    def step(self, vector: NDArray[np.int8]) -> bool:
        self.heard[-1].append(vector[0].copy())
        return super().step(vector)


@cache
def shipped() -> Image:
    return Image.load(MODELS / "an4_rnnt_causal.sordino")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[NDArray[np.int16], Floats]:
    """Two loud utterances and a soft one with pauses, which the running mean would not forget."""
    rng, parts = np.random.default_rng(1), list[NDArray[Any]]()
    for name, gain in (("yes", 1.0), ("robert", 1.0), ("yes", 0.3)):
        sound = soundfile.read(MODELS / "utterances" / f"{name}.wav", dtype="int16")[0]
        parts += [sound * gain, rng.normal(size=16_000) * 8 * gain]
    samples = np.round(np.concatenate(parts)).astype(np.int16)
    path = tmp_path_factory.mktemp("two") / "two.wav"
    soundfile.write(path, samples, 16_000)
    definition = FeatureDefinition.of_image(shipped())
    return samples, load_cepstra(path, definition.front_end)


def ends_in(events: Sequence[Event]) -> list[Ended]:
    return [event for event in events if isinstance(event, Ended)]


def pieces(values: NDArray[Any], cuts: Sequence[int]) -> list[NDArray[Any]]:
    places = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    return [values[a:b] for a, b in pairwise(places)]


def test_the_second_utterance_is_that_of_a_recording_that_begins_with_it(
    two: tuple[NDArray[np.int16], Floats],
) -> None:
    samples, cepstra = two
    definition, decoding = FeatureDefinition.of_image(shipped()), Remembering(shipped())
    recogniser = Recogniser(shipped(), decoding, ends=EndOptions())
    ends = ends_in([*recogniser.push(samples), *recogniser.finish()])
    assert [event.text for event in ends] == ["YES", "R O B E R T", "YES"]
    whole = definition.quantise(definition.model_input(cepstra))
    for one, other in pairwise(ends):
        assert one.samples is not None
        assert other.samples is not None
        cut = one.samples // 160
        alone = Recogniser(shipped(), ends=EndOptions())
        first = ends_in([*alone.push_cepstra(cepstra[cut:]), *alone.finish()])[0]
        assert (first.text, first.tokens, first.reason) == (other.text, other.tokens, other.reason)
        assert first.samples == other.samples - one.samples
        heard = decoding.heard[other.utterance]
        wanted = definition.quantise(definition.model_input(cepstra[cut:]))[: len(heard)]
        np.testing.assert_array_equal(heard, wanted)
        begin = cut // definition.stack
        assert (wanted != whole[begin : begin + len(heard)]).mean() > 0.1, "the mean went on"


def test_cepstra_and_samples_in_any_pieces_are_the_same(
    two: tuple[NDArray[np.int16], Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events, and what is said of the whole."""
    samples, cepstra = two
    recogniser = Recogniser(shipped(), ends=EndOptions())
    wanted = [*recogniser.push(samples), *recogniser.finish()]
    saturated, like = recogniser.saturated, recogniser.like
    assert saturated > 0
    rng = np.random.default_rng(2)
    for size in (None, 3):
        if size is not None:
            monkeypatch.setattr(room, "_SAMPLES", 160 * size)
            monkeypatch.setattr(room, "_FRAMES", size)
        for cuts in ([], range(0, len(cepstra), 7), rng.integers(0, len(cepstra), 30).tolist()):
            found = list[Event]()
            for piece in pieces(cepstra, cuts):
                found += recogniser.push_cepstra(piece)
            assert [*found, *recogniser.finish()] == wanted
            assert recogniser.saturated == saturated
            assert (recogniser.audio, recogniser.like.spread) == (None, None)
            found = []
            for piece in pieces(samples, [160 * cut for cut in cuts]):
                found += recogniser.push(piece)
            assert [*found, *recogniser.finish()] == wanted
            assert recogniser.saturated == saturated
            assert recogniser.like.spread == pytest.approx(like.spread, rel=1e-9)
            assert recogniser.like.distance == pytest.approx(like.distance, rel=1e-9)


def test_the_saturated_share_is_that_of_what_was_heard(
    two: tuple[NDArray[np.int16], Floats],
) -> None:
    cepstra = two[1][:-50] * 1.5
    vectors = len(cepstra) // 4
    for cuts in ([], [250], range(0, len(cepstra), 7)):
        decoding = Remembering(shipped())
        recogniser = Recogniser(shipped(), decoding, ends=EndOptions())
        for piece in pieces(cepstra, cuts):
            recogniser.push_cepstra(piece)
        recogniser.finish()
        heard = np.concatenate([np.array(own) for own in decoding.heard if own])[:vectors]
        assert len(decoding.heard) >= 3
        assert recogniser.vectors == vectors
        assert recogniser.saturated == np.isin(heard, (-128, 127)).mean() > 0


def built(mean: str, context: str) -> Image:
    """A small model that writes tokens in some frames, and an end-pointer, in one image."""
    sizes: dict[str, Any] = {"encoder": (ENCODER,), "prediction": (PREDICTION,), "joint": 12}
    arrays = random_arrays(np.random.default_rng(5), inputs=117, tokens=12, **sizes)
    arrays |= {"features.mean": np.zeros(13), "features.std": np.full(13, 2.0)}
    features = {"kind": "sphinx-mfcc", "stack": 3, "mean_over": mean}
    model = model_from_arrays(arrays, random_meta(12, features=features)).with_blank_penalty(-2.5)
    made = endpointer(final={"threshold": -1000, "frames": 3}, context=context)
    return compile_model(model, PRESETS["tiny"].with_settings(ROOM), None, made).image


@pytest.mark.parametrize("context", ["reset", "encoder"])
@pytest.mark.parametrize("mean", ["running", "utterance"])
def test_the_mean_goes_on_where_the_encoder_keeps_its_state(mean: str, context: str) -> None:
    image = built(mean, context)
    definition, decoding = FeatureDefinition.of_image(image), Remembering(image)
    recogniser = Recogniser(image, decoding, ends=EndOptions())
    cepstra = np.random.default_rng(3).normal(size=(182, 13)) * 4 + 5
    events = [*recogniser.push_cepstra(cepstra), *recogniser.finish()]
    ends = ends_in(events)
    assert len(ends) > 2
    heard = np.array([vector for own in decoding.heard for vector in own])
    places = [0, *(event.samples // 480 for event in ends if event.samples is not None)]
    assert places[-1] == 60
    if context == "encoder":
        assert len(decoding.heard) == 1
        wanted = definition.quantise(definition.model_input(cepstra))
    else:
        parts = [
            definition.quantise(definition.model_input(cepstra[3 * a :]))[: b - a]
            for a, b in pairwise(places)
        ]
        wanted = np.concatenate(parts)
    np.testing.assert_array_equal(heard[:60], wanted)


def test_an_utterance_is_of_one_kind(two: tuple[NDArray[np.int16], Floats]) -> None:
    """Also behind a cut, where none is in progress."""
    samples, cepstra = two
    definition = FeatureDefinition.of_image(shipped())
    vectors = definition.quantise(definition.model_input(cepstra))
    recogniser = Recogniser(shipped(), ends=EndOptions())
    pushes: dict[str, Any] = {
        "samples": (recogniser.push, samples[:40_000]),
        "cepstra": (recogniser.push_cepstra, cepstra[:250]),
        "vectors": (recogniser.push_vectors, vectors[:62]),
    }
    for kind, (push, its) in pushes.items():
        push(its)
        for other, (refused, given) in pushes.items():
            if other != kind:
                with pytest.raises(InputError, match=rf"wanted .* got {kind} and {other}; finish"):
                    refused(given)
        push(its)
        recogniser.finish()


def test_one_frame_is_a_piece_and_none_is_none(two: tuple[NDArray[np.int16], Floats]) -> None:
    cepstra = two[1][:120]
    recogniser = Recogniser(shipped())
    wanted = [*recogniser.push_cepstra(cepstra), *recogniser.finish()]
    found = recogniser.push_cepstra(np.zeros((0, 13)))
    for frame in cepstra:
        found += recogniser.push_cepstra(frame)
    assert [*found, *recogniser.finish()] == wanted
    assert wanted[-1].text == "YES"
    recogniser.push_cepstra(cepstra[:3])
    with pytest.warns(match="nothing was heard"):
        assert recogniser.finish()[-1].text == ""
