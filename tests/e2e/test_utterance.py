"""Real speech through the shipped model: exact machine and circuit agree in every bit."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.registers import Error
from sordino.model.load import load_model
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import load_input

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
DATA = Path(os.environ.get("SORDINO_DATA", ROOT / "data"))
CYCLES_A_FRAME = 90_000
"""More than `tiny` takes for one frame of 10 ms times three and the tokens it emits."""


@pytest.fixture(scope="module")
def image() -> Image:
    """The model for `tiny`, through the file format."""
    model = load_model(MODELS / "an4_rnnt_g4_80.npz")
    compiled = compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=5))
    return Image.from_bytes(compiled.image.to_bytes())


@pytest.fixture(scope="module")
def rtl(image: Image) -> Rtl:
    """The circuit with the model loaded once."""
    return Rtl(image)


def speech(image: Image, path: Path) -> NDArray[np.int8]:
    return load_input(path, FeatureDefinition.of_image(image))


def text_of(image: Image, tokens: list[int]) -> str:
    return "".join(image.host.tokens[token] for token in tokens)


@pytest.mark.parametrize(
    ("name", "frames", "transcript", "words", "instructions"),
    [
        pytest.param("yes", 33, "YES", 407_832, 1007, id="yes"),
        pytest.param("enter-six-five", 30, "ENTER", 378_240, 963, id="enter-six-five"),
    ],
)
def test_utterance_is_identical(
    image: Image,
    rtl: Rtl,
    name: str,
    frames: int,
    transcript: str,
    words: int,
    instructions: int,
) -> None:
    features = speech(image, MODELS / "utterances" / f"{name}.wav")[:frames]
    assert len(features) == frames
    outcome = compare(image, Golden(image), rtl, features)
    assert outcome.first_difference is None
    golden, circuit = outcome.results
    assert circuit.tokens == golden.tokens
    assert (circuit.error, circuit.code) == (Error.NONE, 0)
    assert text_of(image, circuit.tokens) == transcript
    assert (outcome.words_compared, outcome.records_compared) == (words, instructions)
    assert circuit.counters["frames"] == frames
    assert circuit.counters["cycles"] < CYCLES_A_FRAME * frames
    # Five of six cycles walk places, each one a group a cycle.
    assert circuit.counters["matvec"] == pytest.approx(circuit.counters["places"], rel=0.01)
    assert circuit.counters["wait_x"] == 0


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no recordings in {DATA}; set SORDINO_DATA")
@pytest.mark.parametrize(
    ("name", "split", "number"),
    [("an4", "dev", 0), ("an4", "dev", 1), ("fsdd", "test", 0), ("fsdd", "test", 1)],
)
def test_recording_is_identical(image: Image, rtl: Rtl, name: str, split: str, number: int) -> None:
    """The shortest of four that are spread over each data set, and the next: 1.2 seconds."""
    folder = DATA / name / ("recordings" if name == "fsdd" else "")
    recordings = load_dataset(folder, split)
    spread = sorted(recordings[:: len(recordings) // 4], key=lambda r: r.path.stat().st_size)
    features = speech(image, spread[number].path)[:40]
    outcome = compare(image, Golden(image), rtl, features)
    assert outcome.first_difference is None
    assert outcome.results[1].error is Error.NONE
    assert outcome.results[1].counters["frames"] == len(features)
    assert outcome.words_compared > 5_000 * len(features)
