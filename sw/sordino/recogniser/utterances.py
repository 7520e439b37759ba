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

    def text(self, tokens: tuple[int, ...]) -> str:
        """The words that tokens spell."""
        return self._speller.text(token for token in tokens if token < len(self._speller.tokens))

    def start(self, vector: int) -> None:
        """Begin an utterance with an input vector of this number."""
        self.begin, self._revision, self._sent = vector, None, ""
        self.rule.begin()

    def speculate(self, place: dict[str, Any]) -> Iterator[Event]:
        """What is sent where the end is likely: nothing where the same words were sent before."""
        tokens, lattice = self._decoding.guess()
        text = self.text(tokens)
        heard: dict[str, Any] = {**place, "text": text, "tokens": tokens, "lattice": lattice}
        if self._revision is None:
            self._revision, self._sent = 0, text
            yield Speculative(revision=0, **heard)
        elif text != self._sent:
            self._revision, self._sent = self._revision + 1, text
            yield Revised(revision=self._revision, **heard)

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
            self._revision += 1
            yield Revised(revision=self._revision, lattice=lattice, **heard)
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
