"""What is said: words alone, pairs of them, samples of a grammar, and transcripts."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np

from campaigns.voices.declaration import GRAMMAR, Texts
from sordino.errors import InputError
from sordino.files import read_text

__all__ = ["LETTERS", "Grammar", "draw_text", "load_grammar"]

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Grammar:
    """Classes with alternatives of words and `<classes>`, each with a weight."""

    def __init__(self, start: str, classes: Mapping[str, Mapping[str, float]]) -> None:
        self._start = start
        self._classes = {
            name: ([text.split() for text in parts], np.array([*parts.values()], np.float64))
            for name, parts in classes.items()
        }

    @property
    def words(self) -> list[str]:
        """All that it may say, sorted."""
        found = {
            item
            for alternatives, _ in self._classes.values()
            for alternative in alternatives
            for item in alternative
            if not item.startswith("<")
        }
        return sorted(found)

    def sample(self, rng: np.random.Generator) -> tuple[str, ...]:
        """One utterance."""
        return tuple(self._say(self._start, rng))

    def _say(self, name: str, rng: np.random.Generator) -> list[str]:
        alternatives, weights = self._classes[name]
        chosen = alternatives[int(rng.choice(len(weights), p=weights / weights.sum()))]
        said = list[str]()
        for item in chosen:
            said += self._say(item[1:-1], rng) if item.startswith("<") else [item]
        return said


@cache
def load_grammar(path: Path = GRAMMAR) -> Grammar:
    """Read a grammar; InputError for a class that is not there, or that leads to itself."""
    values = tomllib.loads(read_text(path, "grammar"))
    classes: dict[str, dict[str, float]] = values.get("class", {})
    _check(values.get("start", ""), classes, (), path)
    return Grammar(values["start"], classes)


def _check(
    name: str, classes: Mapping[str, Mapping[str, float]], above: tuple[str, ...], path: Path
) -> None:
    if name not in classes or name in above:
        got = "one that leads to itself" if name in above else "none"
        raise InputError(f"wanted a class {name!r} in {path}, got {got}; correct it")
    for text in classes[name]:
        for item in text.split():
            if item.startswith("<"):
                _check(item[1:-1], classes, (*above, name), path)


def draw_text(
    rng: np.random.Generator,
    number: int,
    shares: Texts,
    words: Sequence[str],
    grammar: Grammar,
    transcripts: Sequence[str],
) -> tuple[str, ...]:
    """The words of a line; word `number` where it is one alone, so that each comes as often.

    Without transcripts, the grammar speaks in their place.
    """
    kinds = asdict(shares)
    kind = str(rng.choice(list(kinds), p=list(kinds.values())))
    if kind == "word":
        return (words[number % len(words)],)
    if kind == "pair":
        return tuple(str(word) for word in rng.choice(list(words), 2))
    if kind == "transcript" and transcripts:
        return tuple(transcripts[int(rng.integers(len(transcripts)))].split())
    return grammar.sample(rng)
