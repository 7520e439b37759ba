"""A word n-gram that any word may be asked of."""

import math

from sordino.decode.ngram import BEGIN, END, UNKNOWN, Gram, NgramModel

__all__ = ["LETTER", "NgramWords"]

_LN10 = math.log(10.0)
LETTER = -math.log(32.0)
"""Nats for each letter of a word that a model lacks: 27 letters and its end, and some room."""


class NgramWords:
    """An n-gram's natural logarithms; its states are the words that the next one depends on.

    A word that it lacks is its unknown one, spelled: so much for each letter, and for the end.
    """

    def __init__(self, model: NgramModel) -> None:
        self._model = model
        self._known = frozenset(model.words)

    def start(self) -> Gram:
        """The state before the first word."""
        return self._model.context((BEGIN,))

    def say(self, state: Gram, word: str) -> tuple[Gram, float]:
        """The state after one more word, and the nats for it."""
        known = word if word in self._known else UNKNOWN
        nats = _LN10 * self._model.log10(known, state)
        if known == UNKNOWN:
            nats += LETTER * (len(word) + 1)
        return self._model.context((*state, known)), nats

    def finish(self, state: Gram) -> float:
        """The nats for an end here."""
        return _LN10 * self._model.log10(END, state)
