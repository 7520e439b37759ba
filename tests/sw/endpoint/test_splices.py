"""Silence behind and between words, and where speech then ends."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.endpoint.silence import MARGIN, Silence, padded
from sordino.endpoint.splices import Said, Spliced, SpliceOptions, boundaries, splice
from sordino.speech.mfcc import MfccDefinition
from sordino.train.corpus.augment import MelAxis

AXIS = MelAxis(MfccDefinition())
SEEDS = st.integers(0, 2**16)
PLAIN = SpliceOptions(noisy=0, level=(0, 0), gain=(0, 0), rustle=0, warp=(1, 1))
NOTHING = replace(PLAIN, pause=0, before=0, cut=0, behind=(1, 1))


def spoken(quiet: int = 30, loud: int = 80, tail: int = 20) -> np.ndarray:
    """Cepstra of an utterance: quiet, loud with a dip in the middle, quiet."""
    rng = np.random.default_rng(3)
    cepstra = 0.1 * rng.normal(size=(quiet + loud + tail, 13))
    cepstra[quiet : quiet + loud, 0] += 10
    middle = quiet + loud // 2
    cepstra[middle - 1 : middle + 2, 0] -= (3, 6, 3)
    return cepstra


def spliced(
    options: SpliceOptions, seed: int, *, count: int = 1, places: tuple[int, ...] = (70,)
) -> Spliced:
    """The utterance as often as wanted, spliced."""
    said = Said(cepstra=spoken(), end=112, places=places)
    return splice([said] * count, options, AXIS, np.random.default_rng(seed))


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
    found = spliced(PLAIN, seed)
    more = found.end - 112
    assert found.loud - 110 == more
    assert (found.cepstra[found.end - 42 : found.end] == cepstra[70:112]).all()
    assert len(found.cepstra) >= found.end + 60 - 18


@settings(deadline=None)
@given(seed=SEEDS, seconds=st.floats(0.2, 1.0))
def test_a_pause_is_as_long_as_drawn(seed: int, seconds: float) -> None:
    options = replace(PLAIN, pause=1.0, pauses=(seconds, seconds), before=0, cut=0)
    found = spliced(options, seed)
    assert found.end - 112 == round(seconds * 100)
    assert (found.cepstra[70 : found.end - 42, 0] < 3).all()


def test_the_same_numbers_make_the_same_utterance() -> None:
    one, two = (spliced(SpliceOptions(), 5) for _ in range(2))
    assert (one.cepstra == two.cepstra).all()
    assert one.end == two.end


@pytest.mark.parametrize("places", [(), (70,)])
def test_nothing_drawn_is_silence_behind_alone(places: tuple[int, ...]) -> None:
    found = spliced(NOTHING, 0, places=places)
    assert found.gaps == ()
    assert (found.end, found.loud, len(found.cepstra)) == (112, 110, 230)
    assert (found.cepstra[:130] == spoken()).all()


@settings(deadline=None)
@given(seed=SEEDS, gap=st.floats(0.3, 1.6), before=st.sampled_from([0, 1]))
def test_another_utterance_follows_behind_an_end(seed: int, gap: float, before: int) -> None:
    """Between both there is silence, up to where the second one begins to be loud."""
    options = replace(NOTHING, gap=(gap, gap), before=before)
    found = spliced(options, seed, count=2)
    alone = spliced(options, seed)
    ((first, last),) = found.gaps
    assert first == alone.end
    assert found.end - last == 112 - (30 - MARGIN)
    assert found.loud - found.end == alone.loud - alone.end == -2
    size = last - first
    least = (130 - 112) + round(gap * 100) + (30 - MARGIN)
    assert least <= size <= least + 100 * before
    assert (found.cepstra[first:last, 0] < 3).all()
    assert (found.cepstra[last + MARGIN : found.end - 2, 0] > 3).all()


def test_what_follows_an_end_is_spliced_as_what_follows_a_pause() -> None:
    """The silence behind an end and that of a pause differ in their length alone."""
    options = replace(PLAIN, pause=1, before=0, cut=1, pauses=(0.5, 0.5), gap=(0.5, 0.5))
    found = spliced(options, 3, count=2)
    ((end, _),) = found.gaps
    pause, gap = found.cepstra[70:120], found.cepstra[end + 6 : end + 50]
    assert abs(pause.mean() - gap.mean()) < 0.05
    assert abs(pause.std() - gap.std()) < 0.05
