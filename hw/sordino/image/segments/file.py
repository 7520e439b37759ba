"""A segment in a file (.segment).

A file begins with 48 bytes: the magic `SORDSEG` and a zero byte, the format's number (4 bytes), the
length of the file (4 bytes), a CRC-32 of the file with these four bytes zero, the configuration id
(4 bytes), and the lengths of the parts (4 bytes each). The parts follow without gaps: a JSON object
with `name`, `image`, `non_zeros` and `padding`; the directory and the tables, packed as in an image
(`sordino.image.packing`); parameters; the streams of each group; the streams of each lane.

All numbers are little endian. `ImageError` refuses any flipped bit and any missing end.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from struct import error as StructError
from zlib import crc32

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.errors import InputError
from sordino.image.bits import BitsError
from sordino.image.image import ImageError
from sordino.image.packing import (
    pack_directory,
    pack_tables,
    unpack_directory,
    unpack_tables,
)
from sordino.image.segments.segment import Segment
from sordino.isa.encoding import EncodingError
from sordino.isa.parameters import PARAMETER_BYTES
from sordino.schema.kinds import TEXT, Many, Whole
from sordino.schema.record import Record, declare
from sordino.schema.text import parse_json

__all__ = ["from_bytes", "load_segment", "to_bytes"]

MAGIC = b"SORDSEG\0"
FORMAT = 1
_HEADER = Struct("<8s10I")
_CRC = Struct("<I")
_CRC_OFFSET = 16
_STREAM_BYTES = STREAM_WORD_BITS // 8
_HEAD_BYTES = 1 << 16
"""The most of a file's JSON, beside what is said of each matrix."""
_COUNT_BYTES = 32
"""The most that two numbers of a matrix take in JSON."""
_NUMBER_BYTES = 8
"""The most that a Golomb number takes."""
_SYMBOL_BYTES = 5 * _NUMBER_BYTES
_PARTS = ("JSON", "a directory", "tables", "parameters", "position streams", "value streams")
_COUNTS = Many(Whole(0, (1 << 32) - 1), "whole numbers")


@dataclass(frozen=True, kw_only=True)
class _Head(Record):
    """What a segment's file says in JSON."""

    name: str = declare(TEXT, "name of the room")
    image: str = declare(TEXT, "digest of the image that the room is in")
    non_zeros: tuple[int, ...] = declare(_COUNTS, "weights of each matrix that are not 0")
    padding: tuple[int, ...] = declare(_COUNTS, "padding places of each matrix")


def to_bytes(segment: Segment, config: Config) -> bytes:
    """The file of a segment for machines of this configuration."""
    head = _Head(
        name=segment.name,
        image=segment.image,
        non_zeros=segment.non_zeros,
        padding=segment.padding,
    )
    parts = (
        json.dumps(head.as_dict(), sort_keys=True, separators=(",", ":")).encode(),
        pack_directory(segment.matrices, config),
        pack_tables(segment.tables),
        segment.parameters,
        b"".join(segment.positions),
        b"".join(segment.values),
    )
    sizes = [len(part) for part in parts]
    length = _HEADER.size + sum(sizes)
    made = bytearray(_HEADER.pack(MAGIC, FORMAT, length, 0, config.id, *sizes) + b"".join(parts))
    _CRC.pack_into(made, _CRC_OFFSET, crc32(made))
    return bytes(made)


def load_segment(path: str | Path, config: Config) -> Segment:
    """Read and check a segment's file; ImageError says what is wrong."""
    try:
        with Path(path).open("rb") as file:
            contents = file.read(_HEADER.size + sum(_most(config)) + 1)
    except OSError as error:
        raise ImageError(f"cannot read segment {path}: {error.strerror}") from None
    try:
        return from_bytes(contents, config)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None


def from_bytes(contents: bytes, config: Config) -> Segment:
    """Parse and check every byte of a file; ImageError says what is wrong."""
    head, directory, tables, parameters, positions, values = _parts(contents, config)
    try:
        said = _Head.read(parse_json(head.decode()), "the segment's", remedy="compile it again")
        matrices = unpack_directory(directory, config)
        segment = Segment(
            name=said.name,
            image=said.image,
            matrices=matrices,
            positions=_split(positions, [m.position_bits for m in matrices], config.groups),
            values=_split(values, [m.value_bits for m in matrices], config.lanes),
            parameters=parameters,
            tables=unpack_tables(tables),
            non_zeros=said.non_zeros,
            padding=said.padding,
        )
    except (InputError, EncodingError, BitsError, StructError, ValueError, RecursionError) as error:
        raise ImageError(str(error)) from None
    return segment


def _most(config: Config) -> tuple[int, ...]:
    """The most bytes that each part of a file has for a machine, with all of its memories."""
    entry = 2 * config.groups + config.lanes + 6  # three lists, each with two numbers more
    return (
        _HEAD_BYTES + _COUNT_BYTES * config.matrices,
        _NUMBER_BYTES * (1 + config.matrices * entry),
        _NUMBER_BYTES + config.tables * (_NUMBER_BYTES + _SYMBOL_BYTES * config.states),
        PARAMETER_BYTES * config.parameter_words,
        _STREAM_BYTES * config.group_words * config.groups,
        _STREAM_BYTES * config.lane_words * config.lanes,
    )


def _parts(contents: bytes, config: Config) -> list[bytes]:
    """The parts of a file whose header and CRC are right; ImageError for any other."""
    if len(contents) < _HEADER.size or contents[: len(MAGIC)] != MAGIC:
        raise ImageError(
            f"not a segment ({len(contents)} bytes, begins {contents[:8]!r}); compile one"
        )
    _, number, length, crc, config_id, *sizes = _HEADER.unpack_from(contents)
    if number != FORMAT:
        raise ImageError(
            f"segment format {number}, this version reads {FORMAT}; compile the segment again"
        )
    if not length == len(contents) == _HEADER.size + sum(sizes):
        raise ImageError(f"segment should have {length} bytes, the file has {len(contents)}")
    blank = bytearray(contents)
    _CRC.pack_into(blank, _CRC_OFFSET, 0)
    if crc32(blank) != crc:
        raise ImageError("segment is corrupt (CRC-32 differs); copy or compile it again")
    if config_id != config.id:
        raise ImageError(
            f"wanted a segment for configuration {config.id:#010x}, got one for "
            f"{config_id:#010x}; compile it for this machine"
        )
    found, at = [], _HEADER.size
    for part, size, most in zip(_PARTS, sizes, _most(config), strict=True):
        if size > most:
            raise ImageError(
                f"wanted {part} of {most:,} bytes at most, which is what the machine can hold, got "
                f"{size:,}; compile the segment against the image"
            )
        found.append(contents[at : at + size])
        at += size
    return found


def _split(contents: bytes, lengths: list[tuple[int, ...]], units: int) -> tuple[bytes, ...]:
    """Each unit's streams."""
    found, at = [], 0
    for unit in range(units):
        bits = sum(length[unit] for length in lengths)
        size = _STREAM_BYTES * -(-bits // STREAM_WORD_BITS)
        found.append(contents[at : at + size])
        at += size
    if at != len(contents):
        raise ImageError(f"directory counts {at} bytes of streams, the part has {len(contents)}")
    return tuple(found)
