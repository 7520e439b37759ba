"""Ends of utterances: where they are found, what is sent then, and that nothing is lost."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.decode.beam import BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.decode.scout import Scout
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.lattice.build import listen
from sordino.lattice.coding.owner import image_vocabulary
from sordino.lattice.coding.wire import unpack
from sordino.model.load import model_from_arrays
from sordino.model.random_rnnt import random_arrays, random_meta
from sordino.recogniser.decoding import Beam, Decoding, Greedy
from sordino.recogniser.ends import FINAL_MS, PADDING, SPECULATIVE_MS, EndOptions, EndRule
from sordino.recogniser.events import (
    Confirm,
    Ended,
    Event,
    Final,
    Partial,
    Revised,
    Speculative,
)
from sordino.recogniser.recogniser import Recogniser
from sordino.recogniser.utterances import Utterances
from sordino.speech.features import FeatureDefinition
from sordino.speech.input_stream import InputStream
from sordino.speech.text import Speller
from tests.sw.compiler.programs.endpointers import ENCODER, PREDICTION, endpointer

MODELS = Path(__file__).parents[3] / "models"
UTTERANCES = MODELS / "utterances"
MS = 40


@cache
def image() -> Image:
    return Image.load(MODELS / "an4_rnnt_causal.sordino")


@cache
def sound(name: str) -> NDArray[np.int16]:
    return soundfile.read(UTTERANCES / f"{name}.wav", dtype="int16")[0]


def silence(seconds: float, seed: int = 1) -> NDArray[np.int16]:
    """Noise as it is before somebody speaks."""
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(size=round(16_000 * seconds)) * 8).astype(np.int16)


def vectors_of(samples: NDArray[np.int16]) -> NDArray[np.int8]:
    """What a recogniser hears of samples."""
    stream = InputStream(FeatureDefinition.of_image(image()), 16_000)
    return np.concatenate([stream.push(samples), stream.end()])


def joined(*parts: NDArray[np.int16]) -> NDArray[np.int16]:
    return np.concatenate(parts)


def cut(
    samples: NDArray[np.int16],
    decoding: Decoding | None = None,
    options: EndOptions | None = None,
    cuts: Sequence[int] = (),
    of: Image | None = None,
) -> list[Event]:
    recogniser = Recogniser(of or image(), decoding, ends=options or EndOptions())
    places = [0, *sorted(min(cut, len(samples)) for cut in cuts), len(samples)]
    found = [event for a, b in pairwise(places) for event in recogniser.push(samples[a:b])]
    return [*found, *recogniser.finish()]


def beam(of: Image | None = None, width: int = 2, **more: Any) -> Beam:
    of = of or image()
    machine = MachineTransducer(of)
    return Beam(machine, BeamOptions(beam=width), vocabulary=image_vocabulary(of, None), **more)


def kinds(events: Sequence[Event]) -> list[str]:
    return [event.kind for event in events if not isinstance(event, Partial)]


TWO = ("yes", "enter-six-five")


@pytest.mark.filterwarnings("ignore:the utterance")
def test_two_utterances_are_cut_where_nobody_speaks() -> None:
    samples = joined(sound("yes"), silence(1.2), sound("robert"), silence(1.2))
    events = cut(samples)
    ends = [event for event in events if isinstance(event, Ended)]
    assert [event.text for event in ends] == ["YES", "R O B E R T"]
    assert [event.utterance for event in ends] == [0, 1]
    assert [event.reason for event in ends] == ["blanks", "blanks"]
    assert (ends[0].begin, ends[1].begin) == (0.0, ends[0].seconds)
    assert ends[0].seconds < len(sound("yes")) / 16_000 + 1.2 < ends[1].seconds
    assert kinds(events) == ["speculative", "confirm", "final"] * 2
    likely, last = events[kinds_at(events, "speculative")], ends[0]
    assert isinstance(likely, Speculative)
    assert (likely.text, likely.revision, likely.lattice) == ("YES", 0, None)
    assert last.seconds - likely.seconds == pytest.approx((FINAL_MS - SPECULATIVE_MS) / 1000)


def kinds_at(events: Sequence[Event], kind: str) -> int:
    return next(n for n, event in enumerate(events) if event.kind == kind)


@pytest.mark.filterwarnings("ignore:the utterance")
@pytest.mark.parametrize("search", [False, True])
def test_pieces_change_nothing(search: bool) -> None:
    samples = joined(sound("yes"), silence(0.9), sound("yes"))
    wanted = cut(samples, beam() if search else None)
    assert sum(isinstance(event, Ended) for event in wanted) == 2
    rng = np.random.default_rng(2)
    for cuts in (range(0, len(samples), 640), rng.integers(0, len(samples), 40).tolist()):
        assert cut(samples, beam() if search else None, cuts=cuts) == wanted


@pytest.mark.filterwarnings("ignore:the utterance")
def test_a_search_finds_the_ends_where_the_program_does() -> None:
    samples = joined(sound("yes"), silence(1.0), sound("robert"), silence(1.0))
    plain, searched = cut(samples), cut(samples, beam())
    assert kinds(plain) == kinds(searched)
    for one, other in zip(plain, searched, strict=False):
        if isinstance(one, Ended):
            assert isinstance(other, Ended)
            assert (one.samples, one.begin, one.reason) == (
                other.samples,
                other.begin,
                other.reason,
            )
    lattices = [event for event in searched if getattr(event, "lattice", None)]
    vocabulary = image_vocabulary(image(), None)
    assert [type(event) for event in lattices] == [Speculative, Speculative]
    for event in lattices:
        assert isinstance(event, Speculative)
        assert event.lattice is not None
        best = unpack(event.lattice, vocabulary).best
        assert " ".join(best) == event.text
    assert isinstance(lattices[0].as_dict()["lattice"], str)


@pytest.mark.filterwarnings("ignore:the utterance")
def test_the_lattice_of_a_guess_is_that_of_what_was_heard_so_far() -> None:
    """And the search goes on as if nobody had asked."""
    vectors = vectors_of(sound("yes"))
    one, other = beam(), beam()
    for decoding in (one, other):
        decoding.begin()
    for vector in vectors:
        one.step(vector[None])
        tokens, lattice = one.guess()
        other.step(vector[None])
    machine = MachineTransducer(image())
    found, _ = listen(Decoder(transducer=machine, options=BeamOptions(beam=2)), vectors)
    assert tokens == found[0].tokens
    one.finish()
    other.finish()
    assert lattice == one.lattice == other.lattice
    assert one.hypotheses == other.hypotheses == found


def test_noise_alone_is_nothing() -> None:
    with pytest.warns(match="the utterance"):
        events = cut(silence(3.0))
    (only,) = events
    assert isinstance(only, Ended)
    assert (only.text, only.tokens, only.reason, only.revision) == ("", (), "end", None)


@pytest.mark.filterwarnings("ignore:the utterance")
def test_noise_that_lasts_begins_anew_and_nobody_hears_of_it() -> None:
    begun = []

    class Counted(Greedy):
        def begin(self) -> None:
            begun.append(1)
            super().begin()

    options = EndOptions(longest_s=1.0)
    events = cut(joined(silence(4.0), sound("yes")), Counted(image()), options)
    assert len(begun) > 4
    assert kinds(events) == ["final"]


@pytest.mark.filterwarnings("ignore:the utterance")
def test_speech_that_never_ends_is_cut() -> None:
    samples = joined(*[sound("enter-five-three-four-three")[3000:-3000]] * 3)
    options = EndOptions(longest_s=1.6, final_ms=60_000, speculative_ms=60_000)
    ends = [event for event in cut(samples, options=options) if isinstance(event, Ended)]
    assert [event.reason for event in ends[:-1]] == ["longest"] * (len(ends) - 1)
    assert len(ends) > 3
    lengths = [event.seconds - event.begin for event in ends[:-1]]
    assert lengths == pytest.approx([1.6] * len(lengths))


@pytest.mark.filterwarnings("ignore:the utterance")
def test_an_end_at_the_very_last_frame() -> None:
    """It is said once, by the end itself."""
    long = joined(sound("yes"), silence(1.0))
    end = next(event for event in cut(long) if isinstance(event, Ended))
    whole = Recogniser(image(), ends=EndOptions())
    vectors = vectors_of(long)
    last = end.samples // 640
    events = [*whole.push_vectors(vectors[:last]), *whole.finish()]
    assert [event for event in events if isinstance(event, Ended)] == [end]
    before = [*whole.push_vectors(vectors[: last - 1]), *whole.finish()]
    (only,) = (event for event in before if isinstance(event, Ended))
    assert (only.text, only.reason, only.samples) == ("YES", "end", end.samples - 640)


@pytest.mark.filterwarnings("ignore:the utterance")
def test_no_last_word_is_lost_where_the_recording_is_cut_tight() -> None:
    """Silence behind it goes through the machine: what is written late is written."""
    vectors = vectors_of(sound("yes"))
    plain = Recogniser(image())
    tight = next(
        n
        for n in range(1, len(vectors))
        if [*plain.push_vectors(vectors[:n]), *plain.finish()][-1].text == "YES"
    )
    tight -= 1
    assert [*plain.push_vectors(vectors[:tight]), *plain.finish()][-1].text != "YES"
    cutting = Recogniser(image(), ends=EndOptions())
    events = [*cutting.push_vectors(vectors[:tight]), *cutting.finish()]
    assert events[-1].text == "YES"
    assert events[-1].samples == tight * 640, "what is heard on is no part of the recording"


def test_what_is_cut_tight_is_heard_on_with_its_last_vector() -> None:
    """Not with silence, which would make words of noise that ends."""
    heard = []

    class Remembering(Greedy):
        def step(self, vector: NDArray[np.int8]) -> bool:
            heard.append(vector.tobytes())
            return super().step(vector)

    vectors = vectors_of(sound("yes"))[:9]
    recogniser = Recogniser(image(), Remembering(image()), ends=EndOptions())
    recogniser.push_vectors(vectors[:5])
    recogniser.push_vectors(vectors[5:])
    recogniser.finish()
    assert len(set(heard[:9])) > 1
    assert heard[9:] == [vectors[-1].tobytes()] * PADDING


def test_utterances_without_a_pause_are_one() -> None:
    samples = joined(sound("yes")[:-2000], sound("robert")[2000:])
    ends = [event for event in cut(samples) if isinstance(event, Ended)]
    assert len(ends) == 1
    assert ends[0].text.startswith("YES")


def test_one_recording_after_the_other_begins_anew() -> None:
    recogniser = Recogniser(image(), ends=EndOptions())
    found = []
    for _ in range(2):
        events = [*recogniser.push(sound("yes")), *recogniser.finish()]
        found.append(events)
    assert found[0] == found[1]
    with pytest.warns(match="nothing was heard"):
        assert recogniser.finish()[-1].text == ""


class Said(Greedy):
    """A decoding that says what it is told to."""

    def __init__(self) -> None:
        super().__init__(image())
        self.said, self.tokens = (), []

    def guess(self) -> tuple[tuple[int, ...], bytes | None]:
        return self.said, None


def test_revisions_count_up_and_undo_what_was_sent() -> None:
    speller = Speller(["<b>", "A", "B", " "], 0)
    decoding = Said()
    rule = EndRule(image(), EndOptions(), MS)
    one = Utterances(rule, decoding, speller)
    place = {"samples": 1, "seconds": 2.0}
    sent = list[Event]()
    one.start(7)
    for tokens in ((1,), (1,), (1, 3, 2), (1, 3, 2)):
        decoding.said = tokens
        sent += one.speculate(place)
    assert [(type(event), event.revision, event.text) for event in sent] == [
        (Speculative, 0, "A"),
        (Revised, 1, "A B"),
    ]
    assert isinstance(sent[1], Revised)
    assert sent[1].reset
    assert sent[1].as_dict()["reset"] is True
    decoding.tokens = [1, 3, 2]
    first = list(one.end(place, 0.5, "blanks"))
    assert [(type(event), event.revision) for event in first] == [(Confirm, 1), (Ended, 1)]
    one.start(9)
    decoding.said = (1,)
    list(one.speculate(place))
    decoding.tokens = [2]
    second = list(one.end(place, 0.5, "blanks"))
    assert [(type(event), event.revision) for event in second] == [(Revised, 1), (Ended, 1)]
    one.start(9)
    third = list(one.end(place, 0.5, "longest"))
    assert [(type(event), event.revision) for event in third] == [(Ended, 0)]
    assert [event.utterance for event in (*first[1:], *second[1:], *third)] == [0, 1, 2]


def test_what_was_started_is_undone_with_the_first_new_word() -> None:
    """Once a speculation, and before anybody decides again."""
    decoding = Said()
    one = Utterances(
        EndRule(image(), EndOptions(), MS), decoding, Speller(["<b>", "A", "B", " "], 0)
    )
    place = {"samples": 1, "seconds": 2.0}
    one.start(0)
    heard = list[tuple[str, int, str]]()

    def hear(tokens: tuple[int, ...], *, wrote: bool, likely: bool = False) -> None:
        decoding.said = tokens
        events = [*one.undo(wrote, place), *(one.speculate(place) if likely else ())]
        heard.extend((event.kind, event.revision, event.text) for event in events)

    hear((1,), wrote=True)
    assert not heard, "nothing was started"
    hear((1,), wrote=False, likely=True)
    hear((1,), wrote=False)
    hear((2,), wrote=False)
    assert heard == [("speculative", 0, "A")], "a search that wavers in silence hears nobody"
    heard.clear()
    hear((1, 3), wrote=True)
    assert not heard, "the words are the same"
    hear((1, 3, 2), wrote=False)
    hear((1, 3, 2, 1), wrote=True)
    assert heard == [("revised", 1, "A B")]
    hear((1, 3, 2, 1), wrote=False, likely=True)
    hear((1, 3, 2, 1, 3, 2), wrote=True)
    assert heard[1:] == [("revised", 2, "A BA"), ("revised", 3, "A BA B")]
    decoding.tokens = [1, 3, 2, 1, 3, 2]
    last = list(one.end(place, 0.5, "blanks"))
    assert [(event.kind, event.revision) for event in last] == [("confirm", 3), ("final", 3)]


@pytest.mark.filterwarnings("ignore:the utterance")
@pytest.mark.parametrize("search", [False, True])
def test_a_wrong_speculation_is_undone_before_the_next_one(search: bool) -> None:
    samples = joined(sound("yes"), silence(0.4), sound("robert"), silence(0.8))
    options = EndOptions(speculative_ms=280, final_ms=60_000)
    events = cut(samples, beam() if search else None, options)
    assert kinds(events) == ["speculative", "revised", "revised", "confirm", "final"]
    likely, undone, again = (e for e in events if isinstance(e, Speculative | Revised))
    assert (likely.text, likely.revision) == ("YES", 0)
    assert (undone.revision, again.revision) == (1, 2)
    assert undone.text.startswith("YES ")
    assert again.text == "YES R O B E R T"
    assert undone.seconds < again.seconds - 0.4, "long before the end is likely again"
    if search:
        assert undone.lattice not in (None, likely.lattice)
        return
    at = events.index(undone)
    assert isinstance(events[at - 1], Partial), "right behind the words"
    assert (events[at - 1].text, events[at - 1].samples) == (undone.text, undone.samples)


# The image's own end-pointer


@pytest.fixture(scope="module")
def ending() -> Image:
    """A small model that writes tokens in some frames, and an end-pointer, in one image."""
    sizes: dict[str, Any] = {"encoder": (ENCODER,), "prediction": (PREDICTION,), "joint": 12}
    arrays = random_arrays(np.random.default_rng(5), inputs=117, tokens=12, **sizes)
    arrays |= {"features.mean": np.zeros(13), "features.std": np.full(13, 2.0)}
    meta = random_meta(12, features={"kind": "sphinx-mfcc", "stack": 3})
    model = model_from_arrays(arrays, meta).with_blank_penalty(-2.5)
    made = endpointer(
        speculative={"threshold": -1000, "frames": 1}, final={"threshold": -1000, "frames": 3}
    )
    room = {"tables": 64, "matrices": 64, "program_words": 512}
    return compile_model(model, PRESETS["tiny"].with_settings(room), None, made).image


@pytest.mark.filterwarnings("ignore:the utterance", "ignore:the model's features need the mean")
@pytest.mark.parametrize("search", [False, True])
def test_the_end_pointer_decides(ending: Image, search: bool) -> None:
    samples = joined(*[sound("yes")] * 3)
    plain = cut(samples, of=ending)
    ends = [event for event in plain if isinstance(event, Ended)]
    assert {"endpoint"} <= {event.reason for event in ends}
    if search:
        found = cut(samples, beam(ending, 1), of=ending)
        own = [event for event in found if isinstance(event, Ended)]
        assert [(e.samples, e.reason, e.tokens) for e in own] == [
            (e.samples, e.reason, e.tokens) for e in ends
        ]


def test_the_scout_asks_as_the_program_does(ending: Image) -> None:
    vectors = np.random.default_rng(3).integers(-90, 90, (60, 117)).astype(np.int8)
    program, machine = Golden(ending).session(), MachineTransducer(ending)
    machine.begin()
    scout = Scout(machine, asks=True)
    some = 0
    for vector in vectors:
        came = program.feed(vector[None])
        scout.hear(machine.encode_more(vector[None]))
        assert scout.wrote == any(one.channel == 0 for one in came)
        assert list(scout.decided) == [one.token for one in came if one.channel == 1]
        some += len(scout.decided)
    assert some
    assert machine.work.runs["endpoint"] == 60


def test_a_machine_without_an_end_pointer_cannot_be_asked() -> None:
    machine = MachineTransducer(image())
    assert not machine.ends
    with pytest.raises(InputError, match="an image with an end-pointer, got one without"):
        machine.decide(machine.start(), 0)


# Rules and options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"final_ms": 0}, "final_ms above 0"),
        ({"final_ms": -5}, "final_ms above 0"),
        ({"speculative_ms": 1e9}, "at most 60000"),
        ({"longest_s": None}, "longest_s above 0"),
        ({"longest_s": float("nan")}, "longest_s above 0"),
        ({"final_ms": "200"}, "got '200'"),
        ({"final_ms": True}, "got True"),
        ({"speculative_ms": 300, "final_ms": 200}, "at most final_ms, 200, got 300"),
        ({"speculative_ms": 700}, "at most final_ms, 640, got 700"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EndOptions(**options)


def test_blanks_that_are_stated_decide_whatever_the_image_has(ending: Image) -> None:
    assert EndRule(ending, EndOptions(), MS).by == "endpoint"
    assert EndRule(ending, EndOptions(final_ms=300), MS).by == "blanks"
    assert EndRule(image(), EndOptions(), MS).by == "blanks"
    assert EndOptions(final_ms=300).blanks == (300, 300)
    assert EndOptions(speculative_ms=100).blanks == (100, FINAL_MS)


def test_runs_of_blanks_are_counted_in_milliseconds() -> None:
    rule = EndRule(image(), EndOptions(speculative_ms=80, final_ms=160), MS)
    said = [rule.decide(wrote, ()) for wrote in [False] * 9 + [True, False, False, True]]
    assert [n for n, (likely, _) in enumerate(said) if likely] == [11]
    said = [rule.decide(False, ()) for _ in range(4)]
    assert said == [(False, None), (True, None), (False, None), (False, "blanks")]
    rule.begin()
    assert [rule.decide(False, ()) for _ in range(9)] == [(False, None)] * 9


def test_an_image_that_says_no_times_is_refused(ending: Image) -> None:
    with pytest.raises(InputError, match="says what its input is"):
        EndRule(ending, EndOptions(), None)
    with pytest.raises(InputError, match="EndOptions for ends, got dict"):
        Recogniser(image(), ends={})  # type: ignore[arg-type]


def test_an_image_that_cannot_keep_what_its_end_pointer_wants_is_refused(ending: Image) -> None:
    network = ending.host.networks["endpoint"]
    assert network.ends is not None
    assert not EndRule(ending, EndOptions(), MS).keeps
    ends = replace(network.ends, context="encoder")
    host = SimpleNamespace(networks={"endpoint": replace(network, ends=ends)})
    for options in (EndOptions(), EndOptions(final_ms=300)):
        with pytest.raises(InputError, match=r"wanted an image with an entry point .* compile it"):
            EndRule(SimpleNamespace(host=host), options, MS)  # type: ignore[arg-type]


def test_a_machine_that_keeps_nothing_is_not_followed(ending: Image) -> None:
    for one in (ending, image()):
        with pytest.raises(InputError, match="has the encoder as its context, got one without"):
            MachineTransducer(one).follow()


def test_without_ends_nothing_is_cut() -> None:
    recogniser = Recogniser(image())
    samples = joined(sound("yes"), silence(1.2), sound("yes"))
    events = [*recogniser.push(samples), *recogniser.finish()]
    assert kinds(events) == ["final"]
    assert type(events[-1]) is Final
