"""Shapes and values for the circuit: what the generators promise."""

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.image.checks.verify import verify
from sordino.isa.operations import Cell, Gru
from sordino.testing.images.random_images import (
    deal_cells,
    deal_rows,
    layers_image,
    products_image,
    random_matrix,
    random_products,
    random_sizes,
)
from sordino.tools.trials import MACHINES


@pytest.mark.parametrize("bits", range(2, 9))
def test_random_matrix_takes_all_values_of_its_bits(bits: int) -> None:
    rng = np.random.default_rng(bits)
    values = random_matrix(rng, (99, 99), bits=bits, zeros=0.0)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    assert (values.min(), values.max()) == (low, high)
    assert len(np.unique(values)) == 1 << bits
    assert ((values == low) | (values == high)).mean() > 0.19
    assert not random_matrix(rng, (5, 5), bits=bits, zeros=1.0).any()


def test_rows_are_dealt_in_order() -> None:
    matrix = np.arange(1, 11, dtype=np.int8).reshape(5, 2)
    slots = deal_rows(matrix, 4)
    assert slots.shape == (2, 4, 2)
    np.testing.assert_array_equal(slots[0], matrix[:4])
    np.testing.assert_array_equal(slots[1, 0], matrix[4])
    assert not slots[1, 1:].any()


def test_gates_are_dealt_as_the_cell_reads_them() -> None:
    """Unit u stands at row u // quads; gate k on lane (k + row) mod 4 of its quad."""
    gates = np.arange(1, 25, dtype=np.int8).reshape(4, 6, 1)
    slots = deal_cells(gates, 8)
    assert slots.shape == (3, 8, 1)
    for unit in range(6):
        row, quad = unit // 2, unit % 2
        for gate in range(4):
            assert slots[row, 4 * quad + (gate + row) % 4, 0] == gates[gate, unit, 0]


@pytest.mark.parametrize("machine", MACHINES)
def test_random_images_fit_and_reach_the_extremes(machine: str) -> None:
    config, rng = MACHINES[machine], np.random.default_rng(1)
    shapes, units, rows, operations = set(), set(), set(), set()
    for number in range(300):
        products, sizes = random_products(rng, config), random_sizes(rng, config)
        shapes |= {case.matrix.shape for case in products}
        units.add(sizes.units)
        rows.add(-(-sizes.outputs // config.lanes))
        if number < 5:
            image, features = products_image(rng, config, products)
            verify(image)
            assert features.shape == (1, sum(len(case.x) for case in products))
            layers = layers_image(rng, config, sizes)
            verify(layers)
            operations |= {type(i) for i in layers.program}
    assert {Cell, Gru} <= operations
    assert max(outputs for outputs, _ in shapes) == config.rows_per_lane * config.lanes
    assert min(outputs for outputs, _ in shapes) == 1
    assert {1, 333} <= {inputs for _, inputs in shapes}
    assert {1, 3, 17, 100} <= units
    assert {1, 2, 3, 12, 64, 256} <= rows


def test_machines_are_odd_and_small() -> None:
    assert [config.group for config in MACHINES.values()] == [1, 2, 4, 2]
    assert {24, 32} <= {config.accumulator_bits for config in MACHINES.values()}
    for config in MACHINES.values():
        assert config.lanes <= PRESETS["small"].lanes
        for name, value in config.as_dict().items():
            if name.endswith("_words"):
                assert value & (value - 1), f"{name} is a power of two"
