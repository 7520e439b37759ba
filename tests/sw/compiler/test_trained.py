"""The trained AN4 models: size, and words on the exact machine."""

import os
from pathlib import Path

import pytest

from sordino.arch import PRESETS
from sordino.boards.registry import BOARDS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.model.load import load_model
from sordino.model.reference import FloatRnnt
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import load_features, load_input
from sordino.speech.wer import word_error_rate

REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("SORDINO_DATA", REPOSITORY / "data"))
MODEL = REPOSITORY / "models" / "an4_rnnt_g4_80.npz"


@pytest.mark.parametrize(("preset", "balance"), [("tiny", 1.0), ("small", 0.99)])
def test_zeros_it_has_are_kept_and_cost_little(preset: str, balance: float) -> None:
    compiled = compile_model(load_model(MODEL), PRESETS[preset], CompileOptions(weight_bits=5))
    summary = compiled.summary()
    assert summary["non_zeros"] == 307_570, "nothing rounds to zero"
    assert summary["bits_per_weight"] < 1.1
    assert len(compiled.image.to_bytes()) < 250_000
    for layer in compiled.layers:
        assert layer.zero_groups == pytest.approx(0.8, abs=1e-3)
        assert layer.values <= 31
        if layer.layer != "joint.output":
            assert layer.balance >= balance


@pytest.mark.parametrize(
    ("name", "bits"),
    [("an4_rnnt_g4_80", 5), ("an4_rnnt_causal", None), ("voices_rnnt_causal", None)],
)
def test_images_that_ship_are_what_the_compiler_makes(name: str, bits: int | None) -> None:
    path = REPOSITORY / "models" / f"{name}.npz"
    compiled = compile_model(load_model(path), PRESETS["small"], CompileOptions(weight_bits=bits))
    assert compiled.image.to_bytes() == path.with_suffix(".sordino").read_bytes()


@pytest.mark.parametrize("name", BOARDS)
def test_the_model_of_the_demo_fits_every_board(name: str) -> None:
    model = load_model(REPOSITORY / "models" / "voices_rnnt_causal.npz")
    image = compile_model(model, BOARDS[name].config).image
    assert image.config.id == BOARDS[name].config.id


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no AN4 in {DATA}; set SORDINO_DATA")
def test_words_are_those_of_the_float_model() -> None:
    model = load_model(MODEL)
    image = compile_model(model, PRESETS["small"], CompileOptions(weight_bits=5)).image
    image = Image.from_bytes(image.to_bytes())
    definition = FeatureDefinition.of_image(image)
    golden, network = Golden(image), FloatRnnt(model.arrays(), model.meta)
    utterances = load_dataset(DATA / "an4", "dev")[::8]
    wanted, got = [], []
    for utterance in utterances:
        x = load_features(utterance.path, definition)
        wanted.append(network.text(network.transcribe(x)))
        got.append(network.text(golden.run(load_input(utterance.path, definition)).tokens))
    spoken = [utterance.text for utterance in utterances]
    machine, floats = word_error_rate(spoken, got), word_error_rate(spoken, wanted)
    assert machine.words > 70
    assert machine.wer < 0.25
    assert abs(machine.errors - floats.errors) <= 2
