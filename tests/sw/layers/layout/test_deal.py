"""Dealing: every output stands once, in its place, and the work is even."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import PRESETS, Config
from sordino.layers.layout.layout import Layout, gated_layout, linear_layout

MODELS = Path(os.environ.get("SORDINO_MODELS", Path(__file__).parents[4] / "models"))


def machine(lanes: int, group: int, rows: int = 256) -> Config:
    return PRESETS["small"].with_settings(
        {"lanes": lanes, "group": group, "rows_per_lane": rows, "name": "test"}
    )


def sparse(shape: tuple[int, int], seed: int = 0) -> NDArray[np.int8]:
    rng = np.random.default_rng(seed)
    density = rng.random((shape[0], 1))
    return (rng.integers(-15, 16, shape) * (rng.random(shape) < density)).astype(np.int8)


def group_work(slots: list[NDArray[np.int8]], config: Config) -> list[NDArray[np.int64]]:
    return [
        (tile.reshape(len(tile), config.groups, config.group, -1) != 0).any(axis=2).sum(axis=(0, 2))
        for tile in slots
    ]


def check_tiles(layout: Layout, outputs: int, per_row: int, most_rows: int) -> None:
    assert sorted(layout.order.tolist()) == list(range(outputs))
    assert sum(tile.count for tile in layout.tiles) == outputs
    first = 0
    for tile in layout.tiles:
        assert tile.first_index == first
        assert tile.rows == -(-tile.count // per_row) <= most_rows
        first += tile.rows * per_row
    assert len(layout.tiles) == math.ceil(math.ceil(outputs / per_row) / most_rows)


@pytest.mark.parametrize("group", [1, 2, 4, 8])
@pytest.mark.parametrize(("units", "rows"), [(1, 256), (3, 256), (17, 256), (17, 2), (100, 7)])
def test_units_stand_once_with_rotated_gates(units: int, rows: int, group: int) -> None:
    config = machine(16, group, rows)
    w, u = sparse((4 * units, 11)), sparse((4 * units, units), 1)
    layout = gated_layout([w, u], config)
    check_tiles(layout, units, config.quads, rows)
    columns = np.random.default_rng(2).permutation(11)
    dealt = layout.slots(w, columns)
    filled = 0
    for tile, slots in zip(layout.tiles, dealt, strict=True):
        assert slots.shape == (tile.rows, 16, 11)
        assert slots.dtype == np.int8
        for place in range(tile.count):
            row, quad = divmod(place, config.quads)
            unit = layout.order[tile.first_index + place]
            for gate in range(4):
                lane = 4 * quad + (gate + row) % 4
                assert np.array_equal(slots[row, lane], w[gate * units + unit, columns])
        filled += np.count_nonzero(slots)
    assert filled == np.count_nonzero(w), "empty slots hold zeros"


@pytest.mark.parametrize("group", [1, 2, 4, 16])
@pytest.mark.parametrize(("outputs", "rows"), [(1, 256), (3, 256), (29, 256), (29, 1), (100, 3)])
def test_rows_stand_once_in_blocks(outputs: int, rows: int, group: int) -> None:
    config = machine(16, group, rows)
    w = sparse((outputs, 9))
    layout = linear_layout([w], config)
    check_tiles(layout, outputs, 16, rows)
    dealt = np.concatenate(layout.slots(w, np.arange(9))).reshape(-1, 9)
    assert np.array_equal(dealt[:outputs], w[layout.order])
    assert not dealt[outputs:].any()
    blocks = layout.order[: outputs // group * group].reshape(-1, group)
    assert (blocks == blocks[:, :1] + np.arange(group)).all()
    assert not (blocks[:, 0] % group).any(), "a block is neighbouring rows from a multiple on"


def test_halves_share_one_order_and_both_are_even() -> None:
    config = machine(16, 1)
    a, b = sparse((192, 64), 3), sparse((192, 32), 4)
    layout = linear_layout([a, b], config)
    for matrix in (a, b):
        (work,) = group_work(layout.slots(matrix, np.arange(matrix.shape[1])), config)
        assert work.mean() / work.max() > 0.95


@pytest.mark.parametrize("group", [1, 2, 4])
def test_gates_of_very_unequal_density_come_out_even(group: int) -> None:
    config = machine(16, group)
    rng = np.random.default_rng(5)
    density = np.repeat([0.1, 0.9, 0.3, 0.5], 128)[:, None] * rng.random((512, 1))
    matrices = [(rng.random((512, n)) < density).astype(np.int8) for n in (100, 128)]
    layout = gated_layout(matrices, config)
    for matrix in matrices:
        slots = layout.slots(matrix, np.arange(matrix.shape[1]))
        (work,) = group_work(slots, config)
        assert work.mean() / work.max() > 0.98
        lanes = np.count_nonzero(slots[0], axis=(0, 2))
        assert lanes.mean() / lanes.max() > 0.9, "value streams of one group differ little"


def test_rows_of_like_rotation_stand_heaviest_first() -> None:
    config = machine(16, 1)
    w, u = sparse((400, 50)), np.zeros((400, 100), np.int8)
    layout = gated_layout([w, u], config)
    work = np.count_nonzero(w.reshape(4, 100, 50), axis=(0, 2))[layout.order]
    for quad in range(config.quads):
        for turn in range(4):
            rows = work[quad :: config.quads][turn::4]
            assert (np.diff(rows) <= 0).all()


def test_linear_rows_stand_heaviest_first_but_for_a_smaller_last_block() -> None:
    config = machine(16, 4)
    w = sparse((102, 50))
    layout = linear_layout([w], config)
    blocks = np.pad(w != 0, ((0, 2), (0, 0))).reshape(-1, 4, 50).any(axis=1).sum(axis=1)
    work = blocks[layout.order[::4] // 4]
    assert layout.order[-2:].tolist() == [100, 101]
    for group in range(config.groups):
        rows = work[:-1][group :: config.groups]
        assert (np.diff(rows) <= 0).all()


def test_all_zero_matrices_can_be_dealt() -> None:
    config = machine(16, 4)
    layout = gated_layout([np.zeros((68, 5), np.int8), np.zeros((68, 17), np.int8)], config)
    check_tiles(layout, 17, 4, 256)


def test_dealing_a_large_layer_is_repeatable() -> None:
    config = machine(64, 1)
    w, u = sparse((2048, 128)), sparse((2048, 512), 1)
    first = gated_layout([w, u], config)
    assert np.array_equal(first.order, gated_layout([w, u], config).order)
