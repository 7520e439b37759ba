"""What a grammar says of the next word: the sum over all ways of what has been said so far.

A state is where all these ways stand, and the share of each.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sordino.errors import InputError
from sordino.rerank.grammar.classes import Grammar
from sordino.rerank.grammar.network import Link, network
from sordino.rerank.grammar.spelled import Spelled

__all__ = ["GrammarWords", "Places"]

_MOST_AHEAD = 1 << 22
"""Words that may be next, over all places; the grammar that ships has a tenth of them."""
Place = tuple[int, str]
"""A state of the network; while a name is spelled, the number of its link, and its letters."""
Places = tuple[tuple[Place, float], ...]
"""All that what was said may mean, and the shares, whose sum is 1; none for what it never says."""


@dataclass(slots=True)
class _Ahead:
    """What is next in a state: words and where they lead, kinds of names, the end; shares."""

    words: dict[str, dict[int, float]] = field(default_factory=dict)
    names: dict[int, float] = field(default_factory=dict)
    end: float = 0.0

    @property
    def size(self) -> int:
        """How much there is."""
        return sum(map(len, self.words.values())) + len(self.names)

    def add(self, other: "_Ahead", share: float) -> None:
        """Add what is next in another state, which is as good as here with this share."""
        for word, targets in other.words.items():
            here = self.words.setdefault(word, {})
            for target, chance in targets.items():
                here[target] = here.get(target, 0.0) + share * chance
        for name, chance in other.names.items():
            self.names[name] = self.names.get(name, 0.0) + share * chance
        self.end += share * other.end


class GrammarWords:
    """A grammar's natural logarithms; words that it does not say have none (`-inf`).

    After such a word it says nothing more.
    """

    def __init__(self, grammar: Grammar) -> None:
        self._spelling: list[tuple[Spelled, int]] = []
        """Names that can be spelled: of which kind, and the state after one."""
        self._ahead = self._closures(network(grammar).links)
        self._start: Places = (((0, ""), 1.0),)

    def _closures(self, links: Sequence[Sequence[Link]]) -> list[_Ahead]:
        found = [_Ahead() for _ in links]
        found[-1].end = 1.0
        left = _MOST_AHEAD
        for here, ahead in zip(reversed(links), reversed(found), strict=True):
            for link in here:
                if link.word is not None:
                    ahead.words[link.word] = {link.target: link.share}
                elif link.spelled is not None:
                    ahead.names[len(self._spelling)] = link.share
                    self._spelling.append((link.spelled, link.target))
                else:
                    ahead.add(found[link.target], link.share)
                    left -= found[link.target].size
                    if left < 0:
                        raise InputError(
                            f"wanted a grammar that has at most {_MOST_AHEAD:,} words ahead of all "
                            "its places, got more; name large classes in fewer places"
                        )
        return found

    def start(self) -> Places:
        """The state before the first word."""
        return self._start

    def say(self, state: Places, word: str) -> tuple[Places, float]:
        """The state after one more word, and the nats for it."""
        found: dict[Place, float] = defaultdict(float)
        for place, share in state:
            self._say(place, share, word, found)
        total = math.fsum(found.values())
        if total <= 0:
            return (), -math.inf
        return tuple((place, share / total) for place, share in found.items()), math.log(total)

    def finish(self, state: Places) -> float:
        """The nats for an end here."""
        total = math.fsum(share * self._ends(place) for place, share in state)
        return math.log(total) if total > 0 else -math.inf

    def _say(self, place: Place, share: float, word: str, found: dict[Place, float]) -> None:
        number, letters = place
        if not letters:
            ahead = self._ahead[number]
            for target, chance in ahead.words.get(word, {}).items():
                found[target, ""] += share * chance
            for name, chance in ahead.names.items():
                self._spell((name, ""), share * chance, word, found)
            return
        ends = self._spell(place, share, word, found)
        if ends > 0:
            self._say((self._spelling[number][1], ""), share * ends, word, found)

    def _spell(self, place: Place, share: float, word: str, found: dict[Place, float]) -> float:
        """One more letter of a name; returns the chance that it ended before."""
        number, letters = place
        kind = self._spelling[number][0]
        following, ends = kind.following(letters)
        if word in following:
            found[number, kind.after(letters, word)] += share * following[word]
        return ends

    def _ends(self, place: Place) -> float:
        number, letters = place
        if not letters:
            return self._ahead[number].end
        kind, after = self._spelling[number]
        return kind.following(letters)[1] * self._ahead[after].end
