"""End-pointers as a campaign judges them: kinds of utterances, time saved, sounds that end."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: extra `train`")

from campaigns.endpoints_apart import trimmed
from campaigns.endpoints_tables import kind_of, saved


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ERASE S I X T Y FIVE", "spelling"),
        ("THREE FIVE OH", "digits"),
        ("ENTER SIX FIVE", "digits"),
        ("RUBOUT", "command"),
        ("GO", "command"),
    ],
)
def test_most_words_say_what_an_utterance_is(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def test_time_saved_is_what_comes_sooner_less_what_is_begun_anew() -> None:
    sooner = np.array([200, 200, 0, 40])
    right = np.array([True, False, True, True])
    # 100 ms of 150 are saved at most; the second is begun anew; the third did not come sooner.
    assert saved(sooner, right, takes=100.0, reset=10.0) == (100 - 10 + 0 + 40) / 4
    assert saved(sooner, right, takes=1000.0, reset=0.0) == (200 + 40) / 4


def test_a_sound_is_trimmed_to_what_is_loud() -> None:
    samples = np.zeros(16000)
    samples[3200:4800] = 0.5
    assert len(trimmed(samples)) == 1600
