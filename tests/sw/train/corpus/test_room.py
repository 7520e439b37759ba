"""Levels and noise on cepstra against the same on waveforms."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sordino.errors import InputError
from sordino.speech.files.audio import read_audio
from sordino.speech.mfcc import MfccDefinition, mfcc
from sordino.train.corpus.augment import MelAxis
from sordino.train.corpus.data import Batches, Spoken, define_features
from sordino.train.corpus.room import put_in_room
from sordino.train.recipes.recipe import AugmentRecipe, FeatureRecipe, Recipe, digest_of
from sordino.train.recipes.room import RoomRecipe

FRONT_END = MfccDefinition()
AXIS = MelAxis(FRONT_END)


@pytest.fixture(scope="module")
def sound(recording: Path) -> np.ndarray:
    samples, rate = read_audio(recording)
    assert rate == 16_000
    return samples


def changed(cepstra: np.ndarray, seed: int = 0, **values) -> np.ndarray:
    return put_in_room(cepstra, RoomRecipe(**values), AXIS, np.random.default_rng(seed))


def test_a_level_is_what_the_waveform_says(sound: np.ndarray) -> None:
    heard = sound + np.random.default_rng(1).normal(0, 30, len(sound))
    said = changed(mfcc(heard, FRONT_END), level=(-20, -20))
    # The front end's floor, 1e-4 beside each energy.
    np.testing.assert_allclose(said, mfcc(heard / 10, FRONT_END), atol=1e-3)


def test_noise_does_to_cepstra_what_it_does_to_the_waveform(sound: np.ndarray) -> None:
    """White noise 10 dB below: most of what it changes is what `put_in_room` changes."""
    rng = np.random.default_rng(2)
    clean = mfcc(sound, FRONT_END)
    loud = np.sort(np.exp(AXIS.energies(clean)) @ AXIS.widths)[len(clean) // 2 :].mean()
    white = rng.normal(size=sound.shape)
    per_unit = (np.exp(AXIS.energies(mfcc(white, FRONT_END))) @ AXIS.widths).mean()
    white *= np.sqrt(loud / per_unit / 10)
    noisy = mfcc(sound + white, FRONT_END) - clean
    nearest = min(
        np.linalg.norm(changed(clean, seed, noisy=1, below=(10, 10)) - clean - noisy)
        for seed in range(200)
    )
    assert nearest < 0.2 * np.linalg.norm(noisy)


def test_noise_far_below_changes_little_and_a_share_none(sound: np.ndarray) -> None:
    clean = mfcc(sound, FRONT_END)
    # Pauses are as quiet as that.
    assert np.abs(changed(clean, noisy=1, below=(95, 95)) - clean).max() < 0.1
    some = [changed(clean, seed, noisy=0.5, below=(10, 10)) for seed in range(40)]
    assert 10 < sum(np.array_equal(one, clean) for one in some) < 30


def test_nothing_is_drawn_for_a_recipe_without() -> None:
    rng = np.random.default_rng(3)
    cepstra = np.ones((5, 13))
    assert put_in_room(cepstra, RoomRecipe(), AXIS, rng) is cepstra
    assert rng.random() == np.random.default_rng(3).random()


def test_digests_of_recipes_from_before_stay() -> None:
    plain = Recipe(name="a")
    before = plain.to_dict()
    del before["room"]
    assert digest_of(before) == plain.digest
    for room in (RoomRecipe(level=(-3, 0)), RoomRecipe(noisy=0.1, below=(0, 9))):
        assert replace(plain, room=room).digest != plain.digest


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"level": (3.0, 1.0)}, r"wanted level as \[low, high\] in dB, each within ±100, got"),
        ({"below": (0.0, 101.0)}, "wanted below as"),
        ({"level": (float("nan"), 1.0)}, "wanted level as"),
        ({"noisy": 1.5}, "wanted noisy"),
        ({"noisy": 0.5}, "wanted below, how many dB noise is below the speech"),
    ],
)
def test_what_is_no_room_is_refused(values: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RoomRecipe(**values)


def test_only_the_own_corpus_is_put_in_it() -> None:
    rng = np.random.default_rng(4)
    spoken = [
        Spoken(name=str(n), text="A", cepstra=rng.normal(size=(20, 13)), tokens=(2,))
        for n in range(4)
    ]
    definition = define_features(FeatureRecipe(), spoken)

    def heard(room: RoomRecipe | None) -> list[np.ndarray]:
        batches = Batches(
            spoken, definition, AugmentRecipe(extra=1), size=1, seed=1, own=2, room=room
        )
        x = {n: batches.batch(0, 0, [(n,)]).x for n in range(4)}
        return list(x.values())

    same = [
        np.array_equal(*pair)
        for pair in zip(heard(None), heard(RoomRecipe(level=(5, 9))), strict=True)
    ]
    assert same == [False, False, True, True]
