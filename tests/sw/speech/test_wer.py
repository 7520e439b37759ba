"""Word errors and their bootstrap interval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sordino.errors import InputError, InputWarning
from sordino.speech.text import Speller
from sordino.speech.wer import paired_bootstrap, transcript_errors, word_error_rate


def test_counts() -> None:
    references = ["ONE TWO THREE", "YES", "GO  ON ", "A B", ""]
    hypotheses = ["ONE THREE", "", " GO ON", "A C D", "OH NO"]
    got = word_error_rate(references, hypotheses)
    assert got.utterance_errors == (1, 1, 0, 2, 2)
    assert got.utterance_words == (3, 1, 2, 2, 0)
    assert (got.errors, got.words, got.utterances, got.wer) == (6, 8, 5, 0.75)


def edit_distance(a: list[str], b: list[str]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        previous, row = row, [i + 1]
        for j, y in enumerate(b):
            row.append(min(previous[j] + (x != y), previous[j + 1] + 1, row[j] + 1))
    return row[-1]


WORDS = st.lists(st.sampled_from("ABC"), max_size=6)


@given(WORDS, WORDS)
def test_errors_are_the_edit_distance(a: list[str], b: list[str]) -> None:
    got = word_error_rate([" ".join(a), "X"], [" ".join(b), "X"])
    assert got.errors == edit_distance(a, b)


def test_bad_lists_are_refused() -> None:
    with pytest.raises(InputError, match="each of 1 references, got 2"):
        word_error_rate(["A"], ["A", "B"])
    for nothing in ([], [" "]):
        with pytest.raises(InputError, match="got none"):
            word_error_rate(nothing, nothing)
    with pytest.raises(InputError, match="same utterances"):
        paired_bootstrap([1], [1], [1, 2])
    with pytest.raises(InputError, match="got none"):
        paired_bootstrap([], [], [])


def test_bootstrap_of_a_constant_difference() -> None:
    low, high = paired_bootstrap([2] * 50, [1] * 50, [4] * 50)
    assert (low, high) == (0.25, 0.25)


def test_bootstrap_interval_matches_the_normal_one() -> None:
    a = [1, 0] * 200  # difference ±1 per one-word utterance: mean 0, deviation 1
    low, high = paired_bootstrap(a, a[::-1], [1] * 400)
    assert low == pytest.approx(-1.96 / 20, abs=0.01)
    assert high == pytest.approx(1.96 / 20, abs=0.01)
    assert (low, high) == paired_bootstrap(a, a[::-1], [1] * 400)
    uneven = list(range(1, 401))
    assert paired_bootstrap(a, a[::-1], uneven, seed=1) != paired_bootstrap(a, a[::-1], uneven)
    narrow = paired_bootstrap(a, a[::-1], [1] * 400, confidence=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_the_sign_is_a_minus_b() -> None:
    low, high = paired_bootstrap([0] * 30, [0, 1, 1] * 10, [2] * 30)
    assert low < high < 0


def test_kinds_of_errors_and_an_interval() -> None:
    score = word_error_rate(["A B C", "D", "E F"], ["A X C", "", "E G F H"])
    assert (score.substitutions, score.deletions, score.insertions) == (1, 1, 2)
    assert score.errors == 4
    low, high = score.interval()
    assert low < score.wer < high
    perfect = word_error_rate(["A"] * 3, ["A"] * 3)
    assert (perfect.errors, perfect.interval()) == (0, (0.0, 0.0))


def test_words_are_the_same_however_they_are_written() -> None:
    assert word_error_rate(["caf\u00e9\u00a0au\u3000lait"], ["cafe\u0301 au lait"]).errors == 0
    assert word_error_rate(["YES"], ["yes"]).errors == 1


@pytest.mark.parametrize("letters", ["yesno", "YESNO"])
def test_references_are_brought_to_the_model_s_case(letters: str) -> None:
    speller = Speller(["<blank>", " ", *letters], 0)
    heard = speller.adapt("YES no")
    for said in ("yes no", "YES NO", "Yes No"):
        assert transcript_errors([said], [heard], speller).errors == 0
    assert transcript_errors(["yes on"], [heard], speller).errors == 1


def test_what_a_model_cannot_write_is_said() -> None:
    speller = Speller(["<blank>", " ", *"YESNO"], 0)
    with pytest.warns(InputWarning, match=r"2 of 4 words of the transcripts .* spell: ',', '7'"):
        assert transcript_errors(["yes, no", "no 7"], ["YES NO", "NO"], speller).errors == 2


@pytest.mark.parametrize("space", ["|", "##", "Ġ", "</w>"])
def test_tokens_without_a_space_are_said(space: str) -> None:
    """Marks of other tokenisers are no spaces: the whole utterance would be one word."""
    speller = Speller(["<blank>", space, *"YESNO"], 0)
    with pytest.warns(InputWarning, match="1 of 2 transcripts have several words, but no token"):
        assert transcript_errors(["YES NO", "NO"], [f"YES{space}NO", "NO"], speller).errors == 2
    assert transcript_errors(["YES", "NO"], ["YES", "NO"], speller).errors == 0


def test_errors_of_case_alone_are_said() -> None:
    speller = Speller([" ", *"YESyesNOno"])
    with pytest.warns(InputWarning, match="1 of 2 word errors are of case alone"):
        assert transcript_errors(["YES no"], ["Yes on"], speller).errors == 2
    assert transcript_errors(["Yes no"], ["Yes on"], speller).errors == 1
