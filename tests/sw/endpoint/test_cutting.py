"""What is cut out of many recordings at once is what a recogniser cuts out of each."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.decode.beam import BeamOptions
from sordino.decode.machine_transducer import MachineTransducer
from sordino.endpoint.cutting import Piece, by_network, cut
from sordino.endpoint.decisions import Level
from sordino.endpoint.hearing import RUN_ROWS, Heard, Hearing
from sordino.endpoint.integers import IntegerEndpointer
from sordino.image.section.networks import CONTEXTS
from sordino.model.load import model_from_arrays
from sordino.model.random_rnnt import random_arrays, random_meta
from sordino.recogniser.decoding import Beam, Greedy
from sordino.recogniser.ends import EndOptions
from sordino.recogniser.events import Ended
from sordino.recogniser.recogniser import Recogniser
from tests.sw.compiler.programs.endpointers import ENCODER, PREDICTION, arrays_of, endpointer
from tests.sw.compiler.programs.test_programs import ROOM

LEVEL = Level(0.0, 2)
LONGEST = 50
"""Input vectors, of 30 ms."""


def transducer(mean: str) -> Any:
    sizes: dict[str, Any] = {"encoder": (ENCODER,), "prediction": (PREDICTION,), "joint": 12}
    arrays = random_arrays(np.random.default_rng(5), inputs=117, tokens=12, **sizes)
    arrays |= {"features.mean": np.zeros(13), "features.std": np.full(13, 2.0)}
    features = {"kind": "sphinx-mfcc", "stack": 3, "mean_over": mean, "prior_frames": 20}
    meta = random_meta(
        12, features=features if mean == "running" else {**features, "prior_frames": 0}
    )
    return model_from_arrays(arrays, meta).with_blank_penalty(-2.5)


@pytest.fixture(scope="module")
def model() -> Any:
    return transducer("running")


def sound(rng: np.random.Generator, vectors: int, more: int = 0) -> NDArray[np.float64]:
    """Cepstra (frames, 13), now loud and now not, around a mean that is far from the model's."""
    frames = 3 * vectors + more
    loud = np.repeat(rng.choice([0.2, 4.0], vectors + 1), 3)[:frames, None]
    return rng.normal(size=(frames, 13)) * loud + rng.normal(size=13) * 3


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")
@pytest.mark.parametrize("search", [False, True])
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("mean", ["running", "utterance"])
def test_pieces_are_those_of_a_recogniser(mean: str, context: str, search: bool) -> None:
    """Greedily and with a search; with the encoder cleared between them, and without."""
    model = transducer(mean)
    config = PRESETS["tiny"].with_settings(ROOM)
    final = {"threshold": LEVEL.threshold, "frames": LEVEL.frames}
    made = endpointer(runs=RUN_ROWS, final=final, context=context)
    image = compile_model(model, config, CompileOptions(weight_bits=4), made).image
    hearing = Hearing(model, 4, config.accumulator_bits)
    rng = np.random.default_rng(1)
    recordings = [sound(rng, *sizes) for sizes in ((0, 2), (7, 0), (90, 1), (160, 2))]
    network = IntegerEndpointer(arrays_of(runs=RUN_ROWS), 4)
    decide = by_network(network, ("encoder", "prediction"), [LEVEL] * len(recordings))
    keeps = context == "encoder"
    found = cut(hearing, model.feature_definition(), recordings, decide, LONGEST, keeps=keeps)
    decoding = Beam(MachineTransducer(image), BeamOptions(beam=1)) if search else Greedy(image)
    recogniser = Recogniser(image, decoding, ends=EndOptions(longest_s=LONGEST * 0.03))
    assert ("follow" in image.host.entries) == keeps
    for x, pieces in zip(recordings, found, strict=True):
        events = [*recogniser.push_cepstra(x), *recogniser.finish()]
        ended = [event for event in events if isinstance(event, Ended) and event.tokens]
        assert [(one.begin, one.end, one.tokens, one.last) for one in pieces] == [
            (round(e.begin / 0.03), e.samples // 480, e.tokens, e.reason == "end") for e in ended
        ]
    reasons = {piece.last for pieces in found for piece in pieces}
    assert reasons == {True, False}
    assert max(map(len, found)) > 2


def test_an_utterance_goes_on_where_the_one_before_ended(model: Any) -> None:
    """Nothing between them is lost, and each is decided with its own numbers."""
    seen = list[tuple[tuple[int, ...], list[int]]]()

    def decide(numbers: Any, heard: Any) -> list[int | None]:
        seen.append((tuple(numbers), [len(one.run) for one in heard]))
        return [2 if number else None for number in numbers]

    class Talking(Hearing):
        def decode(self, encoded: Any) -> list[Heard]:
            return [
                Heard(
                    layers=own, prediction=own[0], run=np.zeros(len(own[0]), np.int64),
                    tokens=tuple(range(1, len(own[0]) + 1)), frames=tuple(range(len(own[0]))),
                )
                for own in encoded
            ]  # fmt: skip

    x = np.zeros((24, 13))
    hearing = Talking(model, 4)
    first, second = cut(hearing, model.feature_definition(), [x[:12], x], decide)
    assert first == [Piece(begin=0, end=4, tokens=tuple(range(1, 11)), last=True)]
    assert [(one.begin, one.end, len(one.tokens)) for one in second] == [
        (0, 3, 3), (3, 6, 3), (6, 8, 8)
    ]  # fmt: skip
    assert seen == [((0, 1), [10, 14]), ((1,), [11]), ((1,), [8])]


def test_what_the_encoder_heard_before_changes_what_is_heard(model: Any) -> None:
    """Else the two contexts would not be told apart here."""
    hearing = Hearing(model, 4)
    rng = np.random.default_rng(1)
    x = sound(rng, 160)
    network = IntegerEndpointer(arrays_of(runs=RUN_ROWS), 4)
    decide = by_network(network, ("encoder", "prediction"), [LEVEL])
    kept, cleared = (
        cut(hearing, model.feature_definition(), [x], decide, LONGEST, keeps=keeps)[0]
        for keeps in (True, False)
    )
    assert kept[0] == cleared[0]
    assert kept[1:] != cleared[1:]


@pytest.mark.parametrize("keeps", [False, True])
def test_recordings_too_short_for_a_vector_have_no_utterance(model: Any, keeps: bool) -> None:
    decide = by_network(IntegerEndpointer(arrays_of(runs=RUN_ROWS), 4), ("encoder",), [LEVEL])
    recordings = [np.zeros((2, 13)), np.zeros((0, 13))]
    found = cut(Hearing(model, 4), model.feature_definition(), recordings, decide, keeps=keeps)
    assert found == [[], []]
