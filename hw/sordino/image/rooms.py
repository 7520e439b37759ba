"""Rooms: parts of a machine's memories that a host fills again while the rest stays loaded.

A room is what an image keeps for one segment: matrices with their streams, parameters and decoder
tables. In every memory the rooms lie behind all that the image holds for itself, so that one bound
for each load target tells what a segment may write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.image.packing import MatrixStreams
from sordino.image.tans import ENTRY_BYTES
from sordino.isa.fields import SEGMENTS
from sordino.isa.parameters import PARAMETER_BYTES
from sordino.isa.registers import LoadTarget
from sordino.schema.kinds import Many, Whole
from sordino.schema.record import Record, declare

__all__ = [
    "LOAD_BITS",
    "NOTHING",
    "Fixed",
    "Roomy",
    "SegmentRoom",
    "bounds",
    "checked_mask",
    "room_of",
    "starts",
]
__all__ += ["stored_words"]

LOAD_BITS = 32
"""Bits of a word that a host loads; a room's streams begin at such a word."""
NOTHING = (1 << 26) - 1
"""The bound of a target of which segments may write nothing."""
_RANGE = Many(Whole(0, (1 << 32) - 1), "whole numbers", 2)
_LOAD_BYTES = LOAD_BITS // 8


@dataclass(frozen=True, kw_only=True)
class SegmentRoom(Record):
    """What an image keeps for one segment. A range is its first one and how many there are."""

    number: int = declare(Whole(0, SEGMENTS - 1), "the segment's number in the machine")
    filled: int = declare(Whole(0, 1), "1: the image holds contents, which a host loads with it")
    matrices: tuple[int, int] = declare(_RANGE, "its matrices")
    positions: tuple[int, int] = declare(
        _RANGE, "32-bit words of every group's position memory for their streams"
    )
    values: tuple[int, int] = declare(
        _RANGE, "32-bit words of every lane's value memory for their streams"
    )
    parameters: tuple[int, int] = declare(_RANGE, "its 128-bit words of parameter memory")
    tables: tuple[int, int] = declare(_RANGE, "its decoder tables")

    def has_matrix(self, matrix: int) -> bool:
        """Whether a matrix is one of the room's."""
        first, count = self.matrices
        return first <= matrix < first + count


class Roomy(Protocol):
    """What has a directory, and perhaps rooms."""

    @property
    def matrices(self) -> tuple[MatrixStreams, ...]:
        """The directory."""

    @property
    def rooms(self) -> Sequence[SegmentRoom]:
        """The rooms for segments."""


def checked_mask(rooms: Sequence[SegmentRoom]) -> int:
    """A bit for each segment that an image has contents for, as register SEGMENT_CHECKED."""
    return sum(1 << room.number for room in rooms if room.filled)


class Fixed:
    """The directory of what an image holds for itself: that of matrices in no room."""

    rooms: tuple[SegmentRoom, ...] = ()

    def __init__(self, image: Roomy) -> None:
        kept = (m for n, m in enumerate(image.matrices) if room_of(image.rooms, n) is None)
        self.matrices = tuple(kept)


def room_of(rooms: Sequence[SegmentRoom], matrix: int) -> SegmentRoom | None:
    """The room that has a matrix, or None for one that belongs to the image itself."""
    return next((room for room in rooms if room.has_matrix(matrix)), None)


def starts(image: Roomy, *, values: bool, unit: int) -> list[int]:
    """The first bit of every matrix's stream in the memory of a group, or with `values` of a lane.

    Streams follow each other without gaps; a room's begin where the room does. Streamed matrices
    take no bits.
    """
    found = []
    ends: dict[int | None, int] = {None: 0}
    for number, matrix in enumerate(image.matrices):
        room = room_of(image.rooms, number)
        key = None if room is None else room.number
        if room is not None and key not in ends:
            ends[key] = LOAD_BITS * (room.values if values else room.positions)[0]
        found.append(ends[key])
        if not matrix.streamed:
            ends[key] += (matrix.value_bits if values else matrix.position_bits)[unit]
    return found


def stored_words(image: Roomy, *, values: bool, unit: int) -> int:
    """16-bit words of the memory of a group, or of a lane, up to the end of its last stream."""
    end = 0
    for matrix, first in zip(image.matrices, starts(image, values=values, unit=unit), strict=True):
        bits = (matrix.value_bits if values else matrix.position_bits)[unit]
        if bits and not matrix.streamed:
            end = max(end, first + bits)
    return -(-end // STREAM_WORD_BITS)


def bounds(rooms: Sequence[SegmentRoom], config: Config) -> Mapping[LoadTarget, int]:
    """The first 32-bit word that segments may write, for each load target; NOTHING for none."""
    found = dict.fromkeys(LoadTarget, NOTHING)
    for room in rooms:
        matrix, words = room.matrices
        for target, first, count in (
            (LoadTarget.PARAMETERS, room.parameters[0] * (PARAMETER_BYTES // _LOAD_BYTES),
             room.parameters[1]),
            (LoadTarget.TABLES, room.tables[0] * config.states * (ENTRY_BYTES // _LOAD_BYTES),
             room.tables[1]),
            (LoadTarget.GROUP_DIRECTORY, 2 * matrix, words),
            (LoadTarget.LANE_DIRECTORY, matrix, words),
            (LoadTarget.POSITIONS, *room.positions),
            (LoadTarget.VALUES, *room.values),
        ):  # fmt: skip
            if count:
                found[target] = min(found[target], first)
    return found
