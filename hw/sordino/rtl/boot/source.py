"""Word sources: memories on a board that are read from an address on, one word after another."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.image.boot import MOST_WORDS

__all__ = ["SOURCE_ADDRESS_BITS", "SourceRead", "SourceSignature"]

SOURCE_ADDRESS_BITS = 24
"""Bits of a byte address: three bytes, which every SPI flash understands."""


class SourceRead(data.Struct):
    """Read `words` words of 32 bits, at least one, from byte `address` on, a multiple of 4."""

    address: SOURCE_ADDRESS_BITS
    words: range(MOST_WORDS + 2)


class SourceSignature(wiring.Signature):
    """A memory that is read word by word (`Out` at the reader).

    Members
    -------
    command
        What to read. The next command is taken once all words of this one are.
    words
        The words, in order; the byte at the lowest address is in bits 7 to 0.
    """

    def __init__(self) -> None:
        super().__init__(
            {"command": Out(stream.Signature(SourceRead)), "words": In(stream.Signature(32))}
        )
