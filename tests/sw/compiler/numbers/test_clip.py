"""Outliers among weights: measured, and where they are clipped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.numbers.clip import Clip
from sordino.compiler.numbers.fidelity import round_evenly, snr_db
from sordino.model.load import load_model

TINY = PRESETS["tiny"]


def normal(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(60, 40))


def test_signal_to_noise_of_normal_weights() -> None:
    weight = normal()
    ratios = [snr_db(weight, round_evenly(weight, 2 ** (bits - 1) - 1)) for bits in (2, 4, 6, 8)]
    assert ratios == sorted(ratios)
    assert ratios[-1] == pytest.approx(41, abs=1)
    assert ratios[-1] - ratios[-2] == pytest.approx(12, abs=1)


@pytest.mark.parametrize("where", [(3, 5), (3, slice(None)), (slice(None), 5)])
def test_an_outlier_s_energy_hides_no_loss(where: tuple[int, int]) -> None:
    weight = normal()
    weight[where] *= 1e6
    assert snr_db(weight, round_evenly(weight, 127)) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_what_loses_nothing_has_no_ratio(scale: float) -> None:
    weight = np.rint(normal() * 20) * scale
    assert snr_db(weight, weight) is None
    assert snr_db(weight, weight.astype(np.float32).astype(np.float64)) is None
    assert snr_db(np.zeros((3, 4)), np.zeros((3, 4))) is None


@given(
    seed=st.integers(0, 99),
    large=st.floats(100, 1e30),
    where=st.sampled_from([(3, 5), (3, slice(None)), (slice(None), 5)]),
    bits=st.integers(2, 8),
)
@settings(max_examples=30, deadline=None)
def test_automatic_clipping_leaves_the_others_their_resolution(
    seed: int, large: float, where: tuple[int, int], bits: int
) -> None:
    weight = normal(seed)
    weight[where] = large
    limit = Clip("auto").limit(weight, bits)
    clipped = np.clip(weight, -limit, limit)
    rest = np.delete(np.delete(weight, 3, axis=0), 5, axis=1)
    assert limit >= np.median(np.abs(rest))
    at = max(4, bits)
    ratio = snr_db(clipped, round_evenly(clipped, 2 ** (at - 1) - 1))
    assert ratio is not None
    assert ratio >= 12
    assert np.abs(rest[np.abs(rest) <= limit]).size > 0.9 * rest.size


def test_weights_of_a_grid_stay_on_it() -> None:
    model = load_model("models/an4_rnnt_causal.npz")
    weight = model.encoder[0].weight_ih
    loud = weight.copy()
    loud[100, 20] = 1e6
    assert Clip("auto").limit(loud, 4) == np.abs(weight).max()


def test_a_factor_is_of_the_median_of_what_is_not_zero() -> None:
    weight = np.array([[0.0, 1.0, -2.0], [3.0, 0.0, -100.0]])
    assert Clip(2).limit(weight, 8) == 5
    assert Clip("1").limit(weight, 8) == 2.5
    assert Clip(1e9).limit(weight, 8) == 100
    assert Clip("none").limit(weight, 8) == 100
    assert Clip(3).limit(np.zeros((2, 2)), 8) == 0
