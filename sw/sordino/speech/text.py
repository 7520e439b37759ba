"""Words that a model's tokens spell, and spoken words as the model writes them.

Words are what Unicode white space separates, in references, hypotheses and texts for a language
model alike. An accented letter is the same letter as one code point or as two: words are compared
in Unicode's normal form C. Case is the model's.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Literal

from sordino.errors import warn

__all__ = ["WORD_MARK", "Case", "Speller", "plain", "spell", "split_words"]

WORD_MARK = "▁"
"""What sentencepiece writes for the space before a word."""
Case = Literal["capitals", "small letters"]
_SPECIAL = re.compile(r"<[^<>]+>|\[[^\[\]]+\]")
"""Tokens that stand for no text: `<blank>`, `<unk>`, `[PAD]`."""
_INVISIBLE = re.compile("[\u00ad\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_SHOWN = 8


def plain(token: str) -> str:
    """A token's characters, its word marks as spaces."""
    return token.replace(WORD_MARK, " ")


def split_words(text: str) -> list[str]:
    """The words of a text, in Unicode's normal form C.

    Byte order marks, which joined files have in their middle, are no text, nor are soft hyphens and
    marks of writing direction: nobody sees them.
    """
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).split()


def spell(tokens: Iterable[str]) -> str:
    """The words that tokens spell, characters or word pieces; single spaces between them."""
    return " ".join(split_words(plain("".join(tokens))))


class Speller:
    """What a model's tokens can write.

    `tokens` are their texts; number `blank` and marks such as `<unk>` stand for no text.
    """

    def __init__(self, tokens: Sequence[str], blank: int | None = None) -> None:
        self.tokens = tuple(tokens)
        texts = [
            plain(token)
            for number, token in enumerate(self.tokens)
            if number != blank and not _SPECIAL.fullmatch(token)
        ]
        self._pieces = {piece for text in texts for piece in text.split()}
        # A piece after a space begins a word, whatever is before it.
        self._inner = {text.split()[0] for text in texts if text and not text[0].isspace()}
        self._longest = max(map(len, self._pieces), default=0)
        self.alphabet = frozenset("".join(self._pieces))
        self.separates = any(map(str.isspace, "".join(texts)))
        """Whether the model can write more than one word."""

    def text(self, numbers: Iterable[int]) -> str:
        """The words that token numbers spell."""
        return spell(self.tokens[number] for number in numbers)

    @cached_property
    def case(self) -> Case | None:
        """The case of all letters that the tokens have; None where they have both, or no case."""
        capitals = any(c.isupper() for c in self.alphabet)
        # ß has no capital of one letter: it is written among capitals, too.
        small = any(c.islower() and c.upper() != c and len(c.upper()) == 1 for c in self.alphabet)
        if capitals == small:
            return None
        return "capitals" if capitals else "small letters"

    def adapt(self, text: str) -> str:
        """A text as the model would write it: its words, in its case where it has only one."""
        text = " ".join(split_words(text))
        if self.case == "capitals":
            text = "".join(c if c in self.alphabet else c.upper() for c in text)
        elif self.case == "small letters":
            text = text.lower()
        return " ".join(split_words(text))

    def can_spell(self, word: str) -> bool:
        """Whether the model can write a word."""
        return bool(self.spellings(word))

    def spellings(self, word: str) -> set[str]:
        """The word as tokens can write it: accented letters as one, as two, or not at all."""
        return {form for form in _forms(word) if self._segments(form)}

    def _segments(self, word: str) -> bool:
        """Whether tokens, one after the other, are these characters of one word."""
        if not word:
            return True
        if word[0] in self._pieces and self._inner.issuperset(word[1:]):
            return True
        reached = [True] + [False] * len(word)
        for end in range(1, len(word) + 1):
            reached[end] = any(
                reached[begin] and word[begin:end] in (self._inner if begin else self._pieces)
                for begin in range(max(0, end - self._longest), end)
            )
        return reached[-1]

    def check(self, words: Sequence[str], what: str, remedy: str) -> None:
        """Warn where tokens cannot spell all `words` of `what`: of their share, and of why.

        `remedy` says what follows from it and what to do.
        """
        missing = [word for word in words if not self.can_spell(word)]
        if not missing:
            return
        unknown = sorted({c for word in missing for c in word if not self._has(c)})
        shown = ", ".join(map(repr, unknown[:_SHOWN])) + (", …" if len(unknown) > _SHOWN else "")
        shown = shown or f"the word {missing[0]!r}"
        if any(self.can_spell(self.adapt(word)) for word in missing):
            shown += f" (they write {self.case})"
        warn(
            f"{len(missing):,} of {len(words):,} words of {what} ({len(missing) / len(words):.1%}) "
            f"have what the model's tokens cannot spell: {shown}; {remedy}"
        )

    def _has(self, character: str) -> bool:
        return any(self.alphabet.issuperset(form) for form in _forms(character))


def _forms(text: str) -> tuple[str, str]:
    """The text with letters and accents as one and as two: tokens may have either."""
    return unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
