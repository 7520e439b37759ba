"""Phrases that are likely to be said, beside a transducer: shallow fusion.

Of a text's words, some are read as phrases and the others stand alone. Each phrase is worth its
bonus for every letter, and no word counts twice: of all ways to read the text so, the best one
counts. It is found while letters come, by dynamic programming over the places where words begin.

Letters that are spelled one after the other are one string: A B is not in A B C. So where a phrase
begins or ends with a letter that stands alone, no other such letter may stand beside it, but for
one of another phrase.

A phrase in progress has its share of the worth as a promise, so that the search does not drop it.
What was promised is given back where the phrase does not come to its end.

A list that has P A T says that something like it is likely; whether it was P A T or B A T, the
sound has to say. So a spelled phrase whose letters sound like a listed one's counts nearly as much:
`contrast` nats less.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sordino.decode.phrases.alike import sound, sounds_alike
from sordino.decode.phrases.automaton import SPACE, Automaton, is_letter, letters_in
from sordino.decode.phrases.best import NOTHING, Best, read_words
from sordino.decode.phrases.listing import Phrase
from sordino.errors import InputError
from sordino.speech.text import plain, split_words

__all__ = ["CONTRAST", "PhraseFusion", "Read"]

CONTRAST = 3.0
"""Nats that what is listed is worth more than what sounds like it; chosen as `DEFAULT_BONUS`."""
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Read:
    """How much of a hypothesis was read as phrases.

    exact   state of the automaton of what is listed
    alike   state of the automaton of what sounds like it
    held    a word that has only one letter so far: it may stand alone
    before  what was best before each word of the longest phrase in progress, one for each space
    best    what is best before the word in progress
    """

    exact: int
    alike: int
    held: str
    before: tuple[Best, ...]
    best: Best


class PhraseFusion:
    """A `Fusion` of the words that tokens spell, characters and word pieces alike.

    The automata read characters, so that it does not matter by which tokens a phrase is written.
    `phrases` are all different. `listed` are their texts.
    """

    def __init__(
        self, phrases: Sequence[Phrase], tokens: Sequence[str], contrast: float = CONTRAST
    ) -> None:
        if not 0 <= contrast < math.inf:
            raise InputError(f"wanted a contrast of at least 0 nats, got {contrast}")
        self.contrast = contrast
        self.listed = tuple(phrase.text for phrase in phrases)
        self._texts = [_characters(token) for token in tokens]
        self._worths: dict[str, float] = {}
        self._near: dict[str, float] = {}
        """By what they sound like."""
        for phrase in phrases:
            text = unicodedata.normalize("NFD", phrase.text)
            worth = phrase.bonus * letters_in(text)
            self._worths[text] = worth
            heard = _sounds(text)
            if heard is not None and worth > contrast:
                self._near[heard] = max(self._near.get(heard, 0.0), worth - contrast)
        self._longest = max((text.count(" ") + 1 for text in self._worths), default=0)
        self._exact, self._alike = Automaton(self._worths), Automaton(self._near)

    @property
    def states(self) -> int:
        """The states of the automata."""
        return len(self._exact) + len(self._alike)

    def start(self) -> Read:
        """The state before the first token."""
        return Read(SPACE, SPACE, "", (NOTHING,), NOTHING)

    def advance(self, state: Read, token: int) -> Read:
        """The state after one more token."""
        return self._read(state, self._texts[token])

    def score(self, state: Read) -> float:
        """What the finished phrases are worth, and the best promise."""
        best, alike = state.best.all, state.alike
        if state.held:
            alike = self._alike.run(alike, sound([state.held])[0])
        for automaton, number in ((self._exact, state.exact), (self._alike, alike)):
            for each in automaton.in_progress(number):
                before = state.before[-automaton.spaces[each]]
                best = max(
                    best,
                    before.closed + automaton.spelled[each],
                    before.all + automaton.other[each],
                )
        return best

    def final(self, state: Read) -> float:
        """What phrases are worth where the utterance ends here; promises count no more."""
        return self._read(state, " ").best.all

    def say(self, state: Read, word: str) -> tuple[Read, float]:
        """The state after a whole word, and what is added for it.

        What was said before is 0 in the state, so that states can be compared.
        """
        after = self._read(state, unicodedata.normalize("NFD", word) + " ")
        nats = after.best.all
        before = tuple(each.less(nats) for each in after.before)
        best = after.best.less(nats)
        return Read(after.exact, after.alike, "", before, best), nats - state.best.all

    def finish(self, _state: Read) -> float:
        """What is added where the utterance ends after a whole word: nothing."""
        return 0.0

    def facts(self, text: str) -> dict[str, Any]:
        """What JSON has of a text: how many phrases are listed, and which of them were said."""
        said = [{"phrase": phrase, "nats": nats} for phrase, nats in self.matched(text)]
        return {"count": len(self.listed), "contrast": self.contrast, "matched": said}

    def matched(self, text: str) -> list[tuple[str, float]]:
        """The listed phrases that a text is read as, in their order in it, and their nats."""
        words = unicodedata.normalize("NFD", text).split()
        read = read_words(words, self._worth, self._longest)
        return [(unicodedata.normalize("NFC", p), n) for p, n in read if p in self._worths]

    def _worth(self, words: Sequence[str]) -> float | None:
        """What words are worth as one phrase; None where they are none."""
        exact = self._worths.get(" ".join(words))
        near = self._near.get(" ".join(sound(words)))
        return max((nats for nats in (exact, near) if nats is not None), default=None)

    def _read(self, state: Read, text: str) -> Read:
        exact, alike, held = state.exact, state.alike, state.held
        before, best = state.before, state.best
        for letter in text:
            begins = self._exact.ends_word(exact)
            if letter == " " and begins:
                continue
            exact = self._exact.step(exact, letter)
            if letter != " " and (begins or (held and is_letter(held + letter))):
                held += letter
                continue
            if letter == " ":
                alike = self._alike.run(alike, sound([held])[0] + " ")
                best = self._end_word(before, best, (exact, alike), is_letter(held))
                before = (*before, best)
            else:
                alike = self._alike.run(alike, held + letter)
            held = ""
            before = before[len(before) - self._spaces(exact, alike) :]
        return Read(exact, alike, held, before, best)

    def _end_word(
        self, before: Sequence[Best], best: Best, states: tuple[int, int], letter: bool
    ) -> Best:
        """What is best after a word, which may be a letter that stands alone."""
        after = best.after(letter)
        for automaton, number in zip((self._exact, self._alike), states, strict=True):
            for phrase in automaton.found(number):
                nats = before[-phrase.words].before(phrase) + phrase.worth
                after = after.with_phrase(phrase, nats)
        return after

    def _spaces(self, exact: int, alike: int) -> int:
        return max(self._exact.spaces[exact], self._alike.spaces[alike])


def _sounds(phrase: str) -> str | None:
    """The phrase as its letters sound; None where nothing else sounds like them."""
    words = phrase.split()
    return " ".join(sound(words)) if any(map(sounds_alike, words)) else None


def _characters(token: str) -> str:
    """What a token spells, in normal form D, every space as a plain one."""
    pieces = ("".join(split_words(piece)) for piece in _SPACE.split(plain(token)))
    return unicodedata.normalize("NFD", " ".join(pieces))
