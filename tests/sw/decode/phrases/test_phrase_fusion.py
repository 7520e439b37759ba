"""What phrases add to a text, against all ways to read it, which are tried one by one."""

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.decode.beam import BeamOptions, beam_search
from sordino.decode.phrases.alike import GROUPS
from sordino.decode.phrases.fusion import PhraseFusion
from sordino.decode.phrases.listing import Phrase
from sordino.decode.sum import FusionSum
from sordino.errors import InputError

LETTERS = [" ", "A", "B", "C", "P", "O"]
"""B, C and P sound alike; A and O sound like no other one here."""


def alike(word: str, other: str) -> bool:
    return word == other or any({word, other} <= set(group) for group in GROUPS)


def worth(words: list[str], phrases: list[Phrase], contrast: float) -> float:
    """The most that these words are worth as one phrase; less than nothing where they are none."""
    best = -math.inf
    for phrase in phrases:
        listed = phrase.text.split()
        nats = phrase.bonus * len("".join(listed))
        if listed == words:
            best = max(best, nats)
        elif len(listed) == len(words) and all(map(alike, listed, words)) and nats > contrast:
            best = max(best, nats - contrast)
    return best


def naive(words: list[str], phrases: list[Phrase], contrast: float) -> float:
    """The best of all ways to read words as phrases and others.

    Beside a phrase's first or last letter that stands alone there is none in no phrase.
    """

    @cache
    def rest(begin: int, open_letter: bool, spelled: bool) -> float:
        if begin == len(words):
            return 0.0
        alone = len(words[begin]) == 1
        ways = []
        if not (alone and spelled):
            ways.append(rest(begin + 1, alone, False))
        if not (alone and open_letter):
            for end in range(begin + 1, len(words) + 1):
                nats = worth(words[begin:end], phrases, contrast)
                ways.append(nats + rest(end, False, len(words[end - 1]) == 1))
        return max(ways, default=-math.inf)

    return rest(0, False, False)


def after(fusion: PhraseFusion, text: str, tokens: list[str] = LETTERS):
    state = fusion.start()
    for letter in text:
        state = fusion.advance(state, tokens.index(letter))
    return state


def listed(*texts: str, bonus: float = 1.0) -> list[Phrase]:
    return [Phrase(text, bonus) for text in texts]


words = st.text("ABCPO", min_size=1, max_size=2)
texts = st.lists(words, min_size=1, max_size=4).map(" ".join)
phrases = st.dictionaries(texts, st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=1, max_size=6).map(
    lambda found: [Phrase(text, bonus) for text, bonus in found.items()]
)
spoken = st.lists(words | texts, max_size=4).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(phrases, spoken, st.sampled_from([0.0, 0.5, 2.0, 100.0]))
def test_a_text_is_worth_its_best_reading(listed, text, contrast) -> None:
    fusion = PhraseFusion(listed, LETTERS, contrast)
    wanted = naive(text.split(), listed, contrast)
    assert fusion.final(after(fusion, text)) == wanted
    assert fusion.final(after(fusion, f"  {text}  ")) == wanted
    ended = after(fusion, text + " ")
    assert fusion.final(ended) == wanted
    assert ended.best.all == wanted


@settings(max_examples=60, deadline=None)
@given(phrases, spoken, st.data())
def test_it_does_not_matter_which_tokens_spell_a_text(listed, text, data) -> None:
    marked = "".join(f"▁{word}" for word in text.split())
    cuts = data.draw(st.sets(st.integers(1, max(1, len(marked) - 1))))
    places = [0, *sorted(cut for cut in cuts if cut < len(marked)), len(marked)]
    pieces = [marked[a:b] for a, b in pairwise(places)]
    fusion = PhraseFusion(listed, [*pieces, "<blank>"], 2.0)
    state = fusion.start()
    for number in range(len(pieces)):
        state = fusion.advance(state, number)
    assert fusion.final(state) == naive(text.split(), listed, 2.0)


@settings(max_examples=60, deadline=None)
@given(phrases, spoken, st.sampled_from([0.0, 2.0, 100.0]))
def test_words_add_up_to_the_text(listed, text, contrast) -> None:
    """As a lattice is scored, word by word; and the phrases that are named are those that count."""
    fusion = PhraseFusion(listed, LETTERS, contrast)
    state, total = fusion.start(), 0.0
    for word in text.split():
        state, nats = fusion.say(state, word)
        assert state.best.all == 0
        total += nats
    assert total + fusion.finish(state) == naive(text.split(), listed, contrast)
    matched = fusion.matched(text)
    assert sum(nats for _, nats in matched) <= total
    assert {phrase for phrase, _ in matched} <= {phrase.text for phrase in listed}
    if contrast == 100:
        assert sum(nats for _, nats in matched) == total


@settings(max_examples=60, deadline=None)
@given(phrases, spoken, st.sampled_from([0.0, 2.0]))
def test_promises_are_no_more_than_what_may_follow(listed, text, contrast) -> None:
    fusion = PhraseFusion(listed, LETTERS, contrast)
    most = max(phrase.bonus * len(phrase.text.replace(" ", "")) for phrase in listed)
    state = fusion.start()
    for letter in text:
        state = fusion.advance(state, LETTERS.index(letter))
        assert fusion.final(state) - most <= fusion.score(state)
        assert state.best.all <= fusion.score(state) <= state.best.all + most


def test_what_was_promised_is_given_back() -> None:
    fusion = PhraseFusion(listed("O A O", bonus=2.0), LETTERS)
    scores = [fusion.score(after(fusion, "O A O"[:n])) for n in range(6)]
    assert scores == [0, 2, 2, 4, 4, 6]
    assert fusion.final(after(fusion, "O A O")) == 6
    assert fusion.final(after(fusion, "O A")) == 0, "an unfinished one at the end"
    assert fusion.score(after(fusion, "O A O ")) == 6, "what is finished stays"
    assert fusion.score(after(fusion, "O A O A")) == 6, "it may be a word that goes on"
    assert fusion.score(after(fusion, "O A O AO")) == 6
    assert fusion.score(after(fusion, "O A O A ")) == 0, "it was too long"
    assert fusion.score(after(fusion, "O A A")) == 0, "one that fails"
    assert fusion.score(after(fusion, "O A OA")) == 0, "a word that goes on"
    assert fusion.score(after(fusion, "O O A")) == 0, "one inside another string"
    assert fusion.score(after(fusion, "OO O A")) == 4, "one after a word"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A O", 2),
        ("A O C", 0),
        ("C A O", 0),
        ("A O CC", 2),
        ("CC A O", 2),
        ("BA O", 0),
        ("A OB", 0),
        ("AO", 0),
        ("A  O", 2),
        ("A O A O", 4),
        ("A A O", 0),
        ("A OO A O", 2),
    ],
)
def test_phrases_count_at_the_borders_of_words(text: str, wanted: float) -> None:
    fusion = PhraseFusion(listed("A O"), LETTERS)
    assert fusion.final(after(fusion, text)) == wanted


def test_no_word_counts_twice() -> None:
    fusion = PhraseFusion(listed("AA OO", "OO AA AA", "AA OO OO OO OO"), LETTERS)
    assert fusion.final(after(fusion, "AA OO AA AA")) == 6, "the better one of two that overlap"
    assert fusion.final(after(fusion, "AA OO OO OO OO")) == 10, "one inside another"
    assert fusion.final(after(fusion, "AA OO OO AA AA")) == 10, "both, side by side"
    assert fusion.final(after(fusion, "AA OO OO OO")) == 4, "a longer one fails, the shorter stays"
    assert fusion.matched("AA OO OO AA AA") == [("AA OO", 4.0), ("OO AA AA", 6.0)]


def test_what_is_spelled_is_one_string() -> None:
    fusion = PhraseFusion(listed("A O", "O O A", "A", "AA O", "O CC"), LETTERS)
    for text, wanted in (
        ("A O O O A", 5),
        ("A O O", 0),
        ("C A O", 0),
        ("AA O", 3),
        ("AA O A", 4),
        ("AA O C", 0),
        ("O CC", 3),
        ("C O CC", 0),
        ("A O CC", 4),
        ("O CC A AA", 4),
    ):
        assert fusion.final(after(fusion, text)) == wanted, text


def test_what_sounds_alike_counts_less() -> None:
    fusion = PhraseFusion(listed("P A C", "OB"), LETTERS, 0.5)
    for text, wanted in (("P A C", 3), ("B A C", 2.5), ("B A B", 2.5), ("P O C", 0), ("OP", 0)):
        assert fusion.final(after(fusion, text)) == wanted
    assert fusion.matched("B A C") == []
    fusion = PhraseFusion([Phrase("P A C", 5.0), Phrase("B A C", 0.5)], LETTERS, 3.0)
    assert fusion.final(after(fusion, "B A C")) == 12, "more as what sounds like the other one"
    assert fusion.matched("B A C") == [("B A C", 12.0)]


def test_accents_are_the_letters_they_are() -> None:
    """Tokens may have an accent apart, and phrases too; the accent is no letter more."""
    for tokens in (["c", "a", "f", "é"], ["c", "a", "f", "e\u0301"]):
        for text in ("café", "cafe\u0301"):
            fusion = PhraseFusion(listed(text), tokens)
            assert fusion.final(after_all(fusion, 4)) == 4
            assert fusion.matched(text) == [("café", 4.0)]
    fusion = PhraseFusion(listed("café"), ["c", "a", "f", "e", "\u0301"])
    assert fusion.final(after_all(fusion, 5)) == 4
    assert fusion.final(after_all(fusion, 4)) == 0


def after_all(fusion: PhraseFusion, count: int):
    state = fusion.start()
    for token in range(count):
        state = fusion.advance(state, token)
    return state


class Toy:
    """Probabilities drawn for every frame and every sequence of tokens."""

    tokens, blank, max_symbols = ["<blank>", "A", "B", " "], 0, 2

    def encode(self, x):
        return list(range(len(x)))

    def start(self):
        return ()

    def advance(self, state, token):
        return (*state, token)

    def scores(self, frame, state):
        drawn = np.random.default_rng([frame, *state]).exponential(size=4)
        return np.log(drawn / drawn.sum())


@pytest.mark.parametrize("beam", [2, 5, 50])
def test_a_search_without_a_bonus_is_one_without_phrases(beam: int) -> None:
    toy, options = Toy(), BeamOptions(beam=beam)
    fusion = PhraseFusion(listed("A B", "B A", "A", bonus=0.0), toy.tokens)
    x = np.zeros((6, 1))
    assert beam_search(toy, x, options, fusion) == beam_search(toy, x, options)


def test_a_search_adds_what_the_text_is_worth() -> None:
    toy, options = Toy(), BeamOptions(beam=10_000, threshold=1e9)
    fusion = PhraseFusion(listed("A B", "B", bonus=2.0), toy.tokens)
    both = FusionSum([fusion, fusion])
    x = np.zeros((3, 1))
    alone = {h.tokens: h for h in beam_search(toy, x, options)}
    found = beam_search(toy, x, options, fusion)
    assert len(found) == len(alone)
    twice = {h.tokens: h.score for h in beam_search(toy, x, options, both)}
    for h in found:
        text = "".join(toy.tokens[token] for token in h.tokens)
        added = naive(text.split(), listed("A B", "B", bonus=2.0), 3.0)
        assert h.acoustic == alone[h.tokens].acoustic
        assert h.score == h.acoustic + added
        assert math.isclose(twice[h.tokens], h.acoustic + 2 * added)
    assert [h.tokens for h in found] != list(alone), "another order"


@pytest.mark.parametrize("contrast", [-1.0, math.nan, math.inf])
def test_a_contrast_that_means_nothing(contrast: float) -> None:
    with pytest.raises(InputError, match="wanted a contrast of at least 0 nats, got"):
        PhraseFusion(listed("A"), LETTERS, contrast)
