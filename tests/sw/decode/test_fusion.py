"""Words of an n-gram spread over letters: whole words count what the n-gram says."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.decode.fusion import FusionOptions, NgramFusion
from sordino.decode.ngram import BEGIN, END, UNKNOWN, estimate

LETTERS = [" ", *"ABEFINORSTVEW"]
TEXTS = ["ONE TWO", "ONE", "FIVE TWO ONE", "ONE ONE ONE", "A B", "NINE A", "ON"]
MODEL = estimate([text.split() for text in TEXTS], 3)
LN10 = math.log(10)


def fused(
    weight: float = 1.0, tokens: list[str] = LETTERS, word_bonus: float = 0.0, **options: float
) -> NgramFusion:
    chosen = FusionOptions(weight=weight, word_bonus=word_bonus, **options)
    return NgramFusion(MODEL, tokens, chosen)


def after(fusion: NgramFusion, text: str, tokens: list[str] = LETTERS):
    state = fusion.start()
    for letter in text:
        state = fusion.advance(state, tokens.index(letter))
    return state


@pytest.mark.parametrize("text", [*TEXTS, "", "  ONE  TWO ", "TWO TWO TWO TWO"])
def test_a_whole_text_scores_what_its_words_do(text: str) -> None:
    words = [BEGIN, *text.split(), END]
    wanted = sum(MODEL.log10(words[k], words[:k]) for k in range(1, len(words))) * LN10
    fusion = fused(0.5, word_bonus=2.0)
    got = fusion.final(after(fusion, text))
    assert math.isclose(got, 0.5 * wanted + 2.0 * len(text.split()), rel_tol=1e-9)


def test_a_word_in_progress_scores_all_words_that_begin_so() -> None:
    fusion = fused()
    begun = fusion.score(after(fusion, "TWO ON"))
    words = [BEGIN, "TWO"]
    wanted = sum(10 ** MODEL.log10(word, words) for word in ("ON", "ONE"))
    before = MODEL.log10("TWO", [BEGIN]) * LN10
    assert math.isclose(begun, before + math.log(wanted), rel_tol=1e-9)
    assert math.isclose(fusion.score(after(fusion, "TWO ")), before)
    assert fusion.score(after(fusion, "TWO ONE")) < begun


def test_unknown_words_cost_by_the_letter() -> None:
    fusion = fused(unknown_letter=-3.0)
    unknown = MODEL.log10(UNKNOWN, [BEGIN]) * LN10
    for text, letters in (("S", 1), ("SEVEN", 5), ("FIVEE", 5)):
        assert math.isclose(fusion.score(after(fusion, text)), unknown - 3.0 * letters)
    # a beginning that ends there is unknown too, and what follows sees an unknown word
    ended = after(fusion, "FIV ")
    assert math.isclose(fusion.score(ended), unknown - 9.0)
    assert ended.context == (BEGIN, UNKNOWN)


@settings(max_examples=30, deadline=None)
@given(
    words=st.lists(st.sampled_from([*MODEL.words, "SEVEN"]), max_size=5),
    cuts=st.sets(st.integers(1, 30)),
)
def test_word_pieces_and_letters_score_alike(words: list[str], cuts: set[int]) -> None:
    text = "".join(f"▁{word}" for word in words)
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [text[a:b] for a, b in pairwise(places)]
    by_pieces = fused(tokens=[*pieces, "<blank>"])
    state = by_pieces.start()
    for number in range(len(pieces)):
        state = by_pieces.advance(state, number)
    letters = fused()
    wanted = letters.final(after(letters, " ".join(words)))
    assert math.isclose(by_pieces.final(state), wanted, rel_tol=1e-9, abs_tol=1e-9)


def test_orders_without_contexts() -> None:
    model = estimate([["ONE"], ["TWO"]], 1)
    fusion = NgramFusion(model, LETTERS, FusionOptions(weight=1.0, word_bonus=0.0))
    wanted = LN10 * (2 * model.log10("ONE", ()) + model.log10(END, ()))
    assert math.isclose(fusion.final(after(fusion, "ONE ONE")), wanted)
