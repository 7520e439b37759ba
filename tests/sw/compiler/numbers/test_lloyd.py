"""Few values for many weights: no worse than evenly spaced ones, and a fixed point."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sordino.compiler.numbers.lloyd import lloyd_max, nearest


def error(weights: np.ndarray, values: np.ndarray) -> float:
    return float(((weights - values[nearest(weights, values)]) ** 2).sum())


@given(
    st.integers(0, 2**16),
    st.integers(2, 6),
    st.sampled_from(["normal", "laplace", "uniform", "exponential"]),
    st.sampled_from([0.0, 0.7]),
)
def test_each_value_is_the_mean_of_the_weights_nearest_to_it(
    seed: int, bits: int, kind: str, zeros: float
) -> None:
    rng = np.random.default_rng(seed)
    weights = getattr(rng, kind)(size=(40, 50)) * (rng.random((40, 50)) >= zeros)
    values = lloyd_max(weights, 1 << bits)
    assert len(values) <= 1 << bits
    assert (np.diff(values) > 0).all()
    assert 0.0 in values
    top = np.abs(weights).max()
    even = np.linspace(-top, top, (1 << bits) - 1)
    assert error(weights, values) <= error(weights, even)
    member = nearest(weights, values)
    for number, value in enumerate(values):
        own = weights[(member == number) & (weights != 0)]
        if value and own.size:
            assert own.mean() == pytest.approx(value, rel=0.03, abs=0.01 * top)


def test_few_weights_keep_themselves() -> None:
    values = np.array([-0.3, -0.1, 0.0, 0.2, 0.7, 0.9, 1.5, 3.0])
    weights = np.random.default_rng(1).choice(values, size=(30, 30))
    assert np.array_equal(lloyd_max(weights, 8), values)
    assert np.array_equal(lloyd_max(weights[weights != 0], 8), values)
    assert np.array_equal(values[nearest(weights, values)], weights)
    assert lloyd_max(np.zeros((3, 3)), 4).tolist() == [0.0]
    once = lloyd_max(np.random.default_rng(1).normal(size=500), 16)
    assert np.array_equal(lloyd_max(once, 16), once)


def test_weights_around_earlier_values_keep_them() -> None:
    rng = np.random.default_rng(1)
    values = np.array([-2.0, -1.1, -0.4, 0.0, 0.3, 0.9, 1.5, 2.4])
    shares = [0.002, 0.1, 0.2, 0.2, 0.3, 0.19, 0.006, 0.002]
    weights = rng.choice(values, size=5000, p=shares) + rng.normal(size=5000) * 0.004
    found = lloyd_max(weights, 8, values)
    assert np.abs(found - values).max() < 0.01
    assert error(weights, found) <= error(weights, lloyd_max(weights, 8))
    assert np.array_equal(lloyd_max(weights, 4, values), lloyd_max(weights, 4)), "too many"
