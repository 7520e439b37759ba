"""Integers for weights: grids kept, scales a power of two apart, bounds proven."""

import numpy as np
import pytest

from sordino.compiler.passes.proof import prove
from sordino.layers.base.formats import HIDDEN_FORMAT, SUM_FORMAT, Held, VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.model.random_rnnt import random_lstm


def numbers(bits: int) -> Numbers:
    return Numbers(lambda _: bits, accumulator_bits=32)


def quantised(layer: Lstm, bits: int, x_step: float = 2.0**-5) -> QuantisedLayer:
    x = VectorFormat(Held.ACTIVATION, x_step, 128)
    return layer.quantise("l", [x, HIDDEN_FORMAT], HIDDEN_FORMAT, numbers(bits))


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("ratio", [1.0, 0.3, 40.0])
def test_at_most_that_many_values_and_a_small_error(bits: int, ratio: float) -> None:
    layer = random_lstm(bits, 40, 30, ratio)
    result = quantised(layer, bits)
    for matrix, weight in zip(result.matrices, (layer.weight_ih, layer.weight_hh), strict=True):
        assert len(np.unique(matrix.values)) <= 2**bits - 1
        assert 64 <= np.abs(matrix.values.astype(int)).max() <= 127
        error = np.abs(matrix.values * matrix.step - weight).max()
        # Half a level, and half an int8 step where the level itself is rounded; 8 bits lose up to
        # half their levels to the shared unit.
        half = np.abs(weight).max() / (2 ** (bits - 1) - 1) / 2
        assert error <= half + matrix.step / 2 * (1 + 1e-9)


@pytest.mark.parametrize("x_step", [2.0**-5, 0.01, 2.0**-7])
def test_products_add_up_in_one_unit(x_step: float) -> None:
    result = quantised(random_lstm(1), 5, x_step)
    w, u = result.matrices
    assert w.step * x_step == pytest.approx(result.unit * 2**w.shift, rel=1e-12)
    assert u.step * 2.0**-7 == pytest.approx(result.unit * 2**u.shift, rel=1e-12)
    assert min(w.shift, u.shift) == 0
    assert max(w.shift, u.shift) <= 7


@pytest.mark.parametrize("ratio", [1e-6, 1e6])
def test_shift_ends_where_the_machine_ends(ratio: float) -> None:
    layer = random_lstm(1, ratio=ratio)
    result = quantised(layer, 8)
    large = 0 if ratio < 1 else 1
    assert result.matrices[large].shift == 7
    weight = (layer.weight_ih, layer.weight_hh)[large]
    large_values = result.matrices[large].values * result.matrices[large].step
    assert np.abs(large_values - weight).max() < np.abs(weight).max() / 100


def test_a_model_on_a_grid_keeps_its_grid() -> None:
    rng = np.random.default_rng(3)
    levels = [rng.integers(-15, 16, (48, n)) for n in (9, 12)]
    for level in levels:
        level[0, 0] = 15
    steps = (0.01234, 0.0717)
    layer = Lstm(levels[0] * steps[0], levels[1] * steps[1], np.zeros(48), np.zeros(48))
    result = quantised(layer, 5)
    for matrix, level, step in zip(result.matrices, levels, steps, strict=True):
        pairs = set(zip(matrix.values.ravel().tolist(), level.ravel().tolist(), strict=True))
        assert len(pairs) == len(np.unique(level)), "one int8 value for each level"
        assert np.abs(matrix.values - level * step / matrix.step).max() <= 0.5 * (1 + 1e-9)
        assert not matrix.values[level == 0].any()


@pytest.mark.parametrize("bits", [4, 5, 8])
def test_linear_on_a_grid_is_exact(bits: int) -> None:
    top = 2 ** (bits - 1) - 1
    rng = np.random.default_rng(bits)
    level = rng.integers(-top, top + 1, (20, 30))
    level[3, 4] = -top
    layer = Linear(level * 0.0375, rng.normal(size=20))
    result = layer.quantise("l", [HIDDEN_FORMAT], SUM_FORMAT, numbers(bits))
    (matrix,) = result.matrices
    assert np.allclose(matrix.values * matrix.step, layer.weight, rtol=1e-12, atol=0)
    assert np.abs(result.bias * result.unit - layer.bias).max() <= result.unit / 2 * (1 + 1e-9)
    assert result.multiplier * 2.0**-result.shift == pytest.approx(
        result.unit * 2.0**11, rel=2.0**-16
    )


def test_zero_matrices_and_large_biases() -> None:
    layer = Lstm(np.zeros((8, 3)), np.zeros((8, 2)), np.full(8, 1.5), np.zeros(8))
    result = quantised(layer, 8)
    assert np.allclose(result.bias * result.unit, 1.5, rtol=1e-6)
    prove(result, 32)
    tiny = Lstm(np.full((8, 3), 1e-12), np.zeros((8, 2)), np.full(8, -3.0), np.zeros(8))
    result = quantised(tiny, 8)
    assert np.allclose(result.bias * result.unit, -3.0, rtol=1e-6)
    prove(result, 32)
