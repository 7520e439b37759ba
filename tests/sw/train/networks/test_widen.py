"""A widened network computes what the narrow one did, and its copies are no longer the same."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from sordino.train.networks.network import Network
from sordino.train.networks.widen import widen
from sordino.train.recipes.recipe import NetworkRecipe

NARROW = NetworkRecipe(
    encoder_layers=2,
    encoder_hidden=12,
    embedding=6,
    prediction_layers=2,
    prediction_hidden=8,
    joint_hidden=10,
)
WIDE = replace(NARROW, encoder_hidden=29, prediction_hidden=20, joint_hidden=16)


def _network(recipe: NetworkRecipe, seed: int) -> Network:
    return Network(recipe, 7, seed).eval()


def _with(recipe: NetworkRecipe, weights: dict[str, torch.Tensor]) -> Network:
    network = _network(recipe, 99)
    with torch.no_grad():
        for name, parameter in network.named().items():
            parameter.copy_(weights[name])
    return network


def _scores(network: Network) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(5)
    x = torch.randn(3, 11, 7, generator=random)
    targets = torch.randint(1, 20, (3, 4), generator=random)
    encoded = network.encode(x)
    lattice = network.scores(encoded, targets, torch.tensor([11, 7, 9]), torch.tensor([4, 2, 3]))
    return (network.ctc(encoded), *lattice)


@pytest.mark.parametrize(
    "wide", [WIDE, replace(NARROW, encoder_hidden=13), replace(NARROW, joint_hidden=11)]
)
def test_wide_network_scores_as_the_narrow_one(wide: NetworkRecipe) -> None:
    narrow = _network(NARROW, 1)
    grown = _with(wide, widen(narrow.named(), wide, 3))
    with torch.no_grad():
        for before, after in zip(_scores(narrow), _scores(grown), strict=True):
            torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)


def test_copies_of_a_unit_learn_differently() -> None:
    narrow = _network(NARROW, 1)
    grown = _with(WIDE, widen(narrow.named(), WIDE, 3))
    torch.stack([part.sum() for part in _scores(grown)]).sum().backward()
    gradient = grown.named()["encoder.0.weight_hh"].grad
    assert gradient is not None
    assert len(torch.unique(gradient, dim=0)) == len(gradient)


def test_other_networks_stay_as_they_are() -> None:
    weights = dict(_network(WIDE, 1).named())
    deeper = replace(WIDE, encoder_layers=3)
    for recipe in (WIDE, NARROW, deeper):
        same = widen(weights, recipe, 3)
        assert same.keys() == weights.keys()
        assert all(same[name] is weights[name] for name in weights)
