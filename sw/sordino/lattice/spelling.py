"""The words that a trace's tokens spell, token by token."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sordino.decode.trace import ROOT, Trace
from sordino.speech.text import plain, split_words

__all__ = ["Spelling"]

_SPACE = re.compile(r"\s")  # as str.split has it


@dataclass(frozen=True, slots=True)
class _Written:
    """What a prefix has written.

    letters     of the word in progress
    last        the prefix that wrote the last of these letters
    last_ended  the prefix that wrote the last letter of the last completed word
    """

    letters: str
    last: int
    last_ended: int


class Spelling:
    """The words of a trace's prefixes; `tokens` are texts, by number."""

    def __init__(self, trace: Trace, tokens: Sequence[str]) -> None:
        self._pieces = [_SPACE.split(plain(token)) for token in tokens]
        self._written = [_Written("", ROOT, ROOT)]
        for number, (before, token) in enumerate(trace.prefixes[1:], start=1):
            self._written.append(self._write(self._written[before], token, number))

    def _write(self, before: _Written, token: int, number: int) -> _Written:
        first, *rest = self._pieces[token]
        letters = before.letters + first
        last, last_ended = number if first else before.last, before.last_ended
        for more in rest:
            if _word(letters):
                last_ended = last
            letters, last = more, number
        return _Written(letters, last, last_ended)

    def completed(self, before: int, token: int) -> tuple[str, ...]:
        """The words that a token completes after a prefix."""
        first, *rest = self._pieces[token]
        pieces = [self._written[before].letters + first, *rest]
        return tuple(word for piece in pieces[:-1] if (word := _word(piece)))

    def ended(self, before: int, token: int, number: int) -> tuple[int, ...]:
        """The prefix that wrote the last letter of each word that a token completes.

        `number` is that of the prefix after the token.
        """
        first, *rest = self._pieces[token]
        letters = self._written[before].letters + first
        last, found = number if first else self._written[before].last, list[int]()
        for more in rest:
            if _word(letters):
                found.append(last)
            letters, last = more, number
        return tuple(found)

    def in_progress(self, prefix: int) -> str | None:
        """The word that ends where the utterance ends after a prefix; None if there is none."""
        return _word(self._written[prefix].letters)

    def letters(self, prefix: int) -> str:
        """The letters since the last space, which paths that meet have in common."""
        return self._written[prefix].letters

    def last_letter(self, prefix: int, *, progress: bool) -> int:
        """The prefix up to the last letter of the last completed word, or of that in progress."""
        written = self._written[prefix]
        return written.last if progress else written.last_ended


def _word(letters: str) -> str | None:
    return " ".join(split_words(letters)) or None
