"""Numbers for words, as OpenFst's, Kaldi's and k2's files have them."""

from collections.abc import Iterable, Mapping

__all__ = ["EPSILON", "Symbols"]

EPSILON = "<eps>"


class Symbols:
    """The words of some lattices in their order, from 1 on; 0 is nothing at all.

    Words `before` keep their numbers, since files may be there that have these; others follow.
    """

    def __init__(self, words: Iterable[str], before: Mapping[str, int] | None = None) -> None:
        self._numbers = dict(before or {})
        new = sorted(set(words) - self._numbers.keys())
        start = max(self._numbers.values(), default=0) + 1
        self._numbers.update((word, n) for n, word in enumerate(new, start=start))

    def __getitem__(self, word: str | None) -> int:
        return 0 if word is None else self._numbers[word]

    def text(self) -> str:
        """A symbol table: a line a word, the word and its number."""
        lines = [(EPSILON, 0), *self._numbers.items()]
        return "".join(f"{word}\t{number}\n" for word, number in lines)
