"""Placing: every weight of a model stands in one piece, columns follow the layer before."""

import os
from pathlib import Path

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.passes.place import PlacedGraph, place_graph, with_bounds
from sordino.compiler.passes.prune import prune_model
from sordino.compiler.passes.rounded import quantise_model
from sordino.model.load import load_model
from sordino.model.random_rnnt import random_model

MODELS = Path(os.environ.get("SORDINO_MODELS", Path(__file__).parents[4] / "models"))


def placed_model(preset: str = "tiny") -> PlacedGraph:
    model = random_model(3, inputs=20, encoder=(12, 9), prediction=(7,), joint=10)
    return place_graph(quantise_model(model, 5, 32), PRESETS[preset])


@pytest.mark.parametrize("cuts", [(), (5,), (3, 11)])
def test_pieces_are_numbered_through_and_hold_every_weight(cuts: tuple[int, ...]) -> None:
    placed = with_bounds(placed_model(), {"encoder.0": cuts})
    numbers = [number for layer in placed.layers for number, _ in layer.numbered]
    assert numbers == list(range(len(numbers)))
    for layer in placed.layers:
        stored = sum(np.count_nonzero(slots) for slots in layer.slots())
        assert stored == sum(np.count_nonzero(m.values) for m in layer.layer.matrices)
        assert sum(layer.weights()) == sum(m.values.size for m in layer.layer.matrices)
    first = placed.dealt["encoder.0"]
    w = first.numbers(0, 0)
    assert len(w) == len(cuts) + 1
    widths = [first.slots()[n].shape[2] for n in w]
    assert np.cumsum(widths).tolist() == [*cuts, 20]


def test_columns_follow_the_order_of_the_layer_before() -> None:
    dealt = placed_model().dealt
    first, second = (dealt[f"encoder.{number}"] for number in range(2))
    joint_encoder, joint_prediction = dealt["joint.encoder"], dealt["joint.prediction"]
    assert first.columns[0].tolist() == list(range(20))
    for layer in (first, second):
        assert layer.columns[1].tolist() == layer.layout.order.tolist()
    assert second.columns[0].tolist() == first.layout.order.tolist()
    assert joint_encoder.columns[0].tolist() == second.layout.order.tolist()
    prediction = dealt["prediction.0"]
    assert joint_prediction.columns[0].tolist() == prediction.layout.order.tolist()
    assert joint_encoder.layout.order.tolist() == joint_prediction.layout.order.tolist()
    assert dealt["joint.output"].columns[0].tolist() == joint_encoder.layout.order.tolist()
    assert list(dealt) == [
        "encoder.0",
        "encoder.1",
        "joint.encoder",
        "prediction.0",
        "joint.prediction",
        "joint.output",
    ]


@pytest.mark.skipif(
    not (MODELS / "an4_rnnt_float.npz").is_file(),
    reason=f"no an4_rnnt_float.npz in {MODELS}; set SORDINO_MODELS",
)
@pytest.mark.parametrize(("preset", "least"), [("small", 0.992), ("large", 0.949)])
def test_trained_model_with_half_of_its_weights_is_even(preset: str, least: float) -> None:
    config = PRESETS[f"{preset}-unstructured"]
    model = prune_model(load_model(MODELS / "an4_rnnt_float.npz"), 0.5, 1)
    placed = place_graph(quantise_model(model, 5, 32), config)
    recurrent = [layer for layer in placed.layers if layer.layout.gated]
    assert {layer.name.split(".")[0] for layer in recurrent} == {"encoder", "prediction"}
    for layer in recurrent:
        for slots in layer.slots():
            alive = slots.reshape(len(slots), config.groups, config.group, -1) != 0
            work = alive.any(axis=2).sum(axis=(0, 2))
            assert work.mean() / work.max() >= least, layer.name
