"""Tokens to words."""

import pytest

from sordino.errors import InputWarning
from sordino.speech.text import Speller, plain, spell


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["S", "I", "X", " ", "A"], "SIX A"),
        ([" ", "A", " ", " ", "B", " "], "A B"),
        (["▁SEVEN", "TY", "▁TWO"], "SEVENTY TWO"),
        (["▁", "X", "▁", "▁Y"], "X Y"),
        ([], ""),
        (["A", "\u00a0", "B", "\u3000"], "A B"),
        (["e", "\u0301"], "é"),
        (["\ufeff", "A", "\ufeff", "B"], "AB"),
        (["\u200eA\u00ad", "B\u202c \u2067C\u2060", "\u200c"], "AB C\u200c"),
    ],
)
def test_spell(tokens: list[str], words: str) -> None:
    assert spell(tokens) == words


def test_plain() -> None:
    assert plain("▁SIX") == " SIX"
    assert plain("'S") == "'S"


CAPITALS = Speller(["<blank>", " ", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "'"], 0)
SMALL = Speller(["<blank>", " ", *"abcdefghijklmnopqrstuvwxyzäöüß"], 0)
MIXED = Speller(["▁", *"YESyesNOno", "<unk>"])
PIECES = Speller(["<blank>", "▁", "▁SEVEN", "TY", "▁TWO", "S", "[PAD]"], 0)


@pytest.mark.parametrize(
    ("speller", "case", "text", "adapted"),
    [
        (CAPITALS, "capitals", " yes\u00a0 No\t", "YES NO"),
        (CAPITALS, "capitals", "straße", "STRASSE"),
        (SMALL, "small letters", "STRASSE Straße", "strasse straße"),
        (Speller(["A", "Ä", "S", "ß"]), "capitals", "aß a\u0308", "Aß Ä"),
        (SMALL, "small letters", "U\u0308BER", "über"),
        (Speller(["ο", "δ", "ς"]), "small letters", "ΟΔΟΣ", "οδος"),
        (MIXED, None, "Yes  no", "Yes no"),
        (Speller(["はい", "1"]), None, "はい\u30001 Ok", "はい 1 Ok"),
        (PIECES, "capitals", "seventy two", "SEVENTY TWO"),
        (Speller([]), None, "as it is", "as it is"),
        (Speller(["_", "A"], 0), "capitals", "a", "A"),
        (Speller(["b", "A"], 0), "capitals", "a", "A"),
    ],
)
def test_case_is_the_model_s(speller: Speller, case: str | None, text: str, adapted: str) -> None:
    assert speller.case == case
    assert speller.adapt(text) == adapted


def test_what_tokens_can_spell() -> None:
    for word in ("SEVENTY", "TWOS", "TY"):
        assert PIECES.can_spell(word)
    for word in ("SEVENT", "TEN", "PAD", "▁TWO", "[PAD]", "TWO\u00a0S"):
        assert not PIECES.can_spell(word)
    one, two = "é", "e\u0301"
    for tokens in ([one], ["e", "\u0301"]):
        speller = Speller(tokens)
        assert speller.can_spell(one)
        assert speller.can_spell(two)
        assert speller.text(range(len(tokens))) == one
    assert Speller([one]).spellings(two) == {one}
    assert Speller(["e", "\u0301"]).spellings(one) == {two}


def test_pieces_with_a_mark_begin_words() -> None:
    pieces = Speller(["<blank>", "▁YES", "▁N", "O", "S▁T", "▁▁X"], 0)
    for word in ("YES", "YESO", "NO", "NOS", "O", "T", "TO", "X", "XO", "S"):
        assert pieces.can_spell(word), word
    for word in ("OYES", "NN", "NOYES", "OT", "XX"):
        assert not pieces.can_spell(word), word
    assert not Speller(["▁A", "▁B"]).can_spell("AB")


@pytest.mark.parametrize(
    ("tokens", "separates"),
    [
        ([" ", "A"], True),
        (["▁A"], True),
        (["A\u00a0", "B"], True),
        (["A", "B"], False),
        (["ĠA", "##B", "|", "C</w>"], False),
        (["[a b]", "<c d>", "A"], False),
        ([], False),
    ],
)
def test_whether_a_model_writes_words(tokens: list[str], separates: bool) -> None:
    assert Speller(tokens).separates == separates
    assert not Speller([" ", "A"], 0).separates


@pytest.mark.parametrize(
    ("speller", "words", "said"),
    [
        (
            CAPITALS,
            ["YES", "NO-ONE", "Ö"],
            r"2 of 3 words of it \(66\.7%\) .* spell: '-', 'Ö'; drop",
        ),
        (CAPITALS, ["yes"], r"1 of 1 words of it \(100\.0%\) .* \(they write capitals\); drop"),
        (PIECES, ["SEVENT"], "cannot spell: the word 'SEVENT'; drop"),
        (CAPITALS, list("0123456789"), "'7', …; drop"),
        (CAPITALS, ["A\u00a0B"], r"spell: '\\xa0'; drop"),
    ],
)
def test_what_they_cannot_is_said(speller: Speller, words: list[str], said: str) -> None:
    with pytest.warns(InputWarning, match=said):
        speller.check(words, "it", "drop it")
    speller.check([], "it", "drop it")
    speller.check(["TWO"], "it", "drop it")
