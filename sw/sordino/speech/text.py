"""From a model's tokens to words."""

from collections.abc import Iterable

__all__ = ["WORD_MARK", "plain", "spell"]

WORD_MARK = "▁"
"""What sentencepiece writes for the space before a word."""


def plain(token: str) -> str:
    """A token's characters, its word marks as spaces."""
    return token.replace(WORD_MARK, " ")


def spell(tokens: Iterable[str]) -> str:
    """The words that tokens spell, characters or word pieces; single spaces between them."""
    return " ".join(plain("".join(tokens)).split())
