"""What a recogniser says depends on what was said, and on nothing else."""

import shutil
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sordino.cycles.engine import Cycles
from sordino.decode.beam import BeamOptions
from sordino.decode.fusion import FusionOptions
from sordino.decode.machine_transducer import MachineTransducer
from sordino.engines.engine import Engine
from sordino.engines.native.rtl import Rtl
from sordino.engines.session import Gathered
from sordino.errors import InputError, InputWarning
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.recogniser.decoding import Beam, Decoding, Greedy
from sordino.recogniser.events import Event, Final, Partial
from sordino.recogniser.recogniser import Recogniser
from sordino.speech.transcript import hear, text_of

MODELS = Path(__file__).parents[3] / "models"
UTTERANCES = sorted((MODELS / "utterances").glob("*.wav"))
CAUSAL, WHOLE = "an4_rnnt_causal", "an4_rnnt_g4_80"


@cache
def image(name: str = CAUSAL) -> Image:
    return Image.load(MODELS / f"{name}.sordino")


@cache
def sound(path: Path) -> NDArray[np.int16]:
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 16_000
    return samples


YES = MODELS / "utterances" / "yes.wav"


def made(name: str, beam: int) -> Decoding:
    if beam:
        return Beam(MachineTransducer(image(name)), BeamOptions(beam=beam))
    return Greedy(image(name))


def of_file(recogniser: Recogniser, path: Path) -> list[Event]:
    """The events of a file that was read as a whole."""
    vectors = hear(recogniser.image, path).quantised
    return [*recogniser.push_vectors(vectors), *recogniser.finish()]


def of_pieces(
    recogniser: Recogniser, samples: NDArray[np.int16], cuts: Sequence[int]
) -> list[Event]:
    places = [0, *sorted(min(cut, len(samples)) for cut in cuts), len(samples)]
    found = [event for a, b in pairwise(places) for event in recogniser.push(samples[a:b])]
    return [*found, *recogniser.finish()]


@pytest.mark.parametrize("path", UTTERANCES, ids=lambda path: path.stem)
@pytest.mark.parametrize(("name", "beam"), [(CAUSAL, 0), (WHOLE, 0), (CAUSAL, 2)])
@pytest.mark.filterwarnings("ignore:the model's features need the mean")
def test_pieces_are_the_file(path: Path, name: str, beam: int) -> None:
    """Any cuts, every 40 ms, and all at once."""
    recogniser, samples = Recogniser(image(name), made(name, beam)), sound(path)
    wanted = of_file(recogniser, path)
    assert [event.final for event in wanted] == [False] * (len(wanted) - 1) + [True]
    rng = np.random.default_rng(len(samples))
    cuts = [[], range(0, len(samples), 640), rng.integers(0, len(samples), 50).tolist()]
    for each in cuts:
        assert of_pieces(recogniser, samples, each) == wanted
    tokens = Golden(image(name)).run(hear(image(name), path).quantised).tokens
    if not beam:
        assert wanted[-1].tokens == tuple(tokens)
        assert wanted[-1].text == text_of(image(name), tokens)


@pytest.mark.filterwarnings("ignore:the utterance")  # a part of a word is unlike words
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cuts=st.lists(st.integers(0, 9000), max_size=20),
    rate=st.sampled_from([16_000, 8_000, 22_050]),
    length=st.integers(2000, 9000),
)
def test_cuts_change_nothing(cuts: list[int], rate: int, length: int) -> None:
    recogniser = Recogniser(image(), rate=rate)
    samples = sound(YES)[3000 : 3000 + length]
    wanted = of_pieces(recogniser, samples, [])
    assert of_pieces(recogniser, samples, cuts) == wanted


@pytest.mark.filterwarnings("ignore:the model's features need the mean")
def test_single_samples(small_image: Path) -> None:
    recogniser = Recogniser(Image.load(small_image))
    samples = sound(YES)[4000:9000]
    wanted = of_pieces(recogniser, samples, [])
    assert of_pieces(recogniser, samples, range(5000)) == wanted
    assert len(wanted) > 2


@pytest.mark.filterwarnings("ignore:the model's features need the mean")
@pytest.mark.parametrize("name", ["cycles", "rtl"])
@pytest.mark.parametrize("beam", [0, 2])
def test_every_engine_says_the_same(small_image: Path, name: str, beam: int) -> None:
    if name == "rtl" and not (shutil.which("c++") or shutil.which("g++")):
        pytest.skip("no C++ compiler (c++ or g++) for the rtl engine")
    small, samples = Image.load(small_image), sound(YES)[3000:9000]
    engines: list[Any] = [Golden(small), {"cycles": Cycles, "rtl": Rtl}[name](small)]
    found = []
    for engine in engines:
        decoding: Decoding = Greedy(small, engine)
        if beam:
            decoding = Beam(MachineTransducer(small, engine), BeamOptions(beam=beam))
        found.append(of_pieces(Recogniser(small, decoding), samples, [100, 3000, 3001]))
    assert found[0] == found[1]
    assert len(found[0]) > 2


@pytest.mark.filterwarnings("ignore:the model's features need the mean")
def test_an_engine_that_cannot_be_fed_says_the_words_at_the_end(small_image: Path) -> None:
    class Whole:
        name = "whole"

        def __init__(self, engine: Golden) -> None:
            self.image, self.run = engine.image, engine.run

    small = Image.load(small_image)
    engine: Engine = Whole(Golden(small))
    found = of_pieces(Recogniser(small, Greedy(small, engine)), sound(YES), [5000])
    wanted = of_pieces(Recogniser(small), sound(YES), [5000])
    assert found == wanted[-1:]
    with pytest.raises(InputError, match="features of one channel"):
        Gathered(engine).feed({0: np.zeros(3, np.int8)})


def test_partial_words_come_while_somebody_speaks() -> None:
    """Each event as soon as its vector can be: with the look-ahead, and no later."""
    recogniser, samples, late = Recogniser(image()), sound(UTTERANCES[0]), []
    for first in range(0, len(samples), 160):
        for event in recogniser.push(samples[first : first + 160]):
            assert isinstance(event, Partial)
            assert event.samples is not None
            assert event.seconds == event.samples / 16_000
            late.append(min(first + 160, len(samples)) - event.samples)
    assert len(late) > 3
    definition = recogniser.definition
    assert definition is not None
    assert definition.look_ahead is not None
    front = definition.front_end
    ahead = (definition.look_ahead - 1) * front.frame_shift + front.frame_length
    assert all(ahead <= each < ahead + 160 for each in late)
    assert recogniser.finish()[-1].text == "ENTER FIVE THREE FOUR THREE"


def test_one_utterance_after_the_other() -> None:
    """What was said before changes nothing."""
    recogniser = Recogniser(image())
    alone = [of_pieces(Recogniser(image()), sound(path), []) for path in UTTERANCES[:3]]
    assert [of_pieces(recogniser, sound(path), [999]) for path in UTTERANCES[:3]] == alone


@pytest.mark.parametrize("beam", [0, 2])
def test_what_is_refused_is_not_heard(beam: int) -> None:
    recogniser, samples = Recogniser(image(), made(CAUSAL, beam)), sound(YES)
    wanted = of_pieces(recogniser, samples, [8000])
    events = recogniser.push(samples[:8000])
    bad: list[Any] = [
        samples.astype(np.int32),
        samples[None],
        np.full(9, np.nan),
        samples.tobytes(),
        samples[0],
    ]
    for piece in bad:
        with pytest.raises(InputError, match=r"wanted .*, got .*; "):
            recogniser.push(piece)
    with pytest.raises(InputError, match=r"wanted an utterance .* got samples and vectors"):
        recogniser.push_vectors(hear(image(), YES).quantised)
    events += recogniser.push([])
    events += recogniser.push(samples[8000:] / 32768)
    assert [*events, *recogniser.finish()] == wanted


def test_vectors_that_are_none_are_refused() -> None:
    recogniser = Recogniser(image())
    vectors = hear(image(), YES).quantised
    for bad in (vectors[:, 1:], vectors[0], vectors.astype(np.int16)):
        with pytest.raises(InputError, match=r"wanted int8 vectors of shape \(n, \d+\), got "):
            recogniser.push_vectors(bad)
    recogniser.push_vectors(vectors[:3])
    with pytest.raises(InputError, match="got vectors and samples"):
        recogniser.push(sound(YES))


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros(0, np.int16), "nothing was heard"),
        (np.zeros(300, np.int16), "are too short for the model to hear anything"),
        (np.zeros(16_000, np.int16), "it holds nothing but silence"),
        (np.ones(16_000), "of its samples are clipped"),
        (sound(YES) / 32768 / 300, "its speech is at -"),
        (sound(YES).astype(float), "above full scale"),
    ],
)
def test_doubtful_sound_is_said_to_be_so(samples: NDArray[Any], said: str) -> None:
    recogniser = Recogniser(image())
    if len(samples):
        recogniser.push(samples)
    with pytest.warns(InputWarning, match=said):
        event = recogniser.finish()[-1]
    assert isinstance(event, Final)
    assert any(said in doubt for doubt in recogniser.doubts)
    recogniser.push(sound(YES))
    assert recogniser.finish()[-1].text == "YES"
    assert recogniser.doubts == ()


def test_a_model_that_waits_for_the_end_says_so() -> None:
    recogniser = Recogniser(image(WHOLE))
    with pytest.warns(InputWarning, match="need the mean of the whole utterance"):
        assert recogniser.push(sound(YES)) == []
    assert len(recogniser.finish()) > 1


def test_an_image_without_features_takes_vectors(small_image: Path) -> None:
    small = Image.load(small_image)
    bare = replace(small, host=replace(small.host, features=None))
    recogniser = Recogniser(bare)
    with pytest.raises(InputError, match="the image holds no feature definition"):
        recogniser.push(sound(YES))
    with pytest.raises(InputError, match="needs int8 vectors, got cepstra"):
        recogniser.push_cepstra(np.zeros((3, 13)))
    vectors = hear(small, YES).quantised
    found = [*recogniser.push_vectors(vectors), *recogniser.finish()]
    wanted = of_file(Recogniser(small), YES)
    assert [event.tokens for event in found] == [event.tokens for event in wanted]
    assert (found[-1].samples, found[-1].seconds) == (None, None)


def test_a_machine_that_stops_ends_the_utterance() -> None:
    """What comes after it is not heard, and the next utterance begins anew."""
    recogniser = Recogniser(image(), Greedy(image(), cycle_limit=400))
    samples = sound(YES)
    events = recogniser.push(samples)
    assert isinstance(events[-1], Final)
    assert events[-1].error == "LIMIT"
    assert recogniser.push(samples) == []
    assert recogniser.finish() == []
    assert recogniser.push(samples) == events


def test_nothing_grows_but_what_was_said() -> None:
    """A minute of it holds as much as ten seconds, but for the tokens."""
    recogniser = Recogniser(image(), made(CAUSAL, 2))
    samples = np.concatenate([sound(path) for path in UTTERANCES])
    beam = recogniser.decoding
    assert isinstance(beam, Beam)
    held = []
    for first in range(0, len(samples), 1600):
        recogniser.push(samples[first : first + 1600])
        if beam._search is not None:
            held.append(len(beam._search._states) + len(beam._search._frames))
    half = len(held) // 2
    assert max(held[half:]) <= max(held[:half]) + 10
    assert sum(len(array) for array in recogniser._stream._cepstra._held) < 410  # type: ignore[union-attr]


def test_events_are_values() -> None:
    event = Partial(samples=640, seconds=0.04, text="A", tokens=(2,))
    assert event.as_dict() == {
        "kind": "partial",
        "samples": 640,
        "seconds": 0.04,
        "text": "A",
        "tokens": (2,),
        "final": False,
    }
    with pytest.raises(FrozenInstanceError):
        event.text = "B"  # type: ignore[misc]
    assert Final(samples=None, seconds=None, text="", tokens=()).as_dict()["error"] is None


@pytest.mark.parametrize("rate", [0, 3_999, 400_000])
def test_a_rate_that_is_none_is_refused_at_once(rate: int) -> None:
    with pytest.raises(InputError, match="wanted a sample rate"):
        Recogniser(image(), rate=rate)


def test_an_image_without_features_takes_no_rate(small_image: Path) -> None:
    small = Image.load(small_image)
    bare = replace(small, host=replace(small.host, features=None))
    with pytest.raises(InputError, match="wanted no rate for an image without feature definition"):
        Recogniser(bare, rate=16_000)


WRONG: dict[str, Any] = {
    "an image's path": lambda: Recogniser("model.sordino"),
    "no image": lambda: Recogniser(None),
    "a rate as text": lambda: Recogniser(image(), rate="a"),
    "a rate with a fraction": lambda: Recogniser(image(), rate=8000.5),
    "a rate that is none": lambda: Recogniser(image(), rate=float("nan")),
    "a rate of True": lambda: Recogniser(image(), rate=True),
    "rates": lambda: Recogniser(image(), rate=[8000]),
    "a decoding by name": lambda: Recogniser(image(), "greedy"),
    "a class": lambda: Recogniser(image(), Greedy),
    "an engine as decoding": lambda: Recogniser(image(), Golden(image())),
    "another image's decoding": lambda: Recogniser(image(), Greedy(image(WHOLE))),
    "an engine by name": lambda: Greedy(image(), "cycles"),
    "greedy without image": lambda: Greedy("model.sordino"),
    "a limit below 0": lambda: Greedy(image(), cycle_limit=-1),
    "a limit as text": lambda: Greedy(image(), cycle_limit="9"),
    "a limit with a fraction": lambda: Greedy(image(), cycle_limit=9.5),
    "records to nowhere": lambda: Greedy(image(), record="yes"),
    "a beam on an image": lambda: Beam(image()),
    "a beam of a number": lambda: Beam(MachineTransducer(image()), 4),
    "no options at all": lambda: Beam(MachineTransducer(image()), 0),
    "a language model by name": lambda: Beam(MachineTransducer(image()), None, "an4.arpa"),
    "a beam as text": lambda: BeamOptions(beam="4"),
    "a beam with a fraction": lambda: BeamOptions(beam=2.5),
    "a beam of True": lambda: BeamOptions(beam=True),
    "a beam that is none": lambda: BeamOptions(beam=float("nan")),
    "a threshold as text": lambda: BeamOptions(threshold="8"),
    "a threshold that is none": lambda: BeamOptions(threshold=float("nan")),
    "merge as text": lambda: BeamOptions(merge="no"),
    "a weight as text": lambda: BeamOptions(internal="0.2"),
    "a weight that is none": lambda: BeamOptions(internal=None),
    "an n-gram's weight as text": lambda: FusionOptions(weight="0.4"),
    "no bonus at all": lambda: FusionOptions(word_bonus=None),
    "a letter's nats as text": lambda: FusionOptions(unknown_letter="-4"),
    "samples of two lengths": lambda: Recogniser(image()).push([[1.0], [2.0, 3.0]]),
    "samples as text": lambda: Recogniser(image()).push("abc"),
    "words as samples": lambda: Recogniser(image()).push(["a", "b"]),
    "no samples": lambda: Recogniser(image()).push(None),
    "complex samples": lambda: Recogniser(image()).push(np.zeros(4, complex)),
    "a list of vectors": lambda: Recogniser(image()).push_vectors([[0] * 156]),
    "no vectors": lambda: Recogniser(image()).push_vectors(None),
    "vectors as text": lambda: Recogniser(image()).push_vectors("abc"),
    "a list of cepstra": lambda: Recogniser(image()).push_cepstra([[0.0] * 13, [0.0]]),
    "cepstra of another width": lambda: Recogniser(image()).push_cepstra(np.zeros((3, 39))),
    "no cepstra": lambda: Recogniser(image()).push_cepstra(None),
    "cepstra as text": lambda: Recogniser(image()).push_cepstra("abc"),
    "cepstra that are none": lambda: Recogniser(image()).push_cepstra(np.full((3, 13), np.nan)),
    "cepstra beyond all bounds": lambda: Recogniser(image()).push_cepstra(np.full(13, 1e300)),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_values_are_one_clear_line(what: str) -> None:
    with pytest.raises(InputError, match=r"^wanted .*, (but )?got .*$") as caught:
        WRONG[what]()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rate", [8000, np.int64(8000), np.uint16(8000)])
def test_whole_numbers_of_any_type_are_rates(rate: Any) -> None:
    assert Recogniser(image(), rate=rate).push(np.zeros(80, np.int16)) == []
    assert BeamOptions(beam=np.int64(2), threshold=np.float32(8), internal=0) is not None


def test_the_same_image_read_twice_is_one() -> None:
    path = MODELS / f"{CAUSAL}.sordino"
    recogniser = Recogniser(Image.load(path), Greedy(Image.load(path)))
    recogniser.push(sound(YES))
    assert recogniser.finish()[-1].text == "YES"
