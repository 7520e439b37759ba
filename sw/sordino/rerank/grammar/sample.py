"""Sentences that a grammar says, as often as it says them."""

import random

from sordino.rerank.grammar.classes import Alternative, Grammar
from sordino.rerank.grammar.spelled import Spelled

__all__ = ["Sampler"]

_MOST_LETTERS = 24
"""Names that are longer are drawn again."""


class Sampler:
    """Draws sentences from a grammar; equal seeds draw equal ones."""

    def __init__(self, grammar: Grammar, seed: int = 0) -> None:
        self._grammar, self._random = grammar, random.Random(seed)
        self._shares = {
            name: [alternative.share for alternative in alternatives]
            for name, alternatives in grammar.classes.items()
        }

    def sentence(self) -> list[str]:
        """One more sentence."""
        return self._class(self._grammar.start)

    def _class(self, name: str) -> list[str]:
        alternatives = self._grammar.classes[name]
        chosen = self._random.choices(alternatives, self._shares[name])[0]
        return self._items(chosen)

    def _items(self, alternative: Alternative) -> list[str]:
        found = list[str]()
        for item in alternative.items:
            if item.is_word:
                found.append(item.name)
            elif item.name in self._grammar.classes:
                found += self._class(item.name)
            else:
                found += self._name(self._grammar.spelled[item.name])
        return found

    def _name(self, kind: Spelled) -> list[str]:
        while True:
            letters = ""
            while len(letters) <= _MOST_LETTERS:
                following, ends = kind.following(letters)
                chosen = self._random.choices(["", *following], [ends, *following.values()])[0]
                if not chosen:
                    return [*letters]
                letters += chosen
