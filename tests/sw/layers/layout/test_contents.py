"""Parameter memory of a layer: every number where the machine looks for it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.golden.vector import bias_words, embedding_words, index_words
from sordino.layers.layout.contents import (
    embedding_rows,
    gate_biases,
    index_table,
    slot_biases,
    slot_count,
)
from sordino.layers.layout.layout import gated_layout, linear_layout

SEEDS = st.integers(0, 2**32 - 1)


def int8(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-127, 128, shape).astype(np.int8)


def padded(contents: bytes) -> bytes:
    return contents + bytes(-len(contents) % 16)


@given(seed=SEEDS, units=st.integers(1, 40), rows=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_each_unit_has_its_four_biases(seed: int, units: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    config = PRESETS["tiny"].with_settings({"rows_per_lane": rows})
    layout = gated_layout([int8(rng, 4 * units, 3), int8(rng, 4 * units, units)], config)
    biases = rng.integers(-(2**31), 2**31, (4, units))
    stored = padded(gate_biases(layout, biases))
    assert len(stored) == 16 * units
    for place, unit in enumerate(layout.order):
        assert bias_words(stored, place, 4).tolist() == biases[:, unit].tolist()


@given(seed=SEEDS, outputs=st.integers(1, 60), rows=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_each_slot_has_its_bias_and_its_index(seed: int, outputs: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    config = PRESETS["tiny"].with_settings({"rows_per_lane": rows})
    layout = linear_layout([int8(rng, outputs, 3)], config)
    biases = rng.integers(-(2**31), 2**31, outputs)
    slots = slot_count(layout)
    assert slots == sum(tile.rows for tile in layout.tiles) * config.lanes
    wanted = [*biases[layout.order].tolist(), *[0] * (slots - outputs)]
    assert bias_words(padded(slot_biases(layout, biases)), 0, slots).tolist() == wanted
    found, indices = index_words(padded(index_table(layout, biases)), 0, slots)
    assert found.tolist() == wanted
    assert indices.tolist() == [*layout.order.tolist(), *[-1] * (slots - outputs)]


@pytest.mark.parametrize("width", [1, 15, 16, 17, 40])
def test_each_row_begins_on_a_word(width: int) -> None:
    rows = int8(np.random.default_rng(width), 5, width)
    stored, stride = embedding_rows(rows)
    assert stride == -(-width // 16)
    assert len(stored) == 5 * 16 * stride
    for number, row in enumerate(rows):
        assert embedding_words(stored, number * stride, width).tolist() == row.tolist()
