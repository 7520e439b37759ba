"""Letters whose English names sound alike, for phrases that are spelled."""

from collections.abc import Sequence

__all__ = ["GROUPS", "sound", "sounds_alike"]

GROUPS = ("BCDEGPTVZ", "AHJK", "FMNSX", "IY", "QU")
_SOUNDS = {letter: group[0] for group in GROUPS for letter in group}
_SOUNDS |= {letter.lower(): group.lower() for letter, group in _SOUNDS.items()}


def sounds_alike(word: str) -> bool:
    """Whether a word is a letter that others sound like."""
    return word in _SOUNDS


def sound(words: Sequence[str]) -> tuple[str, ...]:
    """The words, where each letter that stands alone is the first one of its group."""
    return tuple(_SOUNDS.get(word, word) for word in words)
