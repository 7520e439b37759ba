"""The grid of weights and the accumulator's unit, by hand and against every other unit."""

import numpy as np
import pytest

from sordino.layers.numbers.units import (
    int_bias,
    largest_magnitude,
    least_unit,
    round_weight,
    shared_unit,
    top_level,
)
from sordino.model.random_rnnt import random_lstm


def test_weights_become_the_nearest_grid_value_and_ties_the_smaller() -> None:
    # 3 bits: levels -3 to 3, every 20 steps of int8.
    weight = np.array([[-60.0, -31.0, -30.0, -10.1, -10.0, 0.0, 9.0, 29.0, 60.0]])
    assert top_level(3) == 3
    assert round_weight(weight, 1.0, 3).tolist() == [[-60, -40, -20, -20, 0, 0, 0, 20, 60]]
    assert round_weight(weight / 8, 0.125, 3).tolist() == round_weight(weight, 1.0, 3).tolist()


@pytest.mark.parametrize("bits", range(2, 9))
def test_a_grid_has_as_many_values_as_its_bits_allow(bits: int) -> None:
    weight = np.linspace(-1, 1, 4001)[None]
    values = np.unique(round_weight(weight, 1 / 127, bits))
    assert len(values) == 2**bits - 1
    assert np.array_equal(values, -values[::-1])
    assert values[-1] == 127


@pytest.mark.parametrize("ratio", [0.1, 0.3, 1.0, 3.7, 30.0])
def test_no_other_anchor_costs_less(ratio: float) -> None:
    """Among the units that make one largest weight 64 to 127 steps, the one taken rounds least."""
    layer = random_lstm(7, 20, 15, ratio)
    weights, scales = (layer.weight_ih, layer.weight_hh), (2.0**-5, 2.0**-7)
    largest = [largest_magnitude(w) * s for w, s in zip(weights, scales, strict=True)]

    def cost(unit: float, shifts: tuple[int, ...]) -> float:
        total = 0.0
        for weight, scale, shift in zip(weights, scales, shifts, strict=True):
            step = unit * 2.0**shift / scale
            total += float(((round_weight(weight, step, 5) * step - weight) ** 2).sum()) / float(
                (weight**2).sum()
            )
        return total

    unit, shifts = shared_unit(weights, scales, (5, 5), 0.0)
    assert min(shifts) == 0
    for value, shift in zip(largest, shifts, strict=True):
        assert 63 < value / (unit * 2**shift) < 127.001
    others = [
        (anchor / top, other)
        for anchor in largest
        for top in range(64, 128)
        for other in [tuple(int(np.ceil(np.log2(v / anchor * top / 127))) for v in largest)]
        if min(other) == 0
    ]
    # The search counts weights in bins; a hundredth is more than these are wide.
    assert cost(unit, shifts) <= 1.01 * min(cost(*other) for other in others)


def test_a_unit_leaves_biases_half_of_the_accumulator() -> None:
    bias = np.array([-3.0, 1.5])
    assert least_unit(bias, 24) == 3.0 / 2**22
    assert least_unit(bias, 32) == least_unit(bias, 40) == 3.0 / 2**30
    weights = (np.full((2, 3), 1e-12), np.zeros((2, 2)))
    unit, _ = shared_unit(weights, (1.0, 1.0), (8, 8), least_unit(bias, 24))
    assert unit >= least_unit(bias, 24)
    assert np.abs(int_bias(bias, unit)).max() <= 1 << 22


def test_matrices_of_zeros_take_any_unit() -> None:
    unit, shifts = shared_unit((np.zeros((4, 3)), np.zeros((4, 1))), (0.5, 1.0), (8, 8), 0.0)
    assert (unit, shifts) == (2.0**-9, (0, 0))


def test_biases_are_rounded_half_away_from_zero() -> None:
    assert int_bias(np.array([-0.75, -0.25, 0.2, 0.25, 1.0]), 0.5).tolist() == [-2, -1, 0, 1, 2]
