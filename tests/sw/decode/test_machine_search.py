"""A beam search on the circuit through its window equals that on the exact machine, bit for bit."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.engine import Cycles
from sordino.decode.beam import BeamOptions, Hypothesis, beam_search
from sordino.decode.machine_transducer import MachineTransducer, Work
from sordino.engines.engine import OpenEngine
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.model.random_rnnt import random_model
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import read_input

MODELS = Path(__file__).parents[3] / "models"
BEAM = BeamOptions(beam=4)


def searched(
    image: Image, engine: OpenEngine | None, x: NDArray[np.int8], *, remember: bool = True
) -> tuple[list[Hypothesis], Work]:
    machine = MachineTransducer(image, engine, remember=remember)
    before = machine.work
    return beam_search(machine, x, BEAM), machine.work.since(before)


def equal_on_all_engines(image: Image, x: NDArray[np.int8]) -> list[Hypothesis]:
    """The hypotheses, which all engines have found with the same work, in the circuit's cycles."""
    exact, work = searched(image, None, x)
    assert work.cycles is None
    timed, timed_work = searched(image, Cycles(image), x)
    found, circuit = searched(image, Rtl(image), x)
    assert found == timed == exact, "tokens and scores, not about but exactly"
    assert circuit == timed_work
    assert circuit.cycles is not None
    assert (circuit.runs, circuit.read, circuit.written) == (work.runs, work.read, work.written)
    search = image.network.need_search()
    words = sum(count for _, count in (*search.hidden, *search.cells))
    advances, scores = work.runs["advance"], work.runs["score"]
    joint = search.encoded[1] + search.predicted[1]
    naive, all_work = searched(image, None, x, remember=False)
    assert naive == exact
    assert all_work.written == advances * words + scores * joint > 1.3 * work.written
    assert (all_work.runs, all_work.read) == (work.runs, work.read)
    assert work.read == (
        advances * (words + search.predicted[1])
        + scores * search.scores[1]
        + work.runs["encode"] * search.encoded[1]
    )
    return found


@pytest.fixture(scope="module", autouse=True)
def _cxx() -> None:
    if not (shutil.which("c++") or shutil.which("g++")):
        pytest.skip("no C++ compiler (c++ or g++) for the rtl engine")


@pytest.mark.parametrize("seed", range(3))
def test_random_models(seed: int) -> None:
    model = random_model(
        seed,
        activation="relu" if seed % 2 else "tanh",
        encoder=(8, 5),
        prediction=(7, 6),
        scale=2.0,
        time_reduction=(1, 2) if seed == 2 else None,
    )
    image = compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=5)).image
    x = np.random.default_rng(seed).integers(-128, 128, (7, model.inputs)).astype(np.int8)
    found = equal_on_all_engines(image, x)
    assert len({h.tokens for h in found}) > 1


def test_an_utterance() -> None:
    """The shipped model, the sound of a word and what is around it."""
    image = Image.load(MODELS / "an4_rnnt_causal.sordino")
    definition = FeatureDefinition.of_image(image)
    x = read_input(str(MODELS / "utterances" / "yes.wav"), definition).quantised[6:16]
    found = equal_on_all_engines(image, x)
    assert len(found) == BEAM.beam
    assert found[0].tokens, "something was said"


def test_two_searches_on_one_machine_do_not_meet() -> None:
    """What one leaves in memory is no part of the next."""
    model = random_model(5, encoder=(8, 5), prediction=(7, 6), scale=2.0)
    image = compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=5)).image
    rng = np.random.default_rng(5)
    inputs = [rng.integers(-128, 128, (5, model.inputs)).astype(np.int8) for _ in range(3)]
    machine = MachineTransducer(image, Rtl(image))
    for x in inputs:
        assert beam_search(machine, x, BEAM) == searched(image, Golden(image), x)[0]
