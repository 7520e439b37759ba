"""The float network: against a literal one, and on real speech."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sordino.errors import InputError
from sordino.meta.table import Meta
from sordino.model.reference import FloatRnnt
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import load_features
from sordino.speech.wer import word_error_rate

LoadModel = Callable[[str], tuple[dict[str, np.ndarray], dict[str, Any]]]


def small_model(
    layers: int = 2, activation: str = "tanh", after: int = 0, factor: int = 1
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    random = np.random.default_rng(3)
    shapes: dict[str, tuple[int, ...]] = {"prediction.embedding.weight": (4, 3)}
    widths = [6 if i == 0 else 5 * factor if i == after else 5 for i in range(layers)]
    cells = [(f"encoder.{i}", width, 5) for i, width in enumerate(widths)]
    for name, inputs, hidden in [*cells, ("prediction.0", 3, 4)]:
        shapes[f"{name}.weight_ih"] = (4 * hidden, inputs)
        shapes[f"{name}.weight_hh"] = (4 * hidden, hidden)
        shapes[f"{name}.bias_ih"] = shapes[f"{name}.bias_hh"] = (4 * hidden,)
    for name, outputs, inputs in (("encoder", 7, 5), ("prediction", 7, 4), ("output", 4, 7)):
        shapes[f"joint.{name}.weight"] = (outputs, inputs)
        shapes[f"joint.{name}.bias"] = (outputs,)
    meta = {
        "tokens": ["<blank>", " ", "A", "B"],
        "blank": 0,
        "max_symbols_per_frame": 2,
        "encoder": {"layers": layers},
        "prediction": {},
        "joint": {"activation": activation},
    }
    if after:
        meta["encoder"] = {"layers": layers, "time_reduction": {"after": after, "factor": factor}}
    # small biases: with large ones the model says one thing whatever it hears
    scale = {name: 0.2 if "bias" in name else 2.0 for name in shapes}
    return {name: random.normal(size=shapes[name]) * scale[name] for name in shapes}, meta


def literal_transcribe(p: dict[str, np.ndarray], meta: dict[str, Any], x: np.ndarray) -> list[int]:
    """Unit by unit, gate by gate."""

    def sigmoid(v: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-v))

    def cell(n: str, v: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = len(h)

        def gate(k: int) -> np.ndarray:
            rows = slice(k * size, (k + 1) * size)
            biases = p[f"{n}.bias_ih"][rows] + p[f"{n}.bias_hh"][rows]
            return p[f"{n}.weight_ih"][rows] @ v + p[f"{n}.weight_hh"][rows] @ h + biases

        c = sigmoid(gate(1)) * c + sigmoid(gate(0)) * np.tanh(gate(2))
        return sigmoid(gate(3)) * np.tanh(c), c

    states = [(np.zeros(5), np.zeros(5))] * meta["encoder"]["layers"]
    reduction = meta["encoder"].get("time_reduction", {"after": 0, "factor": 1})
    waiting: list[np.ndarray] = []
    g, c = cell("prediction.0", p["prediction.embedding.weight"][0], np.zeros(4), np.zeros(4))
    found: list[int] = []
    for t, v in enumerate(x):
        for layer in range(reduction["after"]):
            states[layer] = cell(f"encoder.{layer}", v, *states[layer])
            v = states[layer][0]
        waiting.append(v)
        if t == len(x) - 1:
            waiting += [np.zeros(len(v))] * (reduction["factor"] - len(waiting))
        if len(waiting) < reduction["factor"]:
            continue
        v, waiting = np.concatenate(waiting), []
        for layer in range(reduction["after"], len(states)):
            states[layer] = cell(f"encoder.{layer}", v, *states[layer])
            v = states[layer][0]
        for _ in range(meta["max_symbols_per_frame"]):
            joint = p["joint.encoder.weight"] @ v + p["joint.encoder.bias"]
            joint = joint + p["joint.prediction.weight"] @ g + p["joint.prediction.bias"]
            joint = np.tanh(joint) if meta["joint"]["activation"] == "tanh" else joint * (joint > 0)
            token = int(np.argmax(p["joint.output.weight"] @ joint + p["joint.output.bias"]))
            if token == meta["blank"]:
                break
            found.append(token)
            g, c = cell("prediction.0", p["prediction.embedding.weight"][token], g, c)
    return found


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_equals_a_literal_network(layers: int, activation: str) -> None:
    arrays, meta = small_model(layers, activation)
    x = np.random.default_rng(4).normal(size=(40, 6)) * 2
    got = FloatRnnt(arrays, meta).transcribe(x)
    assert got == literal_transcribe(arrays, meta, x)
    assert len(set(got)) > 1  # it does say something


@pytest.mark.parametrize(("layers", "after", "factor"), [(2, 1, 2), (3, 2, 3), (3, 1, 7)])
@pytest.mark.parametrize("frames", [1, 39, 40, 41, 42])
def test_time_reduction_equals_a_literal_network(
    layers: int, after: int, factor: int, frames: int
) -> None:
    arrays, meta = small_model(layers, "tanh", after, factor)
    network = FloatRnnt(arrays, meta)
    x = np.random.default_rng(4).normal(size=(frames, 6)) * 2
    assert network.encode(x).shape == (-(-frames // factor), 5)
    got = network.transcribe(x)
    assert got == literal_transcribe(arrays, meta, x)
    assert got or frames == 1


def test_symbols_per_frame_are_limited() -> None:
    arrays, meta = small_model()
    arrays["joint.output.bias"] = np.array([-1e3, 0, 1e3, 0])  # always A
    assert FloatRnnt(arrays, meta).transcribe(np.zeros((3, 6))) == [2] * 6
    arrays["joint.output.bias"] = np.array([1e3, 0, 0, 0])  # always blank
    assert FloatRnnt(arrays, meta).transcribe(np.zeros((3, 6))) == []


def test_text() -> None:
    assert FloatRnnt(*small_model()).text([1, 2, 3, 1, 1, 3, 1]) == "AB B"


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("encoder.1.weight_ih", (20, 4), "encoder.1 inputs"),
        ("encoder.0.weight_hh", (20, 4), "encoder.0.weight_hh of size"),
        ("encoder.0.bias_ih", (19,), "bias per row"),
        ("joint.output.weight", (4, 6), "joint.encoder rows"),
        ("joint.prediction.weight", (7, 3), "joint.prediction inputs"),
        ("prediction.embedding.weight", (3, 3), "embedding rows"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    name: str, shape: tuple[int, ...], message: str
) -> None:
    arrays, meta = small_model()
    with pytest.raises(InputError, match=message):
        FloatRnnt(arrays | {name: np.zeros(shape)}, meta)


def test_bad_models_and_inputs_are_refused() -> None:
    arrays, meta = small_model()
    with pytest.raises(InputError, match=r"encoder\.2\.weight_ih"):
        FloatRnnt(arrays, meta | {"encoder": {"layers": 3}})
    with pytest.raises(InputError, match=r"encoder\.layers as a whole number from 1"):
        FloatRnnt(arrays, meta | {"encoder": {"layers": 0}})
    stacked = {"layers": 2, "time_reduction": {"after": 1, "factor": 2}}
    with pytest.raises(InputError, match=r"wanted 10 encoder\.1 inputs in the model, got 5"):
        FloatRnnt(arrays, meta | {"encoder": stacked})
    with pytest.raises(InputError, match="tanh or relu"):
        FloatRnnt(arrays, meta | {"joint": {"activation": "gelu"}})
    with pytest.raises(InputError, match="tokens"):
        FloatRnnt(arrays, {})
    with pytest.raises(InputError, match=r"\(frames, 6\)"):
        FloatRnnt(arrays, meta).transcribe(np.zeros((3, 7)))


def reference_of(load_model: LoadModel, name: str) -> tuple[FloatRnnt, FeatureDefinition]:
    arrays, meta = load_model(name)
    features = Meta.read(meta).features
    assert features is not None
    definition = FeatureDefinition.from_meta(
        features, arrays["features.mean"], arrays["features.std"]
    )
    return FloatRnnt(arrays, meta), definition


@pytest.mark.parametrize(("name", "errors"), [("an4_rnnt_float", 97), ("an4_rnnt_g4_80", 104)])
def test_published_word_error_rates(
    load_model: LoadModel, an4: Path, name: str, errors: int
) -> None:
    """15.52 % and 16.64 % of the 625 words of the development set."""
    net, definition = reference_of(load_model, name)
    utterances = load_dataset(an4, "dev")
    said = [net.text(net.transcribe(load_features(u.path, definition))) for u in utterances]
    got = word_error_rate([u.text for u in utterances], said)
    assert (got.errors, got.words) == (errors, 625)


def test_synthesised_utterances_are_understood(load_model: LoadModel, utterances: Path) -> None:
    net, definition = reference_of(load_model, "an4_rnnt_g4_80")
    with (utterances / "transcripts.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == len(list(utterances.glob("*.wav")))
    said = {
        r["file"]: net.text(net.transcribe(load_features(utterances / r["file"], definition)))
        for r in rows
    }
    expected = {r["file"]: r["transcript"] for r in rows}
    assert said == expected | {"rubout-g-m-e-f.wav": "RUBOUT G M E S"}
