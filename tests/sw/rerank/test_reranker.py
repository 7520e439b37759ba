"""Alternatives of a lattice: all its paths, at what they cost, in their order."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.decode.ngram import estimate
from sordino.errors import InputError
from sordino.lattice.coding.wire import pack, unpack
from sordino.lattice.graph import END, MOST_ARCS, Arc, Lattice, State
from sordino.rerank.ngram_words import LETTER, NgramWords
from sordino.rerank.options import RerankOptions
from sordino.rerank.reranker import Reranker, shipped_reranker
from tests.sw.lattice.shapes import VOCABULARY, every_path, lattices

SENTENCES = [["A", "B", "A"], ["B", "B"], ["A"], ["EIGHT", "K", "A", "B"], ["A", "B", "K"]]
NGRAM = estimate(SENTENCES, 3)
MODEL = NgramWords(NGRAM)
OPTIONS = st.builds(
    RerankOptions,
    weight=st.sampled_from([0.0, 0.4, 1.0]),
    word_bonus=st.sampled_from([-1.0, 0.0, 1.5]),
    paths=st.sampled_from([1, 3, 10_000]),
)


class Whole:
    """A model none of whose states are the same: they are all words so far."""

    def start(self):
        return ()

    def say(self, state, word):
        return (*state, word), -0.1 * len(word) - 0.3 * state.count(word)

    def finish(self, state):
        return -0.01 * len(state)


def nats_of(model, words) -> float:
    state, nats = model.start(), 0.0
    for word in words:
        state, more = model.say(state, word)
        nats += more
    return nats + model.finish(state)


def by_hand(lattice: Lattice, model, options: RerankOptions):
    """Every path's words, its transducer's nats and its language model's, the best first."""
    rows = [
        (words, nats, -options.weight * (nats_of(model, words) + options.word_bonus * len(words)))
        for words, nats in every_path(lattice)
    ]
    return sorted(rows, key=lambda row: row[1] + row[2])


def assert_ranked(found, wanted, whole) -> None:
    """The same paths at the same costs; those that cost the same may stand in any order."""
    costs = {words: (transducer, language) for words, transducer, language in wanted}
    assert len({a.words for a in found}) == len(found)
    for alternative, (_, transducer, language) in zip(found, wanted, strict=False):
        assert math.isclose(alternative.cost, transducer + language, abs_tol=1e-9)
        own = costs[alternative.words]
        assert math.isclose(alternative.transducer, own[0], abs_tol=1e-9)
        assert math.isclose(alternative.language, own[1], abs_tol=1e-9)
        share = math.exp(-alternative.cost) / math.fsum(math.exp(-a - b) for _, a, b in whole)
        assert math.isclose(alternative.posterior, share, rel_tol=1e-6)
    assert found == sorted(found, key=lambda a: a.cost)


@settings(deadline=None)
@given(lattice=lattices(), options=OPTIONS, most=st.integers(1, 300))
def test_an_ngram_ranks_all_paths_exactly(lattice, options, most) -> None:
    lattice = unpack(pack(lattice, VOCABULARY), VOCABULARY)
    wanted = by_hand(lattice, MODEL, options)
    found = Reranker(MODEL, options).rerank(lattice, most)
    assert len(found) == min(most, len(wanted))
    assert_ranked(found, wanted, wanted)
    assert Reranker(NgramWords(NGRAM), options).rerank(lattice, most) == found


@settings(deadline=None)
@given(lattice=lattices(), options=OPTIONS, first=st.booleans())
def test_a_model_of_whole_paths_ranks_the_best_of_a_simpler_one(lattice, options, first) -> None:
    options = replace(options, weight=0.7)
    simpler = [MODEL] if first else []
    chosen = by_hand(lattice, MODEL, options)
    found = Reranker(Whole(), options, [*simpler, Whole()]).rerank(lattice, 10_000)
    assert len(found) == min(options.paths, len(chosen))
    said = {a.words for a in found}
    wanted = [row for row in by_hand(lattice, Whole(), options) if row[0] in said]
    assert_ranked(found, wanted, wanted)
    if first:  # no path that was left out was better by the simpler model
        worst = max(a + b for words, a, b in chosen if words in said)
        assert all(a + b >= worst - 1e-9 for words, a, b in chosen if words not in said)


@settings(deadline=None)
@given(lattice=lattices(signed=False))
def test_without_a_weight_the_best_is_the_lattices_own(lattice) -> None:
    options = RerankOptions(weight=0.0, word_bonus=0.0)
    for reranker in (Reranker(MODEL, options), Reranker(Whole(), options, [MODEL])):
        best = reranker.rerank(lattice)[0]
        assert (list(best.words), best.transducer, best.cost) == (lattice.best, 0.0, 0.0)


@settings(deadline=None, max_examples=40)
@given(lattice=lattices())
def test_the_model_that_ships_ranks_any_words(lattice) -> None:
    """Also words that it lacks, letters of no alphabet, and nothing at all."""
    found = shipped_reranker().rerank(lattice, 10_000)
    assert {a.words for a in found} <= {words for words, _ in every_path(lattice)}
    assert all(math.isfinite(a.cost) for a in found)
    assert math.isclose(sum(a.posterior for a in found), 1.0, rel_tol=1e-9)
    assert len(found) == min(lattice.paths, shipped_reranker().options.paths)


@pytest.mark.parametrize("nats", [-math.inf, math.nan])
def test_a_model_that_never_says_a_word_is_refused(nats) -> None:
    class Never(Whole):
        def say(self, state, word):
            return state, nats if word == "W1" else -1.0

    class Endless(Whole):
        def finish(self, state):
            return nats

    for model, said in ((Never(), "'W1'"), (Endless(), "an end")):
        for simpler in ([], [MODEL]):
            with pytest.raises(InputError, match=f"got one that says {said} with"):
                Reranker(model, simpler=simpler).rerank(grid(2, 2))


def grid(words: int, length: int) -> Lattice:
    """A lattice of `length` words, each of so many: the largest there is, and the hardest."""
    names = [f"W{n}" for n in range(words)]
    states = [
        State(tuple(Arc(name, number + 1, place) for place, name in enumerate(names)))
        for number in range(length)
    ]
    return Lattice((*states, State((Arc(None, END, 0),))), 0.25)


@pytest.mark.parametrize("shape", [(4, 1023), (63, 65), (1000, 4), (2047, 2)])
def test_the_largest_lattices_are_bounded(shape) -> None:
    """Never more contexts than `score` allows, nor more words than the options say."""
    lattice = grid(*shape)
    lattice.check()
    assert sum(len(state.arcs) for state in lattice.states) <= MOST_ARCS
    asked = []

    class Counted(Whole):
        def say(self, state, word):
            asked.append(word)
            return len(asked), -1.0

        def finish(self, state):
            return 0.0

    options = RerankOptions(words=2000)
    found = Reranker(Counted(), options, [MODEL]).rerank(lattice)
    assert 1 <= len(found) <= 10
    assert len(asked) <= options.words + shape[1]
    exact = Reranker(MODEL, options).rerank(lattice)
    assert exact[0].words[0] == "W0"


def test_words_that_the_model_lacks_are_spelled() -> None:
    _, known = MODEL.say(MODEL.start(), "A")
    _, short = MODEL.say(MODEL.start(), "Q")
    _, long = MODEL.say(MODEL.start(), "ÆON")
    assert known > short > long
    assert math.isclose(long - short, 2 * LETTER)


def test_the_shipped_model_ranks_what_was_said_first() -> None:
    reranker = shipped_reranker()
    assert shipped_reranker() is reranker
    lattice = Lattice(
        (
            State((Arc("RUB", 1, 0), Arc("RUBOUT", 2, 1))),
            State((Arc("OUT", 2, 0),)),
            State((Arc("P", 3, 0), Arc("TEE", 3, 2))),
            State((Arc(None, END, 0),)),
        ),
        0.25,
    )
    found = reranker.rerank(lattice)
    assert found[0].text == "RUBOUT P"
    assert len(found) == lattice.paths == 4
    assert math.isclose(sum(a.posterior for a in found), 1.0, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": -0.1}, "wanted a weight of at least 0"),
        ({"weight": math.nan}, "wanted a weight of at least 0"),
        ({"weight": 10**400}, "wanted a weight of at least 0"),
        ({"word_bonus": -(10**400)}, "wanted a number of nats for each word"),
        ({"word_bonus": math.inf}, "wanted a number of nats for each word"),
        ({"weight": "1"}, "wanted a weight of at least 0"),
        ({"word_bonus": None}, "wanted a number of nats for each word"),
        ({"paths": 2.5}, "wanted at least 1 of the paths"),
        ({"paths": 0}, "wanted at least 1 of the paths"),
        ({"words": -1}, "wanted at least 1 of the words"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message) -> None:
    with pytest.raises(InputError, match=message):
        RerankOptions(**options)
    with pytest.raises(InputError, match="wanted at least 1 alternative"):
        shipped_reranker().rerank(grid(1, 1), 0)
