"""What ends are worth: early, late, right, by hand."""

from typing import Any

import pytest

from sordino.endpoint.measured import measured, tokens_of
from sordino.recogniser.events import Confirm, Ended, Event, Partial, Revised, Speculative

FRAME = 640


def heard(kind: type, frame: int, text: str = "A", **more: Any) -> Event:
    place = {"samples": FRAME * (frame + 1), "seconds": 0.0, "tokens": (1,), "text": text}
    if kind is Ended:
        more = {"reason": "endpoint", "utterance": 0, "begin": 0.0, **more}
    found: Event = kind(**place, **more)
    return found


def test_an_end_behind_the_speech_waits() -> None:
    events = [
        heard(Partial, 8),
        heard(Speculative, 15, revision=0),
        heard(Confirm, 20, revision=0),
        heard(Ended, 20, revision=0),
    ]
    found = measured(events, 10, FRAME)
    assert (found.early, found.wait, found.right, found.sooner, found.resets) == (
        False, 10, True, 5, 0,
    )  # fmt: skip


def test_an_end_before_the_speech_is_early_and_nothing_is_right() -> None:
    events = [heard(Partial, 4), heard(Speculative, 7, revision=0), heard(Ended, 8)]
    found = measured([*events, heard(Partial, 12), heard(Ended, 20)], 10, FRAME)
    assert (found.early, found.wait, found.right, found.sooner) == (True, None, False, 0)


@pytest.mark.parametrize(("late", "early"), [(12, True), (15, True), (16, False)])
def test_a_last_token_may_be_written_some_frames_late(late: int, early: bool) -> None:
    events = [heard(Partial, 4), heard(Ended, 11), heard(Partial, late), heard(Ended, 30)]
    assert measured(events, 10, FRAME).early == early


def test_a_speculation_with_other_words_is_wrong_and_so_is_none() -> None:
    events = [
        heard(Partial, 4),
        heard(Speculative, 12, "B", revision=0),
        heard(Revised, 20, revision=1),
        heard(Ended, 20),
    ]
    found = measured(events, 10, FRAME)
    assert (found.right, found.sooner, found.resets, found.wait) == (False, 0, 1, 10)
    assert not measured([heard(Partial, 4), heard(Ended, 20)], 10, FRAME).right


def test_texts_become_tokens() -> None:
    letters = ["<blank>", " ", "A", "B"]
    assert tokens_of("AB A", letters, 0) == [2, 3, 1, 2]
    assert tokens_of("ABC", letters, 0) is None
    pieces = ["<blank>", "▁A", "▁AB", "B"]
    assert tokens_of("AB A", pieces, 0) == [2, 1]
    assert tokens_of("", letters, 0) == []
