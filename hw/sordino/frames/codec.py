"""Frames as bytes, for hosts and for tests: written whole, understood as they come."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

from amaranth.lib import data

from sordino.frames.format import CRC_RESIDUE, ESCAPE, FLAG, FLIP, MOST_WORDS, OVERHEAD_WORDS

__all__ = ["Decoder", "encode", "pack", "unpack"]

_WORD = 4
_FLAG, _ESCAPE = bytes((FLAG,)), bytes((ESCAPE,))
_SPECIAL = re.compile(b"[%s]" % re.escape(_FLAG + _ESCAPE))
_ESCAPED = re.compile(re.escape(_ESCAPE) + b"(.?)", re.DOTALL)
_LONGEST = 2 * _WORD * (MOST_WORDS + OVERHEAD_WORDS)
"""Bytes of a frame on the line at most, all of them escaped; its flags are not counted."""


def pack(layout: type[data.Struct], **values: Any) -> int:
    """The word of a header; fields that are not named are 0."""
    return int(layout.const(values).as_bits())


def unpack(layout: type[data.Struct], word: int) -> Any:
    """A header's fields, as attributes; ValueError for an enumeration's value without a name."""
    return layout.from_bits(word)


def encode(words: Sequence[int]) -> bytes:
    """A frame of words as it goes onto the line, flags and CRC included."""
    body = b"".join(word.to_bytes(_WORD, "little") for word in words)
    body += crc32(body).to_bytes(_WORD, "little")
    return _FLAG + _SPECIAL.sub(lambda at: bytes((ESCAPE, at[0][0] ^ FLIP)), body) + _FLAG


class Decoder:
    """Frames out of bytes that come in pieces, among noise.

    Attributes
    ----------
    dropped
        How many pieces between flags were no frame.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._rest = bytearray()
        self._begun = False
        """A flag has come: what follows may be a frame."""

    def push(self, received: bytes) -> Iterator[list[int]]:
        """The words, without the CRC, of all frames that end within `received`."""
        first, *others = received.split(_FLAG)
        self._keep(first)
        for piece in others:
            if words := self._finished():
                yield words
            self._begun = True
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        """Hold bytes of the frame in progress, up to one more than a frame has."""
        self._rest += piece[: max(_LONGEST + 1 - len(self._rest), 0)]

    def _finished(self) -> list[int]:
        """The words of the piece that a flag has ended; none where it is no frame."""
        coded, self._rest = bytes(self._rest), bytearray()
        if not coded and self._begun:
            return []
        words = _words(coded) if self._begun else []
        self.dropped += not words
        return words


def _words(coded: bytes) -> list[int]:
    """The words between two flags, without the CRC; none where they are no frame."""
    if len(coded) > _LONGEST or any(at in (b"", _ESCAPE) for at in _ESCAPED.findall(coded)):
        return []
    body = _ESCAPED.sub(lambda at: bytes((at[1][0] ^ FLIP,)), coded)
    most = _LONGEST // 2
    if len(body) % _WORD or not _WORD * OVERHEAD_WORDS <= len(body) <= most:
        return []
    if crc32(body) ^ 0xFFFF_FFFF != CRC_RESIDUE:
        return []
    whole = range(0, len(body) - _WORD, _WORD)
    return [int.from_bytes(body[at : at + _WORD], "little") for at in whole]
