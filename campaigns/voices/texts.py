"""What is said: words alone, pairs of them, samples of the grammar that ships, and transcripts."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np

import sordino.rerank
from campaigns.voices.declaration import Texts, load_declaration
from sordino.rerank.grammar.classes import Grammar, load_grammar
from sordino.rerank.grammar.sample import Sampler

__all__ = ["GRAMMAR_FILES", "LETTERS", "draw_text", "shipped_grammar", "vocabulary"]

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SHIPPED = Path(sordino.rerank.__file__).parent / "shipped"
GRAMMAR_FILES = tuple(_SHIPPED / name for name in ("grammar.toml", "names.txt", "places.txt"))
"""The grammar that lattices are ranked with: it is what is said to the machine."""


@cache
def shipped_grammar() -> Grammar:
    """The grammar that ships."""
    return load_grammar(GRAMMAR_FILES[0])


@cache
def vocabulary() -> tuple[str, ...]:
    """All words there are, sorted: those of the grammar, and those that are declared beside it."""
    return tuple(sorted({*shipped_grammar().words, *load_declaration().texts.words}))


def draw_text(
    rng: np.random.Generator, number: int, texts: Texts, transcripts: Sequence[str]
) -> tuple[str, ...]:
    """The words of a line; word `number` where it is one alone, so that each comes as often.

    Without transcripts, the grammar speaks in their place.
    """
    words = vocabulary()
    shares = {name: share for name, share in asdict(texts).items() if name != "words"}
    kind = str(rng.choice(list(shares), p=list(shares.values())))
    if kind == "word":
        return (words[number % len(words)],)
    if kind == "pair":
        return tuple(str(word) for word in rng.choice(list(words), 2))
    if kind == "transcript" and transcripts:
        return tuple(transcripts[int(rng.integers(len(transcripts)))].split())
    return tuple(Sampler(shipped_grammar(), int(rng.integers(2**32))).sentence())
