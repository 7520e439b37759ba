"""A graph in floating point: node by node it is what its layers say, and an RNN-T is its graph."""

from typing import Any

import numpy as np
import pytest

from sordino.graph.floats import FloatGraph
from sordino.layers.cells import CELLS
from sordino.layers.recurrent import Recurrent
from sordino.layers.stack import Stack
from sordino.model.random_rnnt import random_model
from sordino.model.reference import FloatRnnt
from tests.sw.graph.drawn import drawn_graph

MODELS: dict[str, dict[str, Any]] = {
    "plain": {},
    "deep": {"encoder": (9, 4, 7), "prediction": (6, 5)},
    "relu": {"activation": "relu"},
    "pairs of frames": {"encoder": (6, 5), "time_reduction": (1, 2)},
    "three frames after two layers": {"encoder": (6, 5, 8), "time_reduction": (2, 3)},
    "projection": {"encoder": (9, 8), "prediction": (7,), "projection": 4},
    "projection, pairs of frames": {"encoder": (9, 8), "projection": 4, "time_reduction": (1, 2)},
}
if any(kind.__name__ == "Gru" for kind in CELLS):
    MODELS["GRU"] = {"gates": 3, "encoder": (9, 6)}
EMBEDDING = "prediction.embedding"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", MODELS)
def test_an_rnnt_is_a_walk_over_the_nodes_of_its_graph(case: str, seed: int) -> None:
    """The greedy loop, network by network: halves, scores and tokens."""
    model = random_model(seed, scale=2.0, **MODELS[case]).with_blank_penalty(2.0)
    reference = FloatRnnt(model.arrays(), model.meta)
    walk = FloatGraph(model.graph())
    factor = model.time_reduction.factor
    frames = np.random.default_rng(seed).normal(size=(12 * factor, model.inputs))
    halves, tokens = reference.encoder_half(frames), list[int]()
    state = reference.start()

    def predict(token: int) -> None:
        walk.run("prediction", {f"{EMBEDDING}.row": np.array(token)})
        assert walk.results["joint.prediction"] == pytest.approx(state.half, abs=1e-12)

    predict(model.blank)
    for number, x in enumerate(frames):
        walk.run("encoder", {"x": x})
        if (number + 1) % factor:
            continue
        half = halves[number // factor]
        assert walk.results["joint.encoder"] == pytest.approx(half, abs=1e-12)
        for _ in range(model.max_symbols):
            token = int(walk.run("joint")[0])
            scores = reference.logits(half, state)
            assert walk.results["joint.output"] == pytest.approx(scores, abs=1e-11)
            assert walk.run("score") == pytest.approx(scores, abs=1e-11)
            if token == model.blank:
                break
            tokens.append(token)
            state = reference.advance(state, token)
            predict(token)
    assert tokens == reference.transcribe(frames)
    assert tokens, "a model that says nothing shows little"


def test_advance_is_prediction_after_the_embedding() -> None:
    model = random_model(1)
    one, other = FloatGraph(model.graph()), FloatGraph(model.graph())
    for token in (3, 1, 3):
        one.run("prediction", {f"{EMBEDDING}.row": np.array(token)})
        other.results[EMBEDDING] = model.embedding[token]
        other.run("advance")
        assert np.array_equal(one.results["joint.prediction"], other.results["joint.prediction"])


@pytest.mark.parametrize("seed", range(40))
def test_every_node_is_a_step_of_its_layer(seed: int) -> None:
    graph, _ = drawn_graph(seed, both=False)
    walk, rng = FloatGraph(graph), np.random.default_rng(seed)
    states = {node.name: node.layer.start() for node in graph.nodes}
    group: list[np.ndarray] = []
    for _ in range(6):
        before = dict(walk.results)
        walk.run("net", {"x": rng.normal(size=graph.widths["x"])})
        for node in graph.nodes:
            vectors = [walk.results[name] for name in node.inputs]
            if isinstance(node.layer, Stack):
                group.append(vectors[0])
                if len(group) < node.layer.factor:
                    break
                vectors, group = [np.array(group)], []
            if node.feedback:
                vectors.append(before[node.feedback])
            result, states[node.name] = node.layer.step(vectors, states[node.name])
            assert np.array_equal(walk.results[node.name], result), node.name
            assert result.shape == (graph.widths[node.name],)
            if isinstance(node.layer, Recurrent):
                assert not np.array_equal(result, before[node.name])
