"""Grids, zeros and their schedule against the compiler, which has the last word."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from sordino.compiler.passes.prune import prune_model
from sordino.layers.base.formats import SUMS_FORMAT, Held, VectorFormat
from sordino.layers.base.integers import Numbers
from sordino.layers.linear import Linear
from sordino.model.random_rnnt import random_model
from sordino.train.networks.compress import (
    choose_zeros,
    last_choice,
    round_to_grid,
    share_of_zeros,
)
from sordino.train.recipes.recipe import SparsifyRecipe


def test_cubic_schedule() -> None:
    recipe = SparsifyRecipe(zeros=0.8, end=0.5)
    last = last_choice(recipe, 200)
    assert last == 99
    shares = [share_of_zeros(recipe, step, 200) for step in range(200)]
    assert shares[0] == 0
    assert shares[33] == pytest.approx(0.8 * (1 - (2 / 3) ** 3))
    assert shares[99:] == [0.8] * 101
    assert (np.diff(shares[:100]) > 0).all()
    assert share_of_zeros(SparsifyRecipe(zeros=0.8, end=1.0), 199, 200) == 0.8
    assert share_of_zeros(recipe, 0, 1) == 0.8


@pytest.mark.parametrize("bits", [2, 3, 5, 8])
@pytest.mark.parametrize("clip", [0.9, 1.0])
def test_rounded_weights_are_the_compilers_to_the_last_level(bits: int, clip: float) -> None:
    weight = torch.tensor(np.random.default_rng(bits).normal(size=(40, 30)), dtype=torch.float32)
    rounded = round_to_grid(bits, clip, weight, None).double().numpy()
    values = np.unique(rounded)
    levels = 2 ** (bits - 1) - 1
    top = np.abs(values).max()
    step = top / levels
    np.testing.assert_allclose(values / step, np.round(values / step), atol=1e-4)
    assert np.abs(rounded - np.clip(weight.numpy(), -top, top)).max() <= step * 0.5001
    layer = Linear(rounded, np.zeros(40)).quantise(
        "layer",
        [VectorFormat(Held.ACTIVATION, 1.0, 128)],
        SUMS_FORMAT,
        Numbers(lambda _: bits, accumulator_bits=32),
    )
    matrix = layer.matrices[0]
    np.testing.assert_allclose(matrix.values * matrix.step, rounded, atol=1e-6)


def test_clipping_looks_at_what_is_kept() -> None:
    weight = torch.tensor([[0.0, 0.0, 0.0, 0.1, 0.2, 0.4, 0.8, 100.0]])
    mask = weight != 0
    rounded = round_to_grid(3, 0.6, weight, mask)
    assert rounded.max() == pytest.approx(0.8)
    assert not round_to_grid(3, 0.997, weight, mask & False).any()
    assert not round_to_grid(3, 0.997, weight * 0, None).any()


@pytest.mark.parametrize(("unit", "group"), [("single", 1), ("connection", 4)])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_zeros_are_those_that_the_compiler_would_choose(
    unit: str, group: int, share: float
) -> None:
    model = random_model(3, encoder=(8, 12), prediction=(8,), joint=10)
    matrices = {
        name: torch.tensor(values)
        for name, values in model.arrays().items()
        if values.ndim == 2 and "embedding" not in name
    }
    masks = choose_zeros(SparsifyRecipe(zeros=0.9, unit=unit), matrices, share)
    pruned = prune_model(model, share, group).arrays()
    assert masks.keys() == matrices.keys()
    for name, mask in masks.items():
        assert np.array_equal(mask.numpy(), pruned[name] != 0)


@pytest.mark.parametrize("unit", ["single", "connection"])
def test_layer_adaptive_shares_spare_matrices_that_would_lose_more(unit: str) -> None:
    random = np.random.default_rng(3)
    matrices = {
        "encoder.0.weight_hh": torch.tensor(random.normal(size=(128, 32))),
        "encoder.1.weight_hh": torch.tensor(random.laplace(size=(128, 32)) ** 3),
        "joint.output.weight": torch.tensor(random.normal(size=(12, 16))),
    }
    recipe = SparsifyRecipe(zeros=0.75, unit=unit, shares="layer_adaptive")
    masks = choose_zeros(recipe, matrices, 0.75)
    zeros = {name: float((~mask).double().mean()) for name, mask in masks.items()}
    total = sum(mask.numel() for mask in masks.values())
    assert sum(int((~mask).sum()) for mask in masks.values()) / total == pytest.approx(
        0.75, abs=1e-3
    )
    assert zeros["encoder.1.weight_hh"] > zeros["encoder.0.weight_hh"] + 0.02
    assert zeros["joint.output.weight"] < zeros["encoder.0.weight_hh"] - 0.1
    assert not any((~mask).any() for mask in choose_zeros(recipe, matrices, 0.0).values())
