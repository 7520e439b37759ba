"""Silence behind and between words, and where speech then ends."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.endpoint.silence import Silence, padded
from sordino.endpoint.splices import SpliceOptions, boundaries, splice
from sordino.speech.mfcc import MfccDefinition
from sordino.train.corpus.augment import MelAxis

AXIS = MelAxis(MfccDefinition())
SEEDS = st.integers(0, 2**16)
PLAIN = SpliceOptions(noisy=0, level=(0, 0), gain=(0, 0), rustle=0)
NOTHING = replace(PLAIN, pause=0, before=0, cut=0, behind=(1, 1))


def spoken(quiet: int = 30, loud: int = 80, tail: int = 20) -> np.ndarray:
    """Cepstra of an utterance: quiet, loud with a dip in the middle, quiet."""
    rng = np.random.default_rng(3)
    cepstra = 0.1 * rng.normal(size=(quiet + loud + tail, 13))
    cepstra[quiet : quiet + loud, 0] += 10
    middle = quiet + loud // 2
    cepstra[middle - 1 : middle + 2, 0] -= (3, 6, 3)
    return cepstra


def test_speech_is_where_it_is_loud() -> None:
    assert Silence(spoken()).speech == (30, 110)


@settings(deadline=None)
@given(seed=SEEDS, frames=st.integers(0, 300), quiet=st.integers(0, 30))
def test_silence_is_as_long_as_wanted_and_quiet(seed: int, frames: int, quiet: int) -> None:
    made = Silence(spoken(quiet)).make(frames, np.random.default_rng(seed))
    assert made.shape == (frames, 13)
    assert (made[:, 0] < 3).all()


@settings(deadline=None)
@given(seed=SEEDS)
def test_padding_changes_nothing_before_it(seed: int) -> None:
    cepstra = spoken()
    for noise in (None, 25.0):
        found = padded(cepstra, 0.5, np.random.default_rng(seed), noise)
        assert len(found) == len(cepstra) + 50
        assert (found[: len(cepstra)] == cepstra).all()


def test_noise_is_louder_than_silence() -> None:
    silent, noisy = (
        padded(spoken(), 1.0, np.random.default_rng(1), noise)[130:, 0].mean()
        for noise in (None, 10.0)
    )
    assert noisy > silent


def test_a_boundary_is_the_quietest_frame_between_two_words() -> None:
    # "A B" with a space of its own, and as pieces with a mark.
    assert boundaries(spoken(), [1, 2, 3], [10, 20, 22], ["", "A", " ", "B"], 4) == [70]
    assert boundaries(spoken(), [1, 2], [10, 22], ["", "▁A", "▁B"], 4) == [70]
    assert boundaries(spoken(), [1, 2], [10, 22], ["", "▁A", "B"], 4) == []


@settings(deadline=None)
@given(seed=SEEDS)
def test_speech_is_kept_whole_and_its_end_moves_with_it(seed: int) -> None:
    cepstra = spoken()
    found = splice(cepstra, 112, [70], PLAIN, AXIS, np.random.default_rng(seed))
    more = found.end - 112
    assert found.loud - 110 == more
    assert (found.cepstra[found.end - 42 : found.end] == cepstra[70:112]).all()
    assert len(found.cepstra) >= found.end + 60 - 18


@settings(deadline=None)
@given(seed=SEEDS, seconds=st.floats(0.2, 1.0))
def test_a_pause_is_as_long_as_drawn(seed: int, seconds: float) -> None:
    options = replace(PLAIN, pause=1.0, pauses=(seconds, seconds), before=0, cut=0)
    found = splice(spoken(), 112, [70], options, AXIS, np.random.default_rng(seed))
    assert found.end - 112 == round(seconds * 100)
    assert (found.cepstra[70 : found.end - 42, 0] < 3).all()


def test_the_same_numbers_make_the_same_utterance() -> None:
    one, two = (
        splice(spoken(), 112, [70], SpliceOptions(), AXIS, np.random.default_rng(5))
        for _ in range(2)
    )
    assert (one.cepstra == two.cepstra).all()
    assert one.end == two.end


@pytest.mark.parametrize("places", [[], [70]])
def test_nothing_drawn_is_silence_behind_alone(places: list[int]) -> None:
    found = splice(spoken(), 112, places, NOTHING, AXIS, np.random.default_rng(0))
    assert (found.end, found.loud, len(found.cepstra)) == (112, 110, 230)
    assert (found.cepstra[:130] == spoken()).all()
