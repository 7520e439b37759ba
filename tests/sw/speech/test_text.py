"""Tokens to words."""

import pytest

from sordino.speech.text import plain, spell


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["S", "I", "X", " ", "A"], "SIX A"),
        ([" ", "A", " ", " ", "B", " "], "A B"),
        (["▁SEVEN", "TY", "▁TWO"], "SEVENTY TWO"),
        (["▁", "X", "▁", "▁Y"], "X Y"),
        ([], ""),
    ],
)
def test_spell(tokens: list[str], words: str) -> None:
    assert spell(tokens) == words


def test_plain() -> None:
    assert plain("▁SIX") == " SIX"
    assert plain("'S") == "'S"
