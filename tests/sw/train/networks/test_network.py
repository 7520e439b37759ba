"""The network in PyTorch against the float reference, and what a view and padding change."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from sordino.model.load import load_model
from sordino.model.reference import FloatRnnt
from sordino.speech.features import FeatureDefinition
from sordino.train.export import export_model
from sordino.train.networks.loss import lattice_loss, transducer_loss
from sordino.train.networks.network import Network
from sordino.train.recipes.recipe import NetworkRecipe, Recipe

RECIPE = Recipe(
    name="small",
    network=NetworkRecipe(
        encoder_layers=2,
        encoder_hidden=7,
        embedding=5,
        prediction_layers=2,
        prediction_hidden=6,
        joint_hidden=9,
        max_symbols=3,
    ),
)
DEFINITION = FeatureDefinition(mean=(0.0,) * 13, std=(1.0,) * 13)


def make_network() -> Network:
    network = Network(RECIPE.network, DEFINITION.dim, seed=3)
    with torch.no_grad():  # lively enough that tokens other than blank are found
        for name, weight in network.named().items():
            weight.mul_(8.0 if name.startswith(("joint", "pred")) else 3.0)
        network.named()["joint.output.bias"][0] += 3.0
    return network.eval()


def make_batch(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    frames = torch.tensor([12, 5, 9])
    x = torch.tensor(rng.normal(size=(3, 12, DEFINITION.dim)) * 2, dtype=torch.float32)
    return x, frames


def test_exported_model_says_the_same_to_every_reader(tmp_path: Path) -> None:
    network = make_network()
    weights = {name: p.detach().numpy() for name, p in network.named().items()}
    export_model(tmp_path / "small.npz", RECIPE, DEFINITION, weights)
    model = load_model(tmp_path / "small.npz")
    assert model.feature_definition() == DEFINITION
    assert model.max_symbols == 3
    reference = FloatRnnt(model.arrays(), model.meta)
    found = []
    for seed in range(6):
        x, frames = make_batch(np.random.default_rng(seed))
        tokens = network.transcribe(x, frames)
        found += tokens
        for number, length in enumerate(frames.tolist()):
            assert tokens[number] == reference.transcribe(x[number, :length].double().numpy())
            np.testing.assert_allclose(
                network.encode(x)[number, :length].detach().numpy(),
                reference.encode(x[number, :length].numpy()),
                atol=1e-5,
            )
    assert len({token for tokens in found for token in tokens}) > 3


def test_equal_weights_export_to_equal_bytes(tmp_path: Path) -> None:
    weights = {name: p.detach().numpy() for name, p in make_network().named().items()}
    for name in ("a", "b"):
        export_model(tmp_path / name, RECIPE, DEFINITION, weights)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_scores_are_those_of_the_whole_lattice() -> None:
    network = make_network()
    x, frames = make_batch(np.random.default_rng(1))
    targets, labels = torch.tensor([[3, 4, 5], [6, 0, 0], [7, 8, 0]]), torch.tensor([3, 1, 2])
    encoded = network.encode(x)
    loss = lattice_loss(*network.scores(encoded, targets, frames, labels), frames, labels)
    embedded = network.named()["prediction.embedding.weight"][
        torch.nn.functional.pad(targets, (1, 0))
    ]
    for number in range(2):
        embedded, _ = network._lstm(f"prediction.{number}", embedded)
    total = (
        network._linear("joint.encoder", encoded)[:, :, None]
        + network._linear("joint.prediction", embedded)[:, None]
    )
    logits = network._linear("joint.output", torch.tanh(total))
    torch.testing.assert_close(loss, transducer_loss(logits, targets, frames, labels))


def test_what_is_after_an_utterance_does_not_change_it() -> None:
    network = make_network()
    x, frames = make_batch(np.random.default_rng(2))
    longer = torch.cat([x, torch.full((3, 4, x.shape[2]), 3.0)], dim=1)
    longer[1, 5:] = -3.0
    assert network.transcribe(longer, frames) == network.transcribe(x, frames)


def test_every_matrix_but_the_embedding_is_seen_through_the_view() -> None:
    network = make_network()
    seen = set()

    def view(name: str, weight: torch.Tensor) -> torch.Tensor:
        seen.add(name)
        return weight * 0

    network.view = view
    x, frames = make_batch(np.random.default_rng(2))
    assert torch.equal(network.encode(x), network.encode(-x))
    network.scores(network.encode(x), torch.ones(3, 1, dtype=torch.int64), frames, frames // 12)
    assert seen == network.matrices().keys()
    assert not any(name.startswith("ctc") or "embedding" in name for name in seen)
    before = set(seen)
    seen.clear()
    network.transcribe(x, frames)
    assert seen == before


def test_dropout_drops_the_same_units_all_the_time() -> None:
    network = make_network().train()
    network.dropout = 0.5
    kept = network._drop(torch.ones(4, 6, 50))
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(kept, kept[:, :1].expand_as(kept))
    assert not torch.equal(kept[0], kept[1])
    assert torch.equal(network.eval()._drop(kept), kept)
