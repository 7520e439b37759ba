"""Pruning a whole model: groups by layer, and shares by what is lost."""

import numpy as np
import pytest

from sordino.compiler.passes.prune import prune_model
from sordino.model.random_rnnt import random_model


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
