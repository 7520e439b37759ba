"""Interpolation is the sum that its formula says."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.decode.ngram import estimate
from sordino.errors import InputError
from sordino.rerank.mixture import Mixture
from sordino.rerank.ngram_words import NgramWords
from tests.sw.rerank.test_reranker import NGRAM, Whole, nats_of

WORDS = ("A", "B", "EIGHT", "XQ")


class Only:
    """A model that says one word alone, any number of times."""

    def __init__(self, word: str) -> None:
        self._word = word

    def start(self):
        return 0

    def say(self, state, word):
        assert state is not None, "asked after what it never says"
        return (state + 1, math.log(0.9)) if word == self._word else (None, -math.inf)

    def finish(self, state):
        return math.log(0.1)


MODELS = (NgramWords(NGRAM), Only("A"), NgramWords(estimate([["B", "XQ"]], 2)), Whole())
texts = st.lists(st.sampled_from(WORDS), max_size=6)
weights = st.tuples(*[st.sampled_from([0.1, 1.0, 3.0])] * len(MODELS))


def naive(weights, words, memory: float) -> float:
    """All logarithms first, then the sum over models of weight x probability, word by word."""
    logs = []
    for model in MODELS:
        state, row, alive = model.start(), [], True
        for word in (*words, None):
            if not alive:
                row.append(-math.inf)
            elif word is None:
                row.append(model.finish(state))
            else:
                state, nats = model.say(state, word)
                row.append(nats)
                alive = nats > -math.inf
        logs.append(row)
    total = 0.0
    for place in range(len(words) + 1):
        now = [
            weight * math.exp(memory * sum(row[:place]))
            if min(row[:place], default=0) > -1e9
            else 0
            for weight, row in zip(weights, logs, strict=True)
        ]
        both = zip(now, logs, strict=True)
        total += math.log(sum(w * math.exp(row[place]) for w, row in both) / sum(now))
    return total


@settings(deadline=None)
@given(weights=weights, words=texts, memory=st.sampled_from([0.0, 0.5, 1.0]))
def test_it_is_the_sum_that_the_formula_says(weights, words, memory) -> None:
    found = nats_of(Mixture(MODELS, weights, memory), words)
    assert math.isclose(found, naive(weights, words, memory), rel_tol=1e-9)


@given(weights=weights, words=texts)
def test_with_memory_whole_utterances_are_mixed(weights, words) -> None:
    chances = []
    for model in MODELS:
        try:
            chances.append(math.exp(nats_of(model, words)))
        except AssertionError:
            chances.append(0.0)
    wanted = sum(w * p for w, p in zip(weights, chances, strict=True)) / sum(weights)
    assert math.isclose(
        math.exp(nats_of(Mixture(MODELS, weights, 1.0), words)), wanted, rel_tol=1e-9
    )


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_weights_that_are_none_are_refused(bad) -> None:
    with pytest.raises(InputError, match="wanted weights above 0"):
        Mixture(MODELS[:2], [1.0, bad])
    with pytest.raises(InputError, match="wanted a weight for each of 2 language models, got 1"):
        Mixture(MODELS[:2], [1.0])
    with pytest.raises(InputError, match="wanted a memory from 0 to 1"):
        Mixture(MODELS[:1], [1.0], 1.5)
    model = Mixture(MODELS[1:2], [1.0])
    with pytest.raises(InputError, match="wanted a language model that says any word"):
        model.say(model.start(), "B")
