"""Kneser–Ney: probabilities, and ARPA files there and back."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.decode.arpa import format_arpa, load_arpa, parse_arpa, save_arpa
from sordino.decode.ngram import BEGIN, END, UNKNOWN, estimate
from sordino.errors import InputError

WORDS = st.sampled_from(["A", "B", "C", "ONE", "TWO"])
SENTENCES = st.lists(st.lists(WORDS, max_size=6), min_size=1, max_size=12).filter(any)


@settings(max_examples=60, deadline=None)
@given(sentences=SENTENCES, order=st.integers(1, 4), context=st.lists(WORDS, max_size=4))
def test_probabilities_add_up_to_one(
    sentences: list[list[str]], order: int, context: list[str]
) -> None:
    model = estimate(sentences, order)
    predicted = [*model.words, END, UNKNOWN]
    for before in (context, [BEGIN, *context], ["NEVER SEEN", *context]):
        logs = [model.log10(word, before) for word in predicted]
        assert math.isclose(math.fsum(10.0**log for log in logs), 1.0, abs_tol=1e-5)
        assert max(logs) <= 0


@settings(max_examples=30, deadline=None)
@given(sentences=SENTENCES, order=st.integers(1, 4))
def test_files_hold_the_whole_model(sentences: list[list[str]], order: int) -> None:
    model = estimate(sentences, order)
    text = format_arpa(model)
    again = parse_arpa(text)
    assert (again.order, again.logs, again.backoffs) == (order, model.logs, model.backoffs)
    assert format_arpa(again) == text


def test_counts_of_what_stands_before() -> None:
    """SAN FRANCISCO is frequent, FRANCISCO elsewhere is not: the paper's example."""
    sentences = [["SAN", "FRANCISCO"]] * 5 + [[w, "GLASSES"] for w in ("A", "B", "C", "D")]
    model = estimate(sentences, 2)
    assert model.log10("GLASSES", ["NEW"]) > model.log10("FRANCISCO", ["NEW"]) + 0.3
    assert model.log10("FRANCISCO", ["SAN"]) > math.log10(0.7)


def test_a_bigram_by_hand() -> None:
    """Two sentences, `A B` and `A`, with the discounts 0.5, 1, 1.5 for want of counts.

    Words are seen after: A 1 (the begin), B 1 (A), the end 2 (A, B); 4 places, of which 0.5 + 0.5 +
    1 are given to 4 words alike: A has 0.5 / 4 + 2 / 4 / 4 = 1/4, the end 1 / 4 + 1/8 = 3/8.
    """
    model = estimate([["A", "B"], ["A"]], 2)
    assert math.isclose(10 ** model.log10("A", []), 1 / 4, rel_tol=1e-6)
    assert math.isclose(10 ** model.log10(END, []), 3 / 8, rel_tol=1e-6)
    # After A: B once, the end once; half of each is freed.
    assert math.isclose(10 ** model.log10(END, ["A"]), 0.5 / 2 + 0.5 * 3 / 8, rel_tol=1e-6)
    # After the begin: A twice; 1 of 2 is freed.
    assert math.isclose(10 ** model.log10("A", [BEGIN]), 1 / 2 + 1 / 2 / 4, rel_tol=1e-6)
    assert math.isclose(10 ** model.log10("X", []), 1 / 8, rel_tol=1e-6)


def test_perplexity() -> None:
    sentences = [["A", "B", "C"]] * 20
    assert 1.0 < estimate(sentences, 3).perplexity(sentences) < 1.3
    assert estimate(sentences, 3).perplexity([["X", "Y"]]) > 10
    with pytest.raises(InputError, match="wanted sentences to measure the perplexity of, got none"):
        estimate(sentences, 3).perplexity([])


def test_a_text_is_no_sequence_of_words() -> None:
    model = estimate([["A", "B"]], 2)
    for call in (estimate, model.perplexity):
        with pytest.raises(InputError, match="sequences of words, got 'A B'; split it"):
            call(["A B"])  # type: ignore[operator]


@pytest.mark.parametrize("sentences", [[], [[]], [["<s>"]], [["A", "<UNK>"]], [["A B"]], [[""]]])
def test_sentences_that_are_none(sentences: list[list[str]]) -> None:
    with pytest.raises(InputError, match="wanted"):
        estimate(sentences)


GOOD = format_arpa(estimate([["A", "B"], ["A"]], 2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got its end"),
        ("hello\n", "got its end; make one with `sordino lm`"),
        ("\\data\\\n\\1-grams:\n", "wanted ngram 1="),
        (GOOD.replace("ngram 2=", "ngram 3="), "count of order 2 in line 3"),
        (GOOD.replace("ngram 1=5", "ngram 1=4"), "2-grams: after 4 in line 10"),
        (GOOD.replace("ngram 1=5", "ngram 1=6"), "a logarithm"),
        (GOOD.replace("\tA\t", "\tA\tB\tC\t", 1), "1 words"),
        (GOOD.replace("-99.0000000", "nan"), "a logarithm in line 7"),
        (GOOD.replace("-99.0000000", "much"), "a logarithm in line 7"),
        (GOOD.replace("<s>", "S"), "wanted <s> among the words"),
        (GOOD[: len(GOOD) // 2], "got its end|wanted"),
        (GOOD.replace("\\end\\", "more"), "wanted .end. after"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.arpa"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as raised:
        load_arpa(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)


def test_files_on_disk(tmp_path: Path) -> None:
    model = estimate([["ONE", "TWO"]], 3)
    save_arpa(model, tmp_path / "x.arpa")
    for path in (tmp_path / "x.arpa", str(tmp_path / "x.arpa")):
        assert load_arpa(path).logs == model.logs
    with pytest.raises(InputError, match="cannot read language model"):
        load_arpa(tmp_path / "none.arpa")
    (tmp_path / "x.arpa").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="as UTF-8, got UTF-16"):
        load_arpa(tmp_path / "x.arpa")
