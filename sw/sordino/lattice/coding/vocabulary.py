"""What both ends know of words, so that a lattice need not say it: the words and their chances.

A word n-gram says how probable a word is after the one before it. Words that it lacks are spelled,
letter by letter. Both ends make the same whole numbers of it, and a lattice carries a part of their
hash: whoever has others refuses it.
"""

import hashlib
import json
import math
from fractions import Fraction
from functools import cache
from pathlib import Path
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from sordino.decode.arpa import format_arpa, load_arpa
from sordino.decode.ngram import BEGIN, END, UNKNOWN, NgramModel
from sordino.errors import InputError
from sordino.lattice.coding.range_coder import Coder
from sordino.lattice.graph import refuse
from sordino.speech.text import Speller, split_words

__all__ = [
    "ENDS",
    "IDENTITY_BYTES",
    "MOST_WORDS",
    "SCALE",
    "SPELLED",
    "Vocabulary",
    "shipped_words",
]

IDENTITY_BYTES = 4
MOST_WORDS = 1 << 18
"""Words that an n-gram may have to write lattices with."""
MOST_LETTERS = 1024
"""Letters of a spelled word at the most."""
SCALE = 1 << 16
"""The sum of a context's frequencies, but for rounding."""
_LEAST_SPELLED = 1 << 11
"""The least frequency, of SCALE, of a word that must be spelled."""
_SIXTEENTHS = 16 / math.log10(2)
_ROOTS = tuple(round(SCALE * 2 ** (-sixteenths / 16)) for sixteenths in range(16))
_UNFIT = ("Cc", "Cs")
"""Controls and surrogates, which are in no word."""
_CODE_POINTS = 0x110000
ENDS, SPELLED = 0, 1
"""Words and letters have these numbers before them: the end, and what has no number."""
_Table = NDArray[np.int64]


@cache
def shipped_words() -> NgramModel:
    """The n-gram that ships: bigrams of AN4's training transcripts, as `sordino lm` makes them."""
    return load_arpa(Path(__file__).parent / "words.arpa")


class Vocabulary:
    """The words that the tokens of a model can write.

    `speller` knows its tokens, `seconds` is the time of one of its frames, None where nobody knows.
    Without a `model`, the n-gram that ships.
    """

    def __init__(
        self, speller: Speller, seconds: Fraction | None, model: NgramModel | None = None
    ) -> None:
        model = shipped_words() if model is None else model
        spelled = {speller.adapt(word): word for word in model.words if len(word) <= MOST_LETTERS}
        self._model, self.seconds = model, seconds
        self._words = sorted(word for word in spelled if word and speller.can_spell(word))
        if len(self._words) > MOST_WORDS:
            raise InputError(
                f"wanted an n-gram of at most {MOST_WORDS:,} words for lattices, got "
                f"{len(self._words):,}; estimate one with fewer"
            )
        self._original = {word: spelled[word] for word in self._words}
        self._numbers = {word: number for number, word in enumerate(self._words, start=2)}
        self._letters = sorted(speller.alphabet)
        self._letter_numbers = {letter: n for n, letter in enumerate(self._letters, start=2)}
        self._letter_table = self._count_letters()
        self._tables: dict[str, _Table] = {}
        described = [speller.tokens, None if seconds is None else str(seconds), format_arpa(model)]
        self.identity = hashlib.sha256(json.dumps(described).encode()).digest()[:IDENTITY_BYTES]
        """What lattices carry to say whose they are."""

    def number(self, word: str | None) -> int:
        """A word's number; that of spelled words for one that is not here."""
        return ENDS if word is None else self._numbers.get(word, SPELLED)

    def word(self, number: int) -> str | None:
        """The word of a number that is not that of spelled words."""
        return None if number == ENDS else self._words[number - 2]

    def __len__(self) -> int:
        return len(self._words) + 2

    def after(self, before: str | None) -> NDArray[np.int64]:
        """How often of SCALE the end, a spelled word and each other word come after a word."""
        context = BEGIN if before is None else self._original.get(before, UNKNOWN)
        if context not in self._tables:
            names = [END, UNKNOWN, *(self._original[word] for word in self._words)]
            table = np.array([_frequency(self._model.log10(n, [context])) for n in names], np.int64)
            table[SPELLED] = max(table[SPELLED], _LEAST_SPELLED)
            self._tables[context] = table
        return self._tables[context]

    def _count_letters(self) -> _Table:
        """The frequencies of a word's end, other letters and each of ours, in all words alike."""
        table = np.ones(len(self._letters) + 2, np.int64)
        for word in self._words:
            for letter in word:
                table[self._letter_numbers.get(letter, SPELLED)] += 1
        table[ENDS] += len(self._words)
        return table

    def spell(self, coder: Coder, word: str) -> str:
        """Write a word letter by letter, or read one."""
        found, text = list[str](), [*word, None]
        for place in range(MOST_LETTERS + 1):
            letter = text[place] if place < len(text) else None
            number = ENDS if letter is None else self._letter_numbers.get(letter, SPELLED)
            number = coder.symbol(self._letter_table, number)
            if number == ENDS:
                return _checked("".join(found))
            if number == SPELLED:
                found.append(chr(coder.uniform(_CODE_POINTS, ord(letter or "\0"))))
            else:
                found.append(self._letters[number - 2])
        refuse(f"a word of more than {MOST_LETTERS} letters")


def _frequency(log10: float) -> int:
    """A whole number for a probability, the same on every machine: sixteenths of a bit, cut off."""
    sixteenths = int(min(-log10, 10.0) * _SIXTEENTHS) if log10 < 0 else 0
    return max(_ROOTS[sixteenths % 16] >> sixteenths // 16, 1)


def _checked(word: str) -> str:
    if split_words(word) != [word] or any(category(letter) in _UNFIT for letter in word):
        refuse(f"{word!r} as a word")
    return word
