"""A list of phrases as people write it: a file with one a line.

A line has a phrase and, after a tab, a bonus of its own for each letter, if wanted. Lines that
begin with # are comments; blank lines count for nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from sordino.errors import InputError, warn
from sordino.files import read_lines
from sordino.speech.text import Speller, split_words

__all__ = [
    "DEFAULT_BONUS",
    "MOST_BONUS",
    "MOST_CHARACTERS",
    "MOST_LONG",
    "Phrase",
    "check_bonus",
    "read_phrases",
]

MOST_CHARACTERS = 300_000
"""Characters of all phrases together, for the sake of memory and of the time to read them."""
MOST_LONG = 1000
"""Characters of one phrase; nobody says more at once."""
DEFAULT_BONUS = 1.0
"""Nats for each letter; chosen on noisy training speakers, see docs/phrases.md."""
MOST_BONUS = 100.0
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that are likely to be said, as the model writes them, and nats for each letter."""

    text: str
    bonus: float


def check_bonus(bonus: float, where: str = "") -> None:
    """InputError for nats that mean nothing; `where` says where they stand."""
    if not 0 <= bonus <= MOST_BONUS:
        raise InputError(
            f"wanted a bonus of 0 to {MOST_BONUS:g} nats for a letter of a phrase, got {bonus:g}"
            f"{where}; 1 is usual"
        )


def read_phrases(path: Path, speller: Speller, bonus: float) -> list[Phrase]:
    """The phrases of a file, `bonus` for those that have none of their own.

    A phrase that is listed twice counts once, with the larger bonus; an InputWarning tells of it.
    Raises InputError for what the model cannot write, for none, and for too many.
    """
    check_bonus(bonus)
    found: dict[str, float] = {}
    twice: list[str] = []
    characters = 0
    for number, line in enumerate(read_lines(path, "the phrases"), start=1):
        if not split_words(line) or line.lstrip().startswith("#"):
            continue
        where = f"line {number} of {path}"
        text, own = _fields(line, where)
        phrase = _written(text, speller, where)
        if phrase in found:
            twice.append(phrase)
        characters += len(phrase)
        if characters > MOST_CHARACTERS:
            raise InputError(
                f"wanted phrases of at most {MOST_CHARACTERS:,} characters together, got more from "
                f"{where} on; leave out those that nobody says here"
            )
        found[phrase] = max(found.get(phrase, 0.0), bonus if own is None else own)
    if not found:
        raise InputError(f"wanted phrases in {path}, one a line, got none; write some")
    if twice:
        warn(
            f"{path} has {len(twice):,} phrases more than once, {_shown(twice[0])} first; each "
            "counts once, with its largest bonus"
        )
    return [Phrase(text, nats) for text, nats in found.items()]


def _fields(line: str, where: str) -> tuple[str, float | None]:
    """The phrase of a line, and its own bonus if it has one."""
    text, *rest = line.split("\t")
    rest = [field.strip() for field in rest if field.strip()]
    if not rest:
        return text, None
    try:
        (number,) = rest
        bonus = float(number)
    except ValueError:
        raise InputError(
            f"wanted a phrase, or a phrase, a tab and a number, in {where}, got {_shown(line)}; "
            "separate words by spaces"
        ) from None
    check_bonus(bonus, f" in {where}")
    return text, bonus


def _written(text: str, speller: Speller, where: str) -> str:
    """The phrase as the model writes it; InputError where it cannot."""
    phrase = speller.adapt(text)
    if len(phrase) > MOST_LONG:
        raise InputError(
            f"wanted phrases of at most {MOST_LONG:,} characters, got {len(phrase):,} in {where}; "
            "list its parts"
        )
    words = phrase.split()
    if len(words) > 1 and not speller.separates:
        raise InputError(
            f"wanted phrases of one word, which is all that the model writes, got {_shown(phrase)} "
            f"in {where}; list its words"
        )
    for word in words:
        if not speller.can_spell(word):
            unknown = sorted(set(word) - speller.alphabet) or [word]
            raise InputError(
                f"wanted phrases that the model's tokens can spell, got {unknown[0]!r} of "
                f"{_shown(phrase)} in {where}; write it in the model's letters"
            )
    if not words:
        raise InputError(f"wanted a phrase in {where}, got {_shown(text)}; write one or nothing")
    return phrase


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
