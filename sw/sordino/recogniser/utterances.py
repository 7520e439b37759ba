"""Utterances that are cut out of what is heard: what is sent of each, and when."""

from collections.abc import Iterator
from typing import Any

from sordino.recogniser.decoding import Decoding
from sordino.recogniser.ends import EndRule
from sordino.recogniser.events import Confirm, Ended, Event, Revised, Speculative
from sordino.speech.text import Speller

__all__ = ["Utterances"]


class Utterances:
    """The utterances of one recording, one after the other.

    ended  how many have ended
    begin  the input vector that the present one began with
    """

    def __init__(self, rule: EndRule, decoding: Decoding, speller: Speller) -> None:
        self.rule, self._decoding, self._speller = rule, decoding, speller
        self.ended = self.begin = 0
        self._revision: int | None = None
        self._sent = ""
        self._stands = self._more = False

    def text(self, tokens: tuple[int, ...]) -> str:
        """The words that tokens spell."""
        return self._speller.text(token for token in tokens if token < len(self._speller.tokens))

    def start(self, vector: int) -> None:
        """Begin an utterance with an input vector of this number."""
        self.begin, self._revision, self._sent = vector, None, ""
        self._stands = self._more = False
        self.rule.begin()

    def undo(self, wrote: bool, place: dict[str, Any]) -> Iterator[Event]:
        """What is sent as soon as somebody goes on behind a likely end: the words so far, once.

        `wrote` says whether the program has just written a token. A search may have other words
        only some vectors later. Nothing is sent until the end is likely again.
        """
        self._more |= wrote
        if not (self._stands and self._more):
            return
        heard = self._guess(place)
        if heard["text"] != self._sent:
            self._stands = False
            yield self._revised(heard)

    def speculate(self, place: dict[str, Any]) -> Iterator[Event]:
        """What is sent where the end is likely: nothing where the same words were sent before."""
        heard = self._guess(place)
        self._stands, self._more = True, False
        if self._revision is None:
            self._revision, self._sent = 0, heard["text"]
            yield Speculative(revision=0, **heard)
        elif heard["text"] != self._sent:
            yield self._revised(heard)

    def _guess(self, place: dict[str, Any]) -> dict[str, Any]:
        """What an event has, if the utterance ended here."""
        tokens, lattice = self._decoding.guess()
        return {**place, "text": self.text(tokens), "tokens": tokens, "lattice": lattice}

    def _revised(self, heard: dict[str, Any]) -> Revised:
        assert self._revision is not None
        self._revision, self._sent = self._revision + 1, heard["text"]
        return Revised(revision=self._revision, **heard)

    def end(self, place: dict[str, Any], begin: float | None, reason: str) -> Iterator[Event]:
        """What is sent where the utterance ends; the decoding of it is finished."""
        decoding = self._decoding
        tokens, lattice, error = tuple(decoding.tokens), decoding.lattice, decoding.error
        heard: dict[str, Any] = {**place, "text": self.text(tokens), "tokens": tokens}
        if self._revision is None:
            self._revision = 0 if tokens else None
        elif heard["text"] == self._sent:
            lattice = None
            yield Confirm(revision=self._revision, **heard)
        else:
            yield self._revised({**heard, "lattice": lattice})
            lattice = None
        yield Ended(
            **heard,
            error=error,
            reason=reason,
            utterance=self.ended,
            begin=begin,
            revision=self._revision,
            lattice=lattice,
        )
        self.ended += 1
