"""Augmentation against what it stands for on log mel energies."""

import numpy as np
import pytest

from sordino.speech.mfcc import MfccDefinition, hz_to_mel, mel_to_hz
from sordino.train.corpus.augment import MelAxis, change_cepstra, mask_input
from sordino.train.recipes.recipe import AugmentRecipe

FRONT_END = MfccDefinition()
AXIS = MelAxis(FRONT_END)


def smooth(mel: np.ndarray, peak: float) -> np.ndarray:
    """Log energies of a broad peak, smooth enough for 13 cepstra to hold."""
    return 3 * np.exp(-(((mel - peak) / 600) ** 2))


def centres() -> np.ndarray:
    low, high = hz_to_mel([FRONT_END.lowest, FRONT_END.highest])
    return low + (high - low) * np.arange(1, FRONT_END.filters + 1) / (FRONT_END.filters + 1)


def test_nothing_stretched_or_masked_is_the_identity() -> None:
    np.testing.assert_allclose(AXIS.matrix(), np.eye(13), atol=1e-12)


@pytest.mark.parametrize("warp", [0.9, 1.1])
def test_a_stretched_peak_is_another_speakers(warp: float) -> None:
    hz = mel_to_hz(centres())
    stretched = smooth(hz_to_mel(hz * warp), 1500.0)  # the band's end, where warp bends, is flat
    cepstra = FRONT_END.cosines @ smooth(centres(), 1500.0)
    moved = AXIS.matrix(warp) @ cepstra
    unmoved = np.abs(cepstra - FRONT_END.cosines @ stretched).max()
    assert np.abs(moved - FRONT_END.cosines @ stretched).max() < 0.05 * unmoved


def test_a_masked_band_holds_no_energy() -> None:
    cepstra = FRONT_END.cosines @ smooth(centres(), 1500.0)
    energies = np.array([AXIS.matrix(bands=[(m, m + 1)]) @ cepstra for m in range(40)])
    removed = cepstra - energies  # what each filter alone contributes
    np.testing.assert_allclose(removed.sum(axis=0), cepstra, atol=1e-12)
    masked = AXIS.matrix(bands=[(10, 20), (30, 32)]) @ cepstra
    np.testing.assert_allclose(
        cepstra - masked, removed[10:20].sum(axis=0) + removed[30:32].sum(axis=0), atol=1e-12
    )


def change(recipe: AugmentRecipe, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    cepstra = np.random.default_rng(9).normal(size=(100, 13))
    changed = change_cepstra(cepstra, recipe, AXIS, np.ones(13), np.random.default_rng(seed))
    return cepstra, changed


def test_an_empty_recipe_changes_nothing() -> None:
    np.testing.assert_allclose(*change(AugmentRecipe()), atol=1e-10)


def test_tempo_keeps_both_ends() -> None:
    for seed in range(20):
        cepstra, changed = change(AugmentRecipe(tempo=(0.5, 2.0)), seed)
        assert 50 <= len(changed) <= 200
        np.testing.assert_allclose(changed[[0, -1]], cepstra[[0, -1]], atol=1e-10)
    assert len({len(change(AugmentRecipe(tempo=(0.5, 2.0)), seed)[1]) for seed in range(20)}) > 10


def test_gain_offset_and_noise_are_as_large_as_stated() -> None:
    cepstra, changed = change(AugmentRecipe(gain=0.3), 3)
    slopes = (changed - changed.mean(axis=0)) / (cepstra - cepstra.mean(axis=0))
    assert slopes.min() >= 0.7
    assert slopes.max() <= 1.3
    assert np.ptp(slopes) < 1e-9 < abs(slopes.mean() - 1)
    cepstra, changed = change(AugmentRecipe(offset=2.0), 3)
    assert np.ptp(changed - cepstra, axis=0).max() < 1e-9
    assert 0.5 < (changed - cepstra).std() < 4
    difference = np.subtract(*change(AugmentRecipe(noise=2.0), 3))
    assert 0.05 < difference.std() <= 2.2


def test_masks_are_zero_stretches_no_longer_than_stated() -> None:
    recipe = AugmentRecipe(time_masks=1, time_mask=5)
    sizes = set()
    for seed in range(60):
        x = mask_input(np.ones((30, 4)), recipe, np.random.default_rng(seed))
        silent = np.flatnonzero(x[:, 0] == 0)
        assert set(np.unique(x)) <= {0.0, 1.0}
        assert (x == x[:, :1]).all()
        assert len(silent) == 0 or silent[-1] - silent[0] + 1 == len(silent)
        sizes.add(len(silent))
    assert sizes == {0, 1, 2, 3, 4, 5}
