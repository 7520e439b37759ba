"""Loading an image: which words go to which memory, in the order in which hosts write them.

Every host (driver, compiled engine, testbenches) takes the words from here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import pack
from zlib import crc32

from sordino.arch import STREAM_WORD_BITS
from sordino.image.external import directory_words
from sordino.image.image import Image
from sordino.image.rooms import Fixed, starts, stored_words
from sordino.isa.instruction import Instruction
from sordino.isa.registers import LoadTarget

__all__ = ["WORD_BYTES", "LoadSection", "group_directory", "lane_directory", "load_sections"]

WORD_BYTES = 4
"""Bytes of one word in register LOAD_DATA."""
STREAM_WORD_BYTES = STREAM_WORD_BITS // 8


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
    def chosen(self) -> int:
        """What a host writes to LOAD_TARGET: target and unit."""
        return self.target.value | self.unit << 16

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
    Empty sections are left out: nothing of a memory that they would have filled is ever read. So
    are streams of segments, which `sordino.image.segments.segment` gives.
    """
    for target, unit, words in _contents(image):
        if words:
            yield LoadSection(target, unit, words + bytes(-len(words) % WORD_BYTES))


def group_directory(image: Image, group: int, matrices: slice) -> bytes:
    """The words of GROUP_DIRECTORY of some matrices: first bit and places of each."""
    first = starts(image, values=False, unit=group)[matrices]
    entries = zip(first, image.matrices[matrices], strict=True)
    return b"".join(pack("<II", start, matrix.places[group]) for start, matrix in entries)


def lane_directory(image: Image, lane: int, matrices: slice) -> bytes:
    """The words of LANE_DIRECTORY of some matrices: the first bit of each."""
    first = starts(image, values=True, unit=lane)[matrices]
    return b"".join(pack("<I", start) for start in first)


def _contents(image: Image) -> Iterator[tuple[LoadTarget, int, bytes]]:
    yield LoadTarget.PARAMETERS, 0, image.parameters
    yield LoadTarget.TABLES, 0, image.expanded_tables()
    everything = slice(0, len(image.matrices))
    for group in range(image.config.groups):
        yield LoadTarget.GROUP_DIRECTORY, group, group_directory(image, group, everything)
    for lane in range(image.config.lanes):
        yield LoadTarget.LANE_DIRECTORY, lane, lane_directory(image, lane, everything)
    own = Fixed(image)
    for group, stream in enumerate(image.positions):
        end = STREAM_WORD_BYTES * stored_words(own, values=False, unit=group)
        yield LoadTarget.POSITIONS, group, stream[:end]
    for lane, stream in enumerate(image.values):
        end = STREAM_WORD_BYTES * stored_words(own, values=True, unit=lane)
        yield LoadTarget.VALUES, lane, stream[:end]
    if image.config.stream_bus:
        for number, words in enumerate(directory_words(image)):
            yield LoadTarget.EXTERNAL_DIRECTORY, number, words
    program = (instruction.encode() for instruction in image.program)
    yield (
        LoadTarget.PROGRAM,
        0,
        b"".join(word.to_bytes(Instruction.BYTES, "little") for word in program),
    )
