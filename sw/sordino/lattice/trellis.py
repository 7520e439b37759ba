"""The search's nodes as a graph of words, with dropped paths led back into kept ones.

A node is tokens in a frame. Where a path was dropped, or kept but behind, and a better kept path
had in the same frame written the same letters since its last space, what follows the better one may
follow it, too: a way joins them, into the better path's next frame. It costs what the one was
behind there (R. Prabhavalkar et al., "Less is more: improved RNN-T decoding using
limited label context and path merging", ICASSP 2021, arXiv:2012.06749, merge during the search).

Paths do not join between words. A word may be written some frames late; one that has just written
it and one that still may are in the same frame without letters, and joined there the word would be
left out at no cost.

A path through these nodes costs what the tokens at its end cost, and what it was behind at every
way that joins; so nodes need no costs of their own. All costs are whole numbers.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sordino.decode.beam import Hypothesis
from sordino.decode.trace import ROOT, Trace
from sordino.lattice.spelling import Spelling

__all__ = ["PARTS", "Edge", "Trellis"]

PARTS = 1024
"""Parts of a nat that costs are counted in until they are quantised."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from a node to a later one, on which these words are completed."""

    target: int
    cost: int
    words: tuple[str, ...] = ()


class Trellis:
    """The nodes of a search, numbered so that ways lead to larger numbers; 0 is the root.

    edges   the ways on from each node
    frames  of the utterance
    finals  for nodes after the last frame: what these tokens cost beyond the cheapest
    rests   for each node, the least that leads to the end from here; None where nothing does
    """

    def __init__(self, trace: Trace, tokens: Sequence[str], *, signed: bool) -> None:
        """`tokens` are texts, by number.

        The search's best is the transducer's best, too, unless `signed`: then tokens may cost less
        than it.
        """
        self._trace = trace
        self._spelling = Spelling(trace, tokens)
        nodes = sorted({(n.frame, n.prefix): n for n in trace.nodes}.items())
        self._places = [(0, ROOT), *(place for place, _ in nodes)]
        self._last = [0, *(node.last for _, node in nodes)]
        self._costs = [0, *(_parts(node.acoustic) for _, node in nodes)]
        self._kept = [True, *(node.kept for _, node in nodes)]
        self._numbers = {place: number for number, place in enumerate(self._places)}
        self.frames = self._places[-1][0]
        self.edges: list[list[Edge]] = [[] for _ in self._places]
        self._step()
        self._join()
        ends = [n for n, (frame, _) in enumerate(self._places) if frame == self.frames]
        self._least = min((self._costs[n] for n in ends if signed or self._kept[n]), default=0)
        self.finals = {n: max(self._costs[n] - self._least, 0) for n in ends}
        self.rests = self._backwards()

    def beyond(self, acoustic: float) -> int:
        """What a path of this logarithm costs beyond the cheapest."""
        return max(_parts(acoustic) - self._least, 0)

    def word(self, number: int) -> str | None:
        """The word in progress at a node; None if there is none."""
        return self._spelling.in_progress(self._places[number][1])

    def ended(self, number: int, *, progress: bool) -> int:
        """The frame of the last letter of the last word before a node, or of that in progress."""
        frame, prefix = self._places[number]
        wanted = self._spelling.last_letter(prefix, progress=progress)
        while prefix != wanted:
            prefix, frame = self._trace.prefixes[prefix][0], self._last[number]
            number = self._numbers[frame, prefix]
        return self._last[number]

    def word_ends(self, best: Hypothesis) -> tuple[int, ...]:
        """The frame of the last letter of each word of a kept hypothesis, as its path has it."""
        at_end = (p for (f, p), kept in zip(self._places, self._kept, strict=True)
                  if f == self.frames and kept)  # fmt: skip
        prefix = next(p for p in at_end if self._trace.tokens(p) == best.tokens)
        chain = [prefix]
        while chain[-1] != ROOT:
            chain.append(self._trace.prefixes[chain[-1]][0])
        chain.reverse()
        frames = {ROOT: 0, **dict(zip(chain[1:], best.frames, strict=True))}
        ends = list[int]()
        for before, number in pairwise(chain):
            ends += self._spelling.ended(before, self._trace.prefixes[number][1], number)
        if self._spelling.in_progress(prefix) is not None:
            ends.append(self._spelling.last_letter(prefix, progress=True))
        return tuple(frames[end] for end in ends)

    def _step(self) -> None:
        """Ways of one blank, and of one token."""
        for number, (frame, prefix) in enumerate(self._places):
            if number == 0:
                continue
            before = self._numbers.get((frame - 1, prefix))
            if before is not None and self._kept[before]:
                self.edges[before].append(Edge(number, 0))
            if prefix == ROOT:
                continue
            parent, token = self._trace.prefixes[prefix]
            before = self._numbers.get((frame, parent))
            if before is not None and self._kept[before] and frame < self.frames:
                words = self._spelling.completed(parent, token)
                self.edges[before].append(Edge(number, 0, words))

    def _join(self) -> None:
        groups: dict[tuple[int, str], list[int]] = defaultdict(list)
        for number, (frame, prefix) in enumerate(self._places):
            if letters := self._spelling.letters(prefix):
                groups[frame, letters].append(number)
        for group in groups.values():
            group.sort(key=lambda number: (self._costs[number], number))
            better: int | None = None
            for number in group:
                if better is not None:
                    behind = self._costs[number] - self._costs[better]
                    self.edges[number].append(Edge(self._following(better), behind))
                elif self._kept[number] and self._following(number) >= 0:
                    better = number

    def _following(self, number: int) -> int:
        """The same tokens a frame later, if the search kept them; -1."""
        frame, prefix = self._places[number]
        following = self._numbers.get((frame + 1, prefix), -1)
        return following if following >= 0 and self._kept[following] else -1

    def _backwards(self) -> list[int | None]:
        rests: list[int | None] = [None] * len(self._places)
        for number in range(len(rests) - 1, -1, -1):
            ways = [e.cost + r for e in self.edges[number] if (r := rests[e.target]) is not None]
            if number in self.finals:
                ways.append(self.finals[number])
            rests[number] = min(ways, default=None)
        return rests


def _parts(acoustic: float) -> int:
    return round(-acoustic * PARTS)
