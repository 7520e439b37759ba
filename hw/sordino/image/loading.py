"""Loading an image: which words go to which memory, in the order in which hosts write them.

Every host (driver, compiled engine, testbenches) takes the words from here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import pack
from zlib import crc32

from sordino.image.external import directory_words
from sordino.image.image import Image
from sordino.isa.instruction import Instruction
from sordino.isa.registers import LoadTarget

__all__ = ["WORD_BYTES", "LoadSection", "load_sections"]

WORD_BYTES = 4
"""Bytes of one word in register LOAD_DATA."""


@dataclass(frozen=True)
class LoadSection:
    """Words for one unit of one target, from 32-bit word `address` of its memory on.

    `words` are 32-bit little-endian words as LOAD_DATA takes them, at least one; those of POSITIONS
    and VALUES hold two 16-bit stream words, lower address first, the last one padded with 0.
    """

    target: LoadTarget
    unit: int
    words: bytes
    address: int = 0

    @property
    def crc(self) -> int:
        """What LOAD_CHECK expects after the section: CRC-32 of `words`."""
        return crc32(self.words)

    def __iter__(self) -> Iterator[int]:
        """The words as integers, in the order of their addresses."""
        for at in range(0, len(self.words), WORD_BYTES):
            yield int.from_bytes(self.words[at : at + WORD_BYTES], "little")


def load_sections(image: Image) -> Iterator[LoadSection]:
    """Everything a machine needs before START: targets in the order of LoadTarget, PROGRAM last.

    So a machine without a checked program, as after reset, does not start before all is there.
    Empty sections are left out: nothing of a memory that they would have filled is ever read.
    """
    for target, unit, words in _contents(image):
        if words:
            yield LoadSection(target, unit, words + bytes(-len(words) % WORD_BYTES))


def _contents(image: Image) -> Iterator[tuple[LoadTarget, int, bytes]]:
    yield LoadTarget.PARAMETERS, 0, image.parameters
    yield LoadTarget.TABLES, 0, image.expanded_tables()
    for group in range(image.config.groups):
        start, words = 0, b""
        for matrix in image.matrices:
            words += pack("<II", start, matrix.places[group])
            start += 0 if matrix.streamed else matrix.position_bits[group]
        yield LoadTarget.GROUP_DIRECTORY, group, words
    for lane in range(image.config.lanes):
        start, words = 0, b""
        for matrix in image.matrices:
            words += pack("<I", start)
            start += 0 if matrix.streamed else matrix.value_bits[lane]
        yield LoadTarget.LANE_DIRECTORY, lane, words
    for group, stream in enumerate(image.positions):
        yield LoadTarget.POSITIONS, group, stream
    for lane, stream in enumerate(image.values):
        yield LoadTarget.VALUES, lane, stream
    if image.config.stream_bus:
        for number, words in enumerate(directory_words(image)):
            yield LoadTarget.EXTERNAL_DIRECTORY, number, words
    program = (instruction.encode() for instruction in image.program)
    yield (
        LoadTarget.PROGRAM,
        0,
        b"".join(word.to_bytes(Instruction.BYTES, "little") for word in program),
    )
