"""What is trained and what is compiled are one network: parameters, shapes, and every layer.

Training computes in float32. Beside float64 that is at most 1e-5 for numbers of these sizes.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from sordino.layers.elementwise.total import Total
from sordino.layers.embedding import Embedding
from sordino.layers.heads import Argmax, Scores
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.model.load import load_model
from sordino.model.reference import FloatRnnt
from sordino.model.rnnt import RnntModel
from sordino.speech.features import FeatureDefinition
from sordino.train.export import export_model
from sordino.train.networks.network import Network
from sordino.train.recipes.recipe import NetworkRecipe, Recipe

FLOAT32 = 1e-5
DEFINITION = FeatureDefinition(mean=(0.0,) * 13, std=(1.0,) * 13)
RECIPES = st.builds(
    NetworkRecipe,
    encoder_layers=st.integers(1, 3),
    encoder_hidden=st.integers(1, 9),
    embedding=st.integers(1, 6),
    prediction_layers=st.integers(1, 3),
    prediction_hidden=st.integers(1, 9),
    joint_hidden=st.integers(1, 9),
    max_symbols=st.integers(1, 4),
)


def made(folder: Path, recipe: NetworkRecipe, seed: int) -> tuple[Network, RnntModel]:
    """A network of drawn weights, and the model that is exported of it."""
    network = Network(recipe, DEFINITION.dim, seed=seed).eval()
    with torch.no_grad():  # lively enough that tokens other than blank are found
        for name, weight in network.named().items():
            weight.mul_(8.0 if name.startswith(("joint", "pred")) else 3.0)
    weights = {name: p.detach().numpy() for name, p in network.named().items()}
    path = folder / "model.npz"
    path.unlink(missing_ok=True)
    export_model(path, Recipe(name="drawn", network=recipe), DEFINITION, weights)
    return network, load_model(path)


@given(recipe=RECIPES, seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_parameters_are_those_of_the_graph(
    tmp_path_factory: pytest.TempPathFactory, recipe: NetworkRecipe, seed: int
) -> None:
    network, model = made(tmp_path_factory.mktemp("model"), recipe, seed)
    graph = model.graph()
    trained = {
        name: tuple(p.shape) for name, p in network.named().items() if not name.startswith("ctc")
    }
    # One bias of an LSTM is trained; the sum of both is what counts.
    second = [name for name in graph.arrays() if name.endswith("bias_hh")]
    stored = {name: a.shape for name, a in graph.arrays().items() if name not in second}
    assert stored == trained
    assert all(not graph.arrays()[name].any() for name in second)
    assert {name for name, _, _ in graph.matrices()} == network.matrices().keys()
    for name, parameter in network.named().items():
        if name in stored:
            assert np.array_equal(graph.arrays()[name], parameter.detach().double().numpy())


@given(recipe=RECIPES, seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_every_layer_of_the_graph_is_the_trained_one(
    tmp_path_factory: pytest.TempPathFactory, recipe: NetworkRecipe, seed: int
) -> None:
    network, model = made(tmp_path_factory.mktemp("model"), recipe, seed)
    graph, rng = model.graph(), np.random.default_rng(seed)

    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    def lstm(name: str, layer: Lstm) -> None:
        x = drawn(1, 7, layer.inputs)
        out, (h, c) = network._lstm(name, torch.tensor(x))
        near(layer.run(x[0].astype(np.float64)), out[0])
        state = layer.start()
        for one in x[0].astype(np.float64):
            _, state = layer.step((one,), state)
        near(state[0], h[0, 0])
        near(state[1], c[0, 0])

    def linear(name: str, layer: Linear) -> None:
        x = drawn(4, layer.weight.shape[1])
        near(layer(x.astype(np.float64)), network._linear(name, torch.tensor(x)))

    def embedding(name: str, layer: Embedding) -> None:
        rows = network.named()[f"{name}.weight"]
        for token in range(len(rows)):
            near(layer.step((np.array(token),), ())[0], rows[token])

    def total(name: str, layer: Total) -> None:
        a, b = drawn(2, graph.widths[name])
        wanted = torch.tanh(torch.tensor(a) + torch.tensor(b))
        near(layer.step((a.astype(np.float64), b.astype(np.float64)), ())[0], wanted)

    checks: dict[type, Callable] = {Lstm: lstm, Linear: linear, Embedding: embedding, Total: total}
    for node in graph.nodes:
        kind = type(node.layer)
        if kind not in (Argmax, Scores):  # they belong to decoding
            checks[kind](node.name, node.layer)
    assert {type(node.layer) for node in graph.nodes} == {*checks, Argmax, Scores}


@given(recipe=RECIPES, seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_scores_of_every_step_are_the_trained_ones(
    tmp_path_factory: pytest.TempPathFactory, recipe: NetworkRecipe, seed: int
) -> None:
    network, model = made(tmp_path_factory.mktemp("model"), recipe, seed)
    reference = FloatRnnt(model.arrays(), model.meta)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1, 9, DEFINITION.dim)).astype(np.float32)
    labels = rng.integers(1, recipe.token_count, 3)
    frames, length = torch.tensor([9]), torch.tensor([len(labels)])
    with torch.no_grad():
        encoded = network.encode(torch.tensor(x))
        blank, label = network.scores(encoded, torch.tensor(labels[None]), frames, length)
    halves = reference.encoder_half(x[0].astype(np.float64))
    state = reference.start()
    for u in range(len(labels) + 1):
        for t, half in enumerate(halves):
            scores = reference.logits(half, state)
            likely = scores - np.logaddexp.reduce(scores)
            # Scores of some tens, so that float32 is a few times as coarse.
            assert abs(float(blank[0, t, u]) - likely[model.blank]) < 20 * FLOAT32
            if u < len(labels):
                assert abs(float(label[0, t, u]) - likely[labels[u]]) < 20 * FLOAT32
        if u < len(labels):
            state = reference.advance(state, int(labels[u]))


def near(found: np.ndarray, wanted: torch.Tensor) -> None:
    assert found == pytest.approx(wanted.detach().double().numpy(), abs=FLOAT32, rel=FLOAT32)
