"""Lists of phrases as people write them."""

from pathlib import Path

import pytest

from sordino.decode.phrases.fusion import PhraseFusion
from sordino.decode.phrases.listing import MOST_CHARACTERS, MOST_LONG, Phrase, read_phrases
from sordino.errors import InputError, InputWarning
from sordino.speech.text import Speller

CAPITALS = ["<blank>", " ", "'", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"]


def read(
    folder: Path, text: str | bytes, tokens: list[str] = CAPITALS, bonus: float = 1.5
) -> list[Phrase]:
    path = folder / "phrases.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_phrases(path, Speller(tokens, 0), bonus)


def test_a_phrase_a_line(tmp_path: Path) -> None:
    text = "# devices\n\nANN LEE\r\n  p  a\u00a0t \nSVEN\t2\nO'NEIL\t 0.25 \n\tA\n  # none\nEVE\t\n"
    assert read(tmp_path, "\ufeff" + text.replace("\tA\n", "")) == [
        Phrase("ANN LEE", 1.5),
        Phrase("P A T", 1.5),
        Phrase("SVEN", 2.0),
        Phrase("O'NEIL", 0.25),
        Phrase("EVE", 1.5),
    ]


def test_case_is_the_models(tmp_path: Path) -> None:
    small = ["<blank>", " ", *"abcdefghijklmnopqrstuvwxyz"]
    assert read(tmp_path, "Ann", small) == [Phrase("ann", 1.5)]
    both = [*CAPITALS, "a", "n"]
    assert read(tmp_path, "Ann\nANN", both) == [Phrase("Ann", 1.5), Phrase("ANN", 1.5)]


def test_pieces(tmp_path: Path) -> None:
    assert read(tmp_path, "hello\n", ["<blank>", "▁he", "l", "lo"]) == [Phrase("hello", 1.5)]
    with pytest.raises(InputError, match=r"spell, got 'hi' of 'hi' in line 1 of .*txt; write it"):
        read(tmp_path, "hi\n", ["<blank>", "▁he", "i", "▁hi"[2:] + "x"])


def test_a_phrase_twice_counts_once(tmp_path: Path) -> None:
    with pytest.warns(InputWarning, match="has 2 phrases more than once, 'ANN' first; each counts"):
        found = read(tmp_path, "ANN\t1\nEVE\nann\t3\nEVE\t1\n")
    assert found == [Phrase("ANN", 3.0), Phrase("EVE", 1.5)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"wanted phrases in .*txt, one a line, got none; write some"),
        ("# A\n \n\u00a0\n", "got none"),
        ("A\nZO\u00cb\n", r"tokens can spell, got '\u00cb' of 'ZO\u00cb' in line 2 of .*txt"),
        ("FOUR 4\n", "got '4' of 'FOUR 4' in line 1"),
        ("A▁B", "got '▁'"),
        ("A\tB", r"wanted a phrase, or a phrase, a tab and a number, in line 1 .*, got 'A\\tB'"),
        ("A\t1\t2", r"got 'A\\t1\\t2'"),
        ("\t2", r"wanted a phrase in line 1 .*, got ''"),
        (
            "A\tnan",
            "a bonus of 0 to 100 nats for a letter of a phrase, got nan in line 1 of",
        ),
        ("A\t-1", "got -1 in line 1"),
        ("A\tinf", "got inf in line 1"),
        ("A\t1e400", "got inf in line 1"),
        ("A\n" + "B" * 10_000, f"at most {MOST_LONG:,} characters, got 10,000 in line 2"),
        (b"A\n\xff", "as UTF-8, got byte 0xff in line 2"),
        (b"A\rB\n", "got a carriage return inside line 1"),
        (b"A\x00", "got a zero byte in line 1"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("bonus", [float("nan"), -0.5, float("inf"), 100.5])
def test_a_bonus_that_means_nothing(tmp_path: Path, bonus: float) -> None:
    with pytest.raises(InputError, match="wanted a bonus of 0 to 100 nats for a letter"):
        read(tmp_path, "A", bonus=bonus)


def test_a_model_of_one_word(tmp_path: Path) -> None:
    tokens = ["<blank>", "A", "B"]
    assert read(tmp_path, "AB", tokens) == [Phrase("AB", 1.5)]
    with pytest.raises(InputError, match=r"phrases of one word, .*, got 'A B' in line 1"):
        read(tmp_path, "A B", tokens)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the phrases"):
        read_phrases(tmp_path / "none", Speller(CAPITALS, 0), 1.0)


def numbered(count: int, length: int) -> list[str]:
    """Different phrases of letters that stand alone."""
    found = []
    for number in range(count):
        letters = [chr(65 + number // 26**place % 26) for place in range(length)]
        found.append(" ".join(letters))
    return found


def test_ten_thousand_phrases(tmp_path: Path) -> None:
    """They have a bound of states: one a character and one an end, twice."""
    texts = numbered(10_000, 8)
    listed = read(tmp_path, "\n".join(texts))
    fusion = PhraseFusion(listed, CAPITALS)
    assert len(fusion.listed) == 10_000
    state = fusion.start()
    for letter in texts[1234]:
        state = fusion.advance(state, CAPITALS.index(letter))
    assert fusion.final(state) == 8 * 1.5
    assert fusion.states <= 2 * (sum(map(len, texts)) + len(texts) + 2)


def test_more_than_is_held(tmp_path: Path) -> None:
    texts = numbered(1 + MOST_CHARACTERS // 15, 8)
    with pytest.raises(InputError, match="300,000 characters together, got more from line"):
        read(tmp_path, "\n".join(texts))
