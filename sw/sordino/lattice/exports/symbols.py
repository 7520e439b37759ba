"""Numbers for words, as OpenFst's, Kaldi's and k2's files have them."""

from collections.abc import Iterable

__all__ = ["EPSILON", "Symbols"]

EPSILON = "<eps>"


class Symbols:
    """The words of some lattices in their order, from 1 on; 0 is nothing at all."""

    def __init__(self, words: Iterable[str]) -> None:
        self._numbers = {word: n for n, word in enumerate(sorted(set(words)), start=1)}

    def __getitem__(self, word: str | None) -> int:
        return 0 if word is None else self._numbers[word]

    def text(self) -> str:
        """A symbol table: a line a word, the word and its number."""
        lines = [(EPSILON, 0), *self._numbers.items()]
        return "".join(f"{word}\t{number}\n" for word, number in lines)
