"""The replay against the exact machine: every token."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.golden.machine import Golden
from sordino.model.load import load_model
from sordino.model.random_rnnt import random_model
from sordino.speech.inputs import load_input
from sordino.train.integer_decoding import IntegerDecoder

ROOT = Path(__file__).parents[3]


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    bits=st.integers(2, 8),
    encoder=st.lists(st.integers(1, 12), min_size=1, max_size=2),
    prediction=st.lists(st.integers(1, 9), min_size=1, max_size=2),
    activation=st.sampled_from(["tanh", "relu"]),
    scale=st.sampled_from([0.5, 2.0, 6.0]),
    preset=st.sampled_from(["tiny", "tiny-unstructured"]),
)
def test_equal_to_the_exact_machine(
    seed: int,
    bits: int,
    encoder: list[int],
    prediction: list[int],
    activation: str,
    scale: float,
    preset: str,
) -> None:
    model = random_model(
        seed,
        activation=activation,
        encoder=encoder,
        prediction=prediction,
        zeros=0.4,
        scale=scale,
    )
    rng = np.random.default_rng(seed)
    inputs = [
        rng.integers(-128, 128, (frames, model.inputs)).astype(np.int8) for frames in (7, 1, 12)
    ]
    config = PRESETS[preset]
    golden = Golden(compile_model(model, config, CompileOptions(weight_bits=bits)).image)
    wanted = [list(golden.run(x).tokens) for x in inputs]
    assert IntegerDecoder(model, bits, config.accumulator_bits).transcribe(inputs) == wanted


def test_random_models_say_something() -> None:
    """Else the test above would compare silence."""
    inputs = [np.random.default_rng(1).integers(-128, 128, (12, 6)).astype(np.int8)]
    said = [
        IntegerDecoder(random_model(seed, scale=2.0), 5).transcribe(inputs)[0] for seed in range(8)
    ]
    assert sum(map(bool, said)) >= 4
    assert len({token for tokens in said for token in tokens}) > 3


def test_wide_products_are_exact() -> None:
    model = random_model(1, inputs=1500, encoder=(4,), scale=5.0)
    inputs = [np.full((3, 1500), -128, np.int8)]
    config = PRESETS["tiny"]
    golden = Golden(compile_model(model, config, CompileOptions()).image)
    replay = IntegerDecoder(model, 8, config.accumulator_bits)
    said = replay.transcribe(inputs)
    assert said == [list(golden.run(inputs[0]).tokens)]
    assert len(said[0]) > 3
    assert IntegerDecoder(model, 8).transcribe([]) == []


def test_shipped_model_on_recordings() -> None:
    model = load_model(ROOT / "models" / "an4_rnnt_g4_80.npz")
    definition = model.feature_definition()
    paths = sorted((ROOT / "models" / "utterances").glob("*.wav"))
    inputs = [load_input(path, definition) for path in paths]
    replay = IntegerDecoder(model, 5, PRESETS["small"].accumulator_bits)
    found = replay.transcribe(inputs)
    texts = dict(zip([p.stem for p in paths], found, strict=True))
    assert "".join(model.tokens[t] for t in texts["yes"]) == "YES"
    golden = Golden(compile_model(model, PRESETS["small"], CompileOptions(weight_bits=5)).image)
    for number in (0, len(paths) - 1):
        assert found[number] == list(golden.run(inputs[number]).tokens)
