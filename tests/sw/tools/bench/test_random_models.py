"""Weights drawn from a trained model: the same values, zeros as uneven, other sizes."""

from pathlib import Path

import numpy as np
import pytest

from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.model.load import load_model
from sordino.tools.bench.mlperf import mlperf_model
from sordino.tools.bench.random_models import draw_linear, draw_lstm

MODEL = Path(__file__).parents[4] / "models" / "an4_rnnt_g4_80.npz"
UNITS, COLUMNS = 300, 200


def trained_lstm(rng):
    """Half of the units twice as full as the other half; weights on a grid of 1/8."""
    chances = np.repeat([0.4, 0.2], 8)[:, None]
    there = rng.random((16, 40)) < chances
    levels = rng.integers(1, 8, (4, 16, 40)) * there
    weight = (levels / 8.0).reshape(64, 40)
    return Lstm(weight, weight[:, :16], rng.normal(size=64), np.zeros(64)), there


def connections(weight):
    return weight.reshape(4, -1, weight.shape[1]).transpose(1, 2, 0)


def test_drawn_lstm_has_the_zeros_and_connections_of_the_trained_one():
    rng = np.random.default_rng(0)
    trained, there = trained_lstm(rng)
    drawn = draw_lstm(rng, trained, UNITS, COLUMNS)
    drawn_connections = connections(drawn.weight_ih)
    full = drawn_connections.any(axis=2)
    assert full.mean() == pytest.approx(there.mean(), rel=0.03)
    scale = np.sqrt(40 / COLUMNS)
    known = {tuple(c) for c in connections(trained.weight_ih)[there].round(9).tolist()}
    assert {tuple(c) for c in (drawn_connections[full] / scale).round(9).tolist()} <= known
    by_unit = full.mean(axis=1)
    assert np.ptp(np.sort(by_unit)[[UNITS // 4, 3 * UNITS // 4]]) > 0.1, "units are as uneven"
    drawn_bias = {tuple(b) for b in drawn.bias.reshape(4, -1).T.round(9).tolist()}
    assert drawn_bias <= {tuple(b) for b in trained.bias.reshape(4, -1).T.round(9).tolist()}


def test_drawn_linear_keeps_groups_of_four_rows():
    rng = np.random.default_rng(1)
    weight = np.repeat(rng.normal(size=(4, 30)) * (rng.random((4, 30)) < 0.5), 4, axis=0)
    drawn = draw_linear(rng, Linear(weight, np.arange(16.0)), 10, 50)
    assert drawn.weight.shape == (10, 50)
    assert (drawn.weight[:4] == drawn.weight[0]).all()
    assert set(drawn.bias) <= set(range(16))


def test_a_matrix_without_weights_stays_without():
    rng = np.random.default_rng(2)
    drawn = draw_linear(rng, Linear(np.zeros((8, 8)), np.zeros(8)), 12, 20)
    assert not drawn.weight.any()


def test_mlperf_has_the_benchmarks_weights():
    model = mlperf_model(load_model(MODEL))
    arrays = model.arrays()
    encoder = sum(a.size for n, a in arrays.items() if n.startswith("encoder") and a.ndim == 2)
    assert encoder == 13_565_952 + 29_360_128
    matrices = {n: a for n, a in arrays.items() if a.ndim == 2 and "embedding" not in n}
    assert sum(a.size for a in matrices.values()) == 45_267_456
