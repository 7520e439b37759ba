"""Words read as phrases and as others: what is best, by what stands at the end."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sordino.decode.phrases.automaton import Whole, is_letter

__all__ = ["NOTHING", "Best", "read_words"]

_NEVER = -math.inf


@dataclass(frozen=True, slots=True)
class Best:
    """The most that words are worth, by what the last one of them is.

    letter  a letter that stands alone, in no phrase
    phrase  a letter that stands alone and ends a phrase
    other   anything else; nothing at all, too
    """

    letter: float
    phrase: float
    other: float

    @property
    def closed(self) -> float:
        """The most where a spelled phrase may begin."""
        return max(self.phrase, self.other)

    @property
    def all(self) -> float:
        """The most of all."""
        return max(self.letter, self.phrase, self.other)

    def after(self, letter: bool) -> "Best":
        """The most after one more word of no phrase, which may be a letter that stands alone."""
        if letter:
            return Best(max(self.letter, self.other), _NEVER, _NEVER)
        return Best(_NEVER, _NEVER, self.all)

    def before(self, phrase: Whole) -> float:
        """The most where this phrase may begin."""
        return self.closed if phrase.spelled_first else self.all

    def with_phrase(self, phrase: Whole, worth: float) -> "Best":
        """It or a reading whose last words are this phrase, whichever is worth more."""
        if phrase.spelled_last:
            return Best(self.letter, max(self.phrase, worth), self.other)
        return Best(self.letter, self.phrase, max(self.other, worth))

    def less(self, nats: float) -> "Best":
        """It with so many nats less."""
        return Best(self.letter - nats, self.phrase - nats, self.other - nats)


NOTHING = Best(_NEVER, _NEVER, 0.0)
"""Before the first word."""


_Reading = tuple[float, tuple[tuple[str, float], ...]]
_Ways = dict[str, _Reading]
"""The best reading by what stands at its end, as `Best` has it."""


def read_words(
    words: Sequence[str], worth: Callable[[Sequence[str]], float | None], longest: int
) -> list[tuple[str, float]]:
    """The phrases that words are read as, in their order, and the nats of each.

    `worth` of words as one phrase is None where they are none; phrases have `longest` words at
    most.
    """
    ways: list[_Ways] = [{"other": (0.0, ())}]
    for end in range(1, len(words) + 1):
        letter = is_letter(words[end - 1])
        here: _Ways = {}
        _add(
            here, "letter" if letter else "other", _most(ways[-1], closed=False, phrase=not letter)
        )
        for begin in range(max(0, end - longest), end):
            nats = worth(words[begin:end])
            before = _most(ways[begin], closed=is_letter(words[begin]), phrase=True)
            if nats is not None and before is not None:
                found = (*before[1], (" ".join(words[begin:end]), nats))
                _add(here, "phrase" if letter else "other", (before[0] + nats, found))
        ways.append(here)
    best = _most(ways[-1], closed=False, phrase=True)
    assert best is not None, "words can always be read as no phrase"
    return list(best[1])


def _most(ways: _Ways, *, closed: bool, phrase: bool) -> _Reading | None:
    """The best of some readings: not after a letter where `closed`; after a phrase if `phrase`."""
    left = {"letter"} if closed else set()
    left |= set() if phrase else {"phrase"}
    return max((each for kind, each in ways.items() if kind not in left), default=None)


def _add(ways: _Ways, kind: str, reading: _Reading | None) -> None:
    """Keep a reading if it is the best of its kind."""
    if reading is not None:
        ways[kind] = max(reading, ways.get(kind, reading))
