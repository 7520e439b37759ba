"""Pruning: the smallest weights go, in groups that a machine skips at once."""

import numpy as np
import pytest

from sordino.compiler.numbers.prune import prune_matrix


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
