"""What a beam search looked at, so that paths which it dropped are not lost.

Tokens are kept as a tree, a node of which is a number: a minute of speech takes some megabytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["ROOT", "Node", "Trace"]

ROOT = 0
"""The prefix without tokens."""
Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """Tokens that were possible in a step, before the next frame.

    prefix    number of the tokens, as `Trace.prefixes` has them
    frame     frames that are behind it
    last      the frame of the last token on the most probable path, 0 without tokens
    acoustic  the transducer's natural logarithm, over all paths that were merged
    kept      whether the search went on from here
    """

    prefix: int
    frame: int
    last: int
    acoustic: float
    kept: bool


class Step(Protocol):
    """A path of the search in one step."""

    tokens: Tokens
    frames: tuple[int, ...]
    frame: int
    acoustic: float


class Trace:
    """The nodes of a search that merges paths to the same tokens.

    nodes     in the order of the steps; the root, before the first step, is not among them
    prefixes  for each prefix the one before its last token, and that token; the root's are 0 and -1
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.prefixes: list[tuple[int, int]] = [(ROOT, -1)]
        self._children: dict[tuple[int, int], int] = {}
        self._numbers: dict[Tokens, int] = {(): ROOT}
        """The prefixes that the next step may start from."""

    def add(self, paths: Sequence[Step], kept: int) -> None:
        """All paths of a step, of which the search keeps the first `kept`."""
        numbers = [self._number(path.tokens) for path in paths]
        for place, (number, path) in enumerate(zip(numbers, paths, strict=True)):
            last = path.frames[-1] if path.frames else 0
            self.nodes.append(Node(number, path.frame, last, path.acoustic, place < kept))
        self._numbers = {path.tokens: n for n, path in zip(numbers[:kept], paths, strict=False)}

    def fork(self) -> "Trace":
        """A trace of its own with the same nodes."""
        other = Trace()
        other.nodes, other.prefixes = list(self.nodes), list(self.prefixes)
        other._children, other._numbers = dict(self._children), dict(self._numbers)
        return other

    def tokens(self, prefix: int) -> Tokens:
        """The tokens of a prefix."""
        found = []
        while prefix != ROOT:
            prefix, token = self.prefixes[prefix]
            found.append(token)
        return tuple(reversed(found))

    def _number(self, tokens: Tokens) -> int:
        if tokens in self._numbers:
            return self._numbers[tokens]
        edge = self._numbers[tokens[:-1]], tokens[-1]
        if edge not in self._children:
            self._children[edge] = len(self.prefixes)
            self.prefixes.append(edge)
        return self._children[edge]
