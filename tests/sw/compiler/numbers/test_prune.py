"""Pruning: the smallest weights go, in groups that a machine skips at once."""

import numpy as np
import pytest

from sordino.compiler.numbers.prune import prune_matrix, prune_model
from sordino.model.random_rnnt import random_model


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.5, 1.0])
def test_pruning_takes_the_smallest(sparsity: float) -> None:
    weight = np.random.default_rng(0).normal(size=(8, 10))
    pruned = prune_matrix(weight, sparsity)
    assert np.count_nonzero(pruned == 0) == round(80 * sparsity)
    assert np.array_equal(pruned[pruned != 0], weight[pruned != 0])
    kept, gone = np.abs(weight[pruned != 0]), np.abs(weight[pruned == 0])
    assert not (kept.size and gone.size) or kept.min() >= gone.max()


def test_pruning_counts_the_zeros_that_are_there() -> None:
    weight = np.array([[0.0, 0.0, 0.1, 2.0]])
    assert np.array_equal(prune_matrix(weight, 0.5), weight)
    assert np.array_equal(prune_matrix(weight, 0.75), [[0, 0, 0, 2.0]])


@pytest.mark.parametrize("group", [1, 4])
def test_layer_adaptive_pruning_spares_small_matrices(group: int) -> None:
    model = random_model(2, encoder=(24, 8), joint=12, inputs=9)
    even = prune_model(model, 0.6, group).arrays()
    spread = prune_model(model, 0.6, group, "layer_adaptive").arrays()
    names = [n for n, a in model.arrays().items() if a.ndim == 2 and "embedding" not in n]

    def zeros(arrays: dict[str, np.ndarray]) -> dict[str, int]:
        return {name: int(np.count_nonzero(arrays[name] == 0)) for name in names}

    assert abs(sum(zeros(spread).values()) - sum(zeros(even).values())) <= 4 * len(names)
    small = min(names, key=lambda name: even[name].size)
    assert zeros(spread)[small] < zeros(even)[small]


def test_groups_are_connections_or_neighbouring_rows() -> None:
    model = random_model(1, encoder=(6,), joint=10, inputs=5)
    pruned = prune_model(model, 0.4, 4)
    gates = pruned.encoder[0].weight_hh.reshape(4, 6, 6)
    alive = (gates != 0).any(axis=0)
    assert np.count_nonzero(~alive) == round(0.4 * 36)
    assert (gates != 0)[:, alive].all()
    rows = pruned.joint_encoder.weight
    for first in (0, 4, 8):
        zero = rows[first : first + 4] == 0
        assert (zero.all(axis=0) == zero.any(axis=0)).all()
    assert np.count_nonzero((rows[:4] == 0).all(axis=0) & True) > 0
    assert np.array_equal(pruned.embedding, model.embedding)
