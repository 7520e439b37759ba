"""A word n-gram beside a transducer: shallow fusion, letter by letter.

A word's probability is spread over its letters, so that hypotheses in the middle of a word compare
fairly with those at its end: after some letters it is the sum over all words that begin with them
(S. Ortmanns, H. Ney and A. Eiden, "Language-model look-ahead for large vocabulary speech
recognition", 1996, with sums instead of maxima). Any spelling may be said: what no word begins
with, or what ends before its word does, is an unknown word and costs so much a letter. Words of the
n-gram that the tokens cannot spell are left out.
"""

import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.decode.ngram import BEGIN, END, UNKNOWN, Gram, NgramModel
from sordino.errors import InputError
from sordino.speech.text import Speller, plain

__all__ = ["FusionOptions", "NgramFusion", "Written"]

_LN10 = math.log(10.0)
_LAST = chr(0x10FFFF)
_LARGEST = 300.0
"""A logarithm that back-off weights may add up to; float64 has 308."""
_SPACE = re.compile(r"\s")  # as str.split has it


@dataclass(frozen=True, kw_only=True)
class FusionOptions:
    """How much the n-gram says; InputError for numbers that mean nothing.

    The defaults are what `make fusion` chooses: on the AN4 development speakers, with the model
    that ships.

    weight          of its natural logarithms
    word_bonus      nats for every word, against the shortening that weights above 0 cause
    unknown_letter  nats, before the weight, for each letter of a word that the n-gram lacks
    """

    weight: float = 0.4
    word_bonus: float = 1.5
    unknown_letter: float = -4.0

    def __post_init__(self) -> None:
        weight: Any = self.weight
        if not isinstance(weight, Real) or not 0 <= float(weight) < math.inf:
            raise InputError(f"wanted a weight of at least 0 for the n-gram, got {weight!r}")
        given: tuple[Any, ...] = self.word_bonus, self.unknown_letter
        for name, nats in zip(("word bonus", "letter"), given, strict=True):
            if not isinstance(nats, Real) or not math.isfinite(float(nats)):
                raise InputError(f"wanted a number of nats for each {name}, got {nats!r}")


@dataclass(frozen=True, slots=True)
class Written:
    """The words and letters that a hypothesis has written.

    context   the words that the next one depends on
    letters   of the word in progress
    finished  natural logarithm of all finished words
    words     number of them
    """

    context: Gram
    letters: str
    finished: float
    words: int


class NgramFusion:
    """A `Fusion` of the words that tokens spell; characters and word pieces alike.

    `blank` is the token that stands for no text. An InputWarning says which share of the n-gram's
    words the tokens can spell, if it is not all.
    """

    def __init__(
        self,
        model: NgramModel,
        tokens: Sequence[str],
        options: FusionOptions | None = None,
        blank: int | None = None,
    ) -> None:
        self._model, self._options = model, options or FusionOptions()
        self._texts = [_SPACE.split(plain(token)) for token in tokens]
        speller = Speller(tokens, blank)
        speller.check(
            model.words,
            "the language model",
            "they are never found; make one of texts as the model writes them, with "
            "`sordino lm --model`",
        )
        # Accents may be letters of their own among the tokens: hypotheses are looked up as written.
        self._spelt = {form: word for word in model.words for form in speller.spellings(word)}
        self._words = sorted(self._spelt)
        self._sums: dict[Gram, NDArray[np.float64]] = {}
        self._ranges: dict[str, tuple[int, int]] = {}
        self._logs: dict[tuple[Gram, str], float] = {}

    def start(self) -> Written:
        """The state before the first token."""
        return Written((BEGIN,) if self._model.order > 1 else (), "", 0.0, 0)

    def advance(self, state: Written, token: int) -> Written:
        """The state after one more token; every space ends the word in progress, if any."""
        first, *rest = self._texts[token]
        state = self._write(state, first)
        for letters in rest:
            state = self._write(self._end_word(state), letters)
        return state

    def score(self, state: Written) -> float:
        """The weighted logarithms and bonuses, the word in progress as far as it is known."""
        return self._weighted(state, self._begun(state.context, state.letters))

    def final(self, state: Written) -> float:
        """The score where the utterance ends here: the word in progress counts as finished."""
        state = self._end_word(state)
        return self._weighted(state, _LN10 * self._model.log10(END, state.context))

    def say(self, state: Written, word: str) -> tuple[Written, float]:
        """The state after a whole word, and what is added to the score for it.

        Its `finished` is 0 and its `words` are none: what was said before counts by `context`
        alone. The word may be spelled as `sordino.speech.text.spell` writes it.
        """
        forms = (unicodedata.normalize(form, word) for form in ("NFC", "NFD"))
        spelt = next((form for form in forms if form in self._spelt), word)
        after = self._end_word(Written(state.context, spelt, 0.0, 0))
        return Written(after.context, "", 0.0, 0), self._weighted(after, 0.0)

    def finish(self, state: Written) -> float:
        """What is added to the score where the utterance ends after a whole word."""
        log = _LN10 * self._model.log10(END, state.context)
        return self._weighted(Written(state.context, "", 0.0, 0), log)

    def _weighted(self, state: Written, more: float) -> float:
        options = self._options
        return options.weight * (state.finished + more) + options.word_bonus * state.words

    @staticmethod
    def _write(state: Written, letters: str) -> Written:
        if not letters:
            return state
        return Written(state.context, state.letters + letters, state.finished, state.words)

    def _end_word(self, state: Written) -> Written:
        if not state.letters:
            return state
        word = self._spelt.get(state.letters, UNKNOWN)
        if word != UNKNOWN:
            log = _LN10 * self._model.log10(word, state.context)
        else:
            log = self._unknown(state.context, state.letters)
        context = self._model.context((*state.context, word))
        return Written(context, "", state.finished + log, state.words + 1)

    def _unknown(self, context: Gram, letters: str) -> float:
        log = _LN10 * self._model.log10(UNKNOWN, context)
        return log + self._options.unknown_letter * len(letters)

    def _begun(self, context: Gram, letters: str) -> float:
        """The log probability of all words that begin with these letters, after a context."""
        if not letters:
            return 0.0
        key = (context, letters)
        if key not in self._logs:
            first, last = self._range(letters)
            mass = 0.0
            if last > first:
                sums = self._cumulated(context)
                mass = sums[last] - sums[first]
            self._logs[key] = math.log(mass) if mass > 0 else self._unknown(context, letters)
        return self._logs[key]

    def _range(self, letters: str) -> tuple[int, int]:
        if letters not in self._ranges:
            self._ranges[letters] = (
                bisect_left(self._words, letters),
                bisect_left(self._words, letters + _LAST),
            )
        return self._ranges[letters]

    def _cumulated(self, context: Gram) -> NDArray[np.float64]:
        """Sums of the probabilities of the words before each one, after a context."""
        if context not in self._sums:
            logs = [self._model.log10(self._spelt[word], context) for word in self._words]
            masses = 10.0 ** np.minimum(logs, _LARGEST)
            self._sums[context] = np.concatenate([[0.0], np.cumsum(masses)])
        return self._sums[context]
