"""Words of an n-gram spread over letters: whole words count what the n-gram says."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.decode.fusion import FusionOptions, NgramFusion
from sordino.decode.ngram import BEGIN, END, UNKNOWN, estimate
from sordino.errors import InputError, InputWarning

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


@pytest.mark.filterwarnings("ignore:.* words of the language model")
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


@pytest.mark.parametrize("weight", [400.0, 3e38, -3e38])
def test_back_off_weights_beyond_all_sense_are_numbers_still(weight: float) -> None:
    """As KenLM, which takes them; no overflow, which would be a warning of numpy's."""
    backoffs = {**MODEL.backoffs, (BEGIN,): weight, ("ONE",): weight}
    fusion = NgramFusion(replace(MODEL, backoffs=backoffs), LETTERS)
    state = after(fusion, "ONE O")
    assert math.isfinite(fusion.score(state))
    assert math.isfinite(fusion.final(state))


def test_words_that_tokens_cannot_spell_are_left_out_and_said() -> None:
    model = estimate([["one"], ["one", "on", "Two"]], 2)
    with pytest.warns(InputWarning, match=r"3 of 3 words of the language model \(100\.0%\)"):
        fusion = NgramFusion(
            model, ["<blank>", *LETTERS], FusionOptions(weight=0.6, word_bonus=0.0), 0
        )
    unknown = model.log10(UNKNOWN, [BEGIN]) * LN10
    state = fusion.advance(fusion.start(), 1 + LETTERS.index("O"))
    assert math.isclose(fusion.score(state), 0.6 * (unknown - 4.0))


def test_accents_as_letters_of_their_own() -> None:
    model = estimate([["caf\u00e9"], ["caf\u00e9"]], 2)
    spelt = ["c", "a", "f", "e", "\u0301"]
    fusion = NgramFusion(model, spelt, FusionOptions(weight=1.0, word_bonus=0.0))
    state = fusion.start()
    for token in range(len(spelt)):
        state = fusion.advance(state, token)
    wanted = LN10 * (model.log10("café", [BEGIN]) + model.log10(END, [BEGIN, "café"]))
    assert math.isclose(fusion.final(state), wanted)


@pytest.mark.filterwarnings("ignore:.* words of the language model")
@pytest.mark.parametrize("space", ["\u00a0", "\t", "▁", "A\u3000B"])
def test_words_end_where_they_do_in_transcripts(space: str) -> None:
    fusion = fused(tokens=["ONE", space, "A B"])
    state = fusion.start()
    for token in (0, 1, 0):
        state = fusion.advance(state, token)
    assert fusion.advance(state, 1).words >= 2


@pytest.mark.parametrize(
    "options",
    [{"weight": math.nan}, {"weight": -1.0}, {"weight": math.inf}, {"word_bonus": math.nan}],
)
def test_options_that_mean_nothing(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="wanted a"):
        FusionOptions(**options)
