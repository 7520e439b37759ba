"""Penalties against their formulas, and a compressor step by step."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from sordino.compiler.limits.errors import CompileError
from sordino.train.networks.compress import grid_step, round_to_codebook, shrink, top_level
from sordino.train.networks.compressor import Compressor
from sordino.train.networks.regularise import absolute_cosine, regional_absolute_cosine
from sordino.train.recipes.methods import QuantiseRecipe, SparsifyRecipe

CODEBOOK = torch.tensor([-1.0, -0.25, 0.0, 0.5, 2.0])


def matrices(seed: int = 1) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"encoder.0.weight_ih": (48, 20), "joint.output.weight": (29, 12)}
    return {
        name: torch.randn(shape, generator=generator, requires_grad=True)
        for name, shape in shapes.items()
    }


def slopes(function, places: list[float]) -> tuple[float, list[float]]:
    weight = torch.tensor(places, requires_grad=True)
    total = function(weight)
    total.backward()
    assert weight.grad is not None
    return total.item(), weight.grad.tolist()


def test_absolute_cosine_is_zero_on_the_grid_and_pulls_to_the_nearest_value() -> None:
    def penalty(weight: torch.Tensor) -> torch.Tensor:
        return absolute_cosine(weight, None, 0.1, 3)

    on_grid = [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3]
    assert slopes(penalty, on_grid)[0] == pytest.approx(0, abs=1e-5)
    assert slopes(penalty, [0.05, -0.25])[0] == pytest.approx(2, abs=1e-5)
    total, pull = slopes(penalty, [0.12, 0.18, -0.02, -0.08, 0.9])
    assert total == pytest.approx(4 * math.sin(math.pi * 0.2), rel=1e-4)
    assert np.sign(pull).tolist() == [1, -1, -1, 1, 0], "nothing pulls beyond the last value"
    mask = torch.tensor([False, True])
    half = absolute_cosine(torch.tensor([0.05, 0.05]), mask, 0.1, 3)
    assert float(half) == pytest.approx(1.0)
    assert not absolute_cosine(torch.zeros(3), None, 0.0, 3)


def test_regional_penalty_is_zero_on_the_values_and_one_between_them() -> None:
    def penalty(weight: torch.Tensor) -> torch.Tensor:
        return regional_absolute_cosine(weight, None, CODEBOOK)

    assert slopes(penalty, CODEBOOK.tolist())[0] == pytest.approx(0, abs=1e-6)
    assert slopes(penalty, [-0.625, -0.125, 0.25, 1.25])[0] == pytest.approx(4)
    total, pull = slopes(penalty, [-0.9, 0.1, 0.4, 0.8, 3.0, -2.0])
    places = [0.1 / 0.75, 0.2, 0.8, 0.2]
    inside = sum(math.sin(math.pi * p) for p in places)
    assert total == pytest.approx(inside + math.pi * (1 / 1.5 + 1 / 0.75), rel=1e-5)
    assert np.sign(pull).tolist() == [1, 1, -1, 1, 1, -1]
    mask = torch.tensor([True, False])
    half = regional_absolute_cosine(torch.tensor([0.25, 0.25]), mask, CODEBOOK)
    assert float(half) == pytest.approx(1.0)
    assert not regional_absolute_cosine(torch.ones(3), None, torch.zeros(1))


@pytest.mark.parametrize("method", ["absolute_cosine", "regional"])
def test_the_penalty_alone_brings_weights_to_their_values(method: str) -> None:
    codebook = "uniform" if method == "absolute_cosine" else "lloyd-max"
    recipe = QuantiseRecipe(
        bits=3, layers={"joint.*": 4}, method=method, codebook=codebook, clip=1.0, every=1000
    )
    compressor, weights = Compressor(recipe, SparsifyRecipe(), 100), matrices()

    def far() -> list[float]:
        return [
            float((compressor.final(name, w) - w).detach().abs().mean())
            for name, w in weights.items()
        ]

    compressor.begin(0, weights)
    assert compressor.penalty(0, weights).item() == 0
    before = far()
    for step in range(300):
        for weight in weights.values():
            weight.grad = None
        penalty = compressor.penalty(50 + step, weights)
        assert (
            compressor.seen("joint.output.weight", weights["joint.output.weight"])
            is (weights["joint.output.weight"])
        )
        penalty.backward()
        with torch.no_grad():
            for weight in weights.values():
                weight -= 2e-3 * weight.grad.sign()
    assert max(a / b for a, b in zip(far(), before, strict=True)) < 0.05
    for name, bits in (("encoder.0.weight_ih", 3), ("joint.output.weight", 4)):
        values = compressor.final(name, weights[name]).unique()
        assert len(values) <= 1 << bits
        assert 0.0 in values.tolist()


def test_the_penalty_rises_to_the_mean_over_kept_weights() -> None:
    recipe = QuantiseRecipe(bits=4, method="absolute_cosine", penalty=7.0, rise=0.5, clip=1.0)
    compressor, weights = Compressor(recipe, SparsifyRecipe(zeros=0.5, every=1, end=0.01), 100), {}
    weights["joint.output.weight"] = matrices()["joint.output.weight"]
    compressor.begin(0, weights)
    weight = weights["joint.output.weight"].detach()
    mask = compressor.state()["masks"]["joint.output.weight"]
    assert int(mask.sum()) == weight.numel() // 2
    step = grid_step(4, 1.0, weight, mask)
    assert step * top_level(4) == pytest.approx(float(weight.abs().max()))
    mean = np.abs(np.sin(np.pi * weight[mask].numpy() / step)).mean()
    for at, share in ((10, 0.2), (25, 0.5), (50, 1.0), (99, 1.0)):
        assert compressor.penalty(at, weights).item() == pytest.approx(7 * share * mean, rel=1e-4)
    assert Compressor(QuantiseRecipe(bits=4), SparsifyRecipe(), 9).penalty(5, weights) is None


def test_the_hard_compressor_sets_weights_to_their_values() -> None:
    recipe = QuantiseRecipe(bits=3, method="regional", codebook="lloyd-max", every=10)
    compressor, weights = Compressor(recipe, SparsifyRecipe(), 100), matrices()
    before = {name: w.detach().clone() for name, w in weights.items()}
    compressor.begin(0, weights)
    assert all(torch.equal(w, before[name]) for name, w in weights.items())
    for step in range(1, 10):
        compressor.begin(step, weights)
    assert all(torch.equal(w, before[name]) for name, w in weights.items())
    compressor.begin(10, weights)
    for name, weight in weights.items():
        codebook = compressor.state()["codebooks"][name]
        assert torch.equal(weight, round_to_codebook(codebook, before[name]))
        assert torch.equal(weight, compressor.final(name, weight))
        assert len(weight.unique()) == 8


def test_gradients_pass_straight_through() -> None:
    for recipe in (QuantiseRecipe(bits=3), QuantiseRecipe(bits=3, codebook="lloyd-max")):
        compressor = Compressor(recipe, SparsifyRecipe(zeros=0.5, every=1, end=0.01), 100)
        weights = matrices()
        compressor.begin(0, weights)
        weight = weights["joint.output.weight"]
        seen = compressor.seen("joint.output.weight", weight)
        assert int((seen == 0).sum()) >= weight.numel() // 2
        assert len(seen.unique()) <= 8
        pull = torch.arange(float(weight.numel())).view(weight.shape)
        (seen * pull).sum().backward()
        assert torch.equal(weight.grad, pull)
    nothing = Compressor(QuantiseRecipe(), SparsifyRecipe(), 9)
    assert nothing.seen("joint.output.weight", weight) is weight


def test_compressed_sensing_takes_turns() -> None:
    sparsify = SparsifyRecipe(zeros=0.8, method="compressed_sensing", shrink=2.0, every=10, end=1.0)
    compressor, weights = Compressor(QuantiseRecipe(), sparsify, 40), matrices()
    weight, name = weights["joint.output.weight"], "joint.output.weight"
    for step in range(40):
        compressor.begin(step, weights)
        mask = compressor.state()["masks"].get(name)
        free = step % 10 < 5 and step < 39
        assert (mask is None) == free
        before = weight.detach().clone()
        with torch.no_grad():  # as an optimiser would
            weight += 0.05 * torch.randn(
                weight.shape, generator=torch.Generator().manual_seed(step)
            )
        moved = weight.detach().clone()
        compressor.end(weights, 0.01)
        if free:
            shrunk = moved.sign() * (moved.abs() - 0.02).clamp(min=0)
            torch.testing.assert_close(weight.detach(), shrunk)
        else:
            assert torch.equal(weight.detach(), moved * mask)
            assert not weight[~mask].any()
            small = before.abs()[~mask].max()
            assert step % 10 not in (5, 9) or small <= before.abs()[mask].min()
    assert int((weight == 0).sum()) == round(0.8 * weight.numel())


@pytest.mark.parametrize("name", ["encoder.0.weight_ih", "joint.output.weight"])
def test_connections_shrink_together(name: str) -> None:
    weight = matrices()[name].detach()
    rows, columns = weight.shape
    recipe = SparsifyRecipe(zeros=0.5, unit="connection")
    got = shrink(recipe, name, weight, 0.8)
    for row in range(rows):
        for column in range(columns):
            unit, first = row % (rows // 4), row - row % 4
            members = (
                range(unit, rows, rows // 4) if "joint" not in name else range(first, first + 4)
            )
            values = [float(weight[r, column]) if r < rows else 0.0 for r in members]
            size = math.sqrt(sum(v * v for v in values) / 4)
            wanted = float(weight[row, column]) * max(0.0, 1 - 0.8 / size)
            assert float(got[row, column]) == pytest.approx(wanted, abs=1e-5)
    assert 0.1 < float((got == 0).float().mean()) < 0.9
    single = SparsifyRecipe(zeros=0.5)
    assert torch.equal(
        shrink(single, name, weight, 0.8), torch.nn.functional.softshrink(weight, 0.8)
    )


def test_bits_of_a_matrix_that_is_not_there() -> None:
    compressor = Compressor(QuantiseRecipe(bits=4, layers={"decoder.*": 5}), SparsifyRecipe(), 9)
    with pytest.raises(CompileError, match=r"layer 'decoder\.\*' must fit a matrix"):
        compressor.check(matrices())
