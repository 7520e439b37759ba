"""Phrases as one automaton, which finds all of them in a text that comes letter by letter.

A. V. Aho and M. J. Corasick, "Efficient string matching: an aid to bibliographic search", 1975. A
state is the longest beginning of a phrase that the text ends with. Its failure state is the next
shorter one, and so on: together these are all phrases in progress.

Phrases count at the borders of words alone, so every one begins and ends with a space here.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["SPACE", "Automaton", "Whole", "is_letter", "letters_in"]

_ROOT, SPACE = 0, 1
"""The states where the text ends with no phrase's beginning, and with a space alone."""
_CHARACTERS = 1 << 21


@dataclass(frozen=True, slots=True)
class Whole:
    """A phrase that has come to its end.

    words  how many it has
    worth  its nats
    spelled_first, spelled_last  whether its first and its last word are one letter
    """

    words: int
    worth: float
    spelled_first: bool
    spelled_last: bool


class Automaton:
    """The states of phrases, in Unicode's normal form D; they are numbers.

    `worths` are the phrases with the nats of each. A phrase's beginning is promised its share of
    them by its letters; of what several phrases begin with the largest promise counts.

    spaces    for each state, how many spaces are in the text that it stands for
    spelled   for each state, the most that is promised for it as a phrase that begins with a
              letter that stands alone
    other     the same as any other phrase
    """

    def __init__(self, worths: Mapping[str, float]) -> None:
        self._next = {ord(" "): SPACE}
        self._parents, self._letters = [_ROOT, _ROOT], ["", " "]
        self.spaces, self.spelled, self.other = [0, 1], [0.0, 0.0], [0.0, 0.0]
        self._found: dict[int, Whole] = {}
        for phrase, worth in worths.items():
            self._add(phrase, worth)
        self._fail = [_ROOT] * len(self._parents)
        self._more = [_ROOT] * len(self._parents)
        self._link()

    def __len__(self) -> int:
        """How many states there are."""
        return len(self._parents)

    def _add(self, phrase: str, worth: float) -> None:
        words = phrase.split(" ")
        first, last = is_letter(words[0]), is_letter(words[-1])
        promises = self.spelled if first else self.other
        letters, done, state = letters_in(phrase), 0, SPACE
        for character in phrase + " ":
            state = self._child(state, character)
            done += letters_in(character)
            promises[state] = max(promises[state], worth * done / letters)
        self._found[state] = Whole(len(words), worth, first, last)

    def _child(self, state: int, character: str) -> int:
        key = state * _CHARACTERS + ord(character)
        if key not in self._next:
            self._next[key] = len(self._parents)
            self._parents.append(state)
            self._letters.append(character)
            self.spaces.append(self.spaces[state] + (character == " "))
            self.spelled.append(0.0)
            self.other.append(0.0)
        return self._next[key]

    def _link(self) -> None:
        """Find each state's failure state, shorter texts first."""
        depths = [0] * len(self._parents)
        for state in range(1, len(depths)):  # parents have smaller numbers
            depths[state] = depths[self._parents[state]] + 1
        for state in sorted(range(SPACE + 1, len(depths)), key=depths.__getitem__):
            fail = self.step(self._fail[self._parents[state]], self._letters[state])
            self._fail[state] = fail
            self._more[state] = fail if fail in self._found else self._more[fail]

    def step(self, state: int, character: str) -> int:
        """The state after one more character."""
        code = ord(character)
        while (after := self._next.get(state * _CHARACTERS + code)) is None:
            if state == _ROOT:
                return _ROOT
            state = self._fail[state]
        return after

    def run(self, state: int, text: str) -> int:
        """The state after some more characters."""
        for character in text:
            state = self.step(state, character)
        return state

    def ends_word(self, state: int) -> bool:
        """Whether the text of a state ends with a space."""
        return self._letters[state] == " "

    def in_progress(self, state: int) -> Iterator[int]:
        """All phrases' beginnings that the text of a state ends with, a space alone left out."""
        while state > SPACE:
            yield state
            state = self._fail[state]

    def found(self, state: int) -> Iterator[Whole]:
        """All phrases that end where a state is reached."""
        if state not in self._found:
            state = self._more[state]
        while state != _ROOT:
            yield self._found[state]
            state = self._more[state]


def letters_in(phrase: str) -> int:
    """The characters that count; spaces, and accents as characters of their own, do not."""
    return sum(each != " " and not unicodedata.combining(each) for each in phrase)


def is_letter(word: str) -> bool:
    """Whether a word is one letter, which may have accents."""
    return letters_in(word) == 1
