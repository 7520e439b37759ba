"""A grammar as a network of states: every class is written out wherever it stands.

Links choose an alternative, say a word, or spell a name. They lead from smaller to larger numbers.
"""

from dataclasses import dataclass, field

from sordino.errors import InputError
from sordino.rerank.grammar.classes import Alternative, Grammar
from sordino.rerank.grammar.spelled import Spelled

__all__ = ["MOST_LINKS", "Choice", "Link", "Network", "network"]

MOST_LINKS = 1 << 17
"""Beyond these a grammar is refused."""
Choice = tuple[str, int]
"""A class, and which of its alternatives."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link: where it leads, its probability, and what it does, at most one of three things.

    word     is said
    spelled  is a name of these, letter by letter
    choice   is made
    """

    target: int
    share: float = 1.0
    word: str | None = None
    spelled: Spelled | None = None
    choice: Choice | None = None


@dataclass
class Network:
    """The links from each state; 0 is the first state and the last one is where it ends."""

    links: list[list[Link]] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The state in which all is said."""
        return len(self.links) - 1


def network(grammar: Grammar) -> Network:
    """The network of a grammar; InputError where it is larger than MOST_LINKS."""
    builder = _Builder(grammar)
    begin = builder.state()
    builder.expand(grammar.start, begin)
    return Network(builder.links)


class _Builder:
    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self.links: list[list[Link]] = []
        self._count = 0

    def state(self) -> int:
        self.links.append([])
        return len(self.links) - 1

    def _link(self, source: int, link: Link) -> None:
        self._count += 1
        if self._count > MOST_LINKS:
            raise InputError(
                f"wanted a grammar of at most {MOST_LINKS:,} links when its classes are written "
                "out, got more; name large classes in fewer places"
            )
        self.links[source].append(link)

    def expand(self, name: str, begin: int) -> int:
        """A class from a state on; returns the state after it."""
        ends = []
        for number, alternative in enumerate(self._grammar.classes[name]):
            if alternative.share > 0:
                first = self.state()
                self._link(begin, Link(first, alternative.share, choice=(name, number)))
                ends.append(self._sequence(alternative, first))
        after = self.state()
        for end in ends:
            self._link(end, Link(after))
        return after

    def _sequence(self, alternative: Alternative, here: int) -> int:
        for item in alternative.items:
            if not item.is_word and item.name in self._grammar.classes:
                here = self.expand(item.name, here)
                continue
            after = self.state()
            if item.is_word:
                self._link(here, Link(after, word=item.name))
            else:
                self._link(here, Link(after, spelled=self._grammar.spelled[item.name]))
            here = after
        return here
