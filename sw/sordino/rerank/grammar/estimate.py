"""The weights of a grammar from sentences: expectation maximisation over all ways to say each.

A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete data via the EM
algorithm", 1977. Each alternative counts as often as it is expected in the sentences, and a little
more, so that none becomes impossible for being rare.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sordino.rerank.grammar.classes import Grammar
from sordino.rerank.grammar.network import Choice, Link, network

__all__ = ["estimate_weights"]

_Node = tuple[int, int, str]
"""Words that are said, a state or the number of a link that spells, and the letters of its name."""


def estimate_weights(
    grammar: Grammar, sentences: Iterable[Sequence[str]], more: float = 0.5, rounds: int = 12
) -> dict[str, list[float]]:
    """The weights of each class's alternatives, in their order: expected counts, and `more`.

    Sentences that the grammar does not say count for nothing. The grammar's own weights are where
    the rounds begin.
    """
    texts = [tuple(sentence) for sentence in sentences]
    weights: dict[str, list[float]] = {}
    for _ in range(rounds):
        links = network(grammar).links
        first = _first(links)
        counts: dict[Choice, float] = defaultdict(float)
        for text in texts:
            _Ways(links, first, text).count(counts)
        weights = {
            name: [counts[name, number] + more for number in range(len(alternatives))]
            for name, alternatives in grammar.classes.items()
        }
        grammar = grammar.with_weights(weights)
    return weights


def _first(links: Sequence[Sequence[Link]]) -> list[frozenset[str | None]]:
    """What may come next in each state, None for the end: other ways are not worth a look."""
    found = [frozenset[str | None]((None,))] * len(links)
    shared: dict[frozenset[str | None], frozenset[str | None]] = {}
    for state in range(len(links) - 2, -1, -1):
        said = set[str | None]()
        for link in links[state]:
            if link.word is not None:
                said.add(link.word)
            else:
                said |= found[link.target] if link.spelled is None else link.spelled.letters
        found[state] = shared.setdefault(frozenset(said), frozenset(said))
    return found


class _Ways:
    """All ways to say a sentence: nodes in the order of their making, and edges between them."""

    def __init__(
        self,
        links: Sequence[Sequence[Link]],
        first: Sequence[frozenset[str | None]],
        text: Sequence[str],
    ) -> None:
        self._links, self._first, self._text = links, first, text
        self._spelling: dict[int, Link] = {}
        self._edges: dict[_Node, list[tuple[_Node, float, Choice | None]]] = {}
        self._order: list[_Node] = []
        self._end = (len(text), len(links) - 1, "")
        self._search((0, 0, ""))

    def _search(self, begin: _Node) -> None:
        """Nodes in depth, each before those that lead to it."""
        stack = [(begin, iter(self._add(begin)))]
        while stack:
            node, rest = stack[-1]
            target = next((edge[0] for edge in rest if edge[0] not in self._edges), None)
            if target is None:
                self._order.append(node)
                stack.pop()
            else:
                stack.append((target, iter(self._add(target))))

    def _add(self, node: _Node) -> list[tuple[_Node, float, Choice | None]]:
        said, state, letters = node
        word = self._text[said] if said < len(self._text) else None
        found: list[tuple[_Node, float, Choice | None]] = []
        if letters:
            self._spell(node, self._spelling[state], state, found)
        else:
            for place, link in enumerate(self._links[state]):
                if link.spelled is not None:
                    number = state << 20 | place
                    self._spelling[number] = link
                    self._spell(node, link, number, found)
                elif link.word is None and word in self._first[link.target]:
                    found.append(((said, link.target, ""), link.share, link.choice))
                elif link.word is not None and link.word == word:
                    found.append(((said + 1, link.target, ""), link.share, None))
        self._edges[node] = found
        return found

    def _spell(
        self,
        node: _Node,
        link: Link,
        number: int,
        found: list[tuple[_Node, float, Choice | None]],
    ) -> None:
        said, _, letters = node
        assert link.spelled is not None
        following, ends = link.spelled.following(letters)
        word = self._text[said] if said < len(self._text) else None
        if word is not None and word in following:
            after = link.spelled.after(letters, word)
            found.append(((said + 1, number, after), following[word], None))
        if letters and ends > 0 and word in self._first[link.target]:
            found.append(((said, link.target, ""), ends, None))

    def count(self, counts: dict[Choice, float]) -> None:
        """Add the expected number of each choice."""
        after: dict[_Node, float] = defaultdict(float)
        for node in self._order:
            sums = [after[target] * share for target, share, _ in self._edges[node]]
            after[node] = sum(sums) + (node == self._end)
        whole = after[0, 0, ""]
        if whole <= 0:
            return
        before: dict[_Node, float] = defaultdict(float)
        before[0, 0, ""] = 1.0
        for node in reversed(self._order):
            for target, share, choice in self._edges[node]:
                flow = before[node] * share
                before[target] += flow
                if choice is not None:
                    counts[choice] += flow * after[target] / whole
