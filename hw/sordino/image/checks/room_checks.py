"""Whether rooms for segments lie behind what the image holds for itself, and apart."""

from itertools import pairwise

from sordino.arch import STREAM_WORD_BITS
from sordino.image.image import Image, ImageError
from sordino.image.rooms import LOAD_BITS, Fixed, starts, stored_words
from sordino.isa.parameters import PARAMETER_BYTES

__all__ = ["check_contents", "check_rooms", "room_words"]

_HALVES = LOAD_BITS // STREAM_WORD_BITS
"""Stream words in a word that a host loads."""


def room_words(image: Image, *, values: bool) -> int:
    """16-bit words of every group's, or every lane's, stream memory up to the last room's end."""
    ends = [sum(room.values if values else room.positions) for room in image.rooms]
    return _HALVES * max(ends, default=0)


def check_rooms(image: Image) -> None:
    """Raise ImageError unless each room has places of its own, behind the image's."""
    if not image.rooms:
        return
    numbers = sorted(room.number for room in image.rooms)
    if len(set(numbers)) < len(numbers):
        raise ImageError(
            f"wanted segments with numbers of their own, got {numbers}; compile the model again"
        )
    for name, room in image.host.segments.items():
        if room.filled and not (room.matrices[1] or room.parameters[1] or room.tables[1]):
            raise ImageError(
                f"wanted something in segment {name}, which is filled, got an empty room; compile "
                "the model again"
            )
    for kind, size in (
        ("matrices", len(image.matrices)),
        ("parameters", len(image.parameters) // PARAMETER_BYTES),
        ("tables", len(image.tables)),
    ):
        _check_last(image, kind, size)
    own = Fixed(image)
    for kind, units in (("positions", image.config.groups), ("values", image.config.lanes)):
        values = kind == "values"
        end = max(stored_words(own, values=values, unit=unit) for unit in range(units))
        _check_apart(image, kind, -(-end // _HALVES))
    for number, matrix in enumerate(image.matrices):
        if matrix.streamed and any(room.has_matrix(number) for room in image.rooms):
            raise ImageError(
                f"wanted the matrices of segments in the machine's own memories, got matrix "
                f"{number} in external memory; compile the model again"
            )


def check_contents(image: Image) -> None:
    """Raise ImageError for streams that leave their room, or are in one that is not filled."""
    if image.rooms:
        for values, memories in ((False, image.positions), (True, image.values)):
            for unit, memory in enumerate(memories):
                _check_memory(image, memory, values=values, unit=unit)


def _ranges(image: Image, kind: str) -> list[tuple[int, int, str]]:
    """First, end and name of each room's range of one kind, in order; empty ones left out."""
    ranges = ((name, getattr(room, kind)) for name, room in image.host.segments.items())
    return sorted((first, first + count, name) for name, (first, count) in ranges if count)


def _check_apart(image: Image, kind: str, own: int) -> None:
    """Raise ImageError where two rooms overlap, or one begins before `own`, the image's end."""
    placed = [(0, own, "the image itself"), *_ranges(image, kind)]
    for (_, end, before), (first, _, name) in pairwise(placed):
        if first < end:
            raise ImageError(
                f"wanted the {kind} of segment {name} from {end:,} on, behind those of {before}, "
                f"got {first:,}; compile the model again"
            )


def _check_last(image: Image, kind: str, size: int) -> None:
    """Raise ImageError unless the rooms have the last ones of `size`, all from the first on."""
    ranges = _ranges(image, kind)
    if not ranges:
        return
    _check_apart(image, kind, ranges[0][0])
    taken = sum(end - first for first, end, _ in ranges)
    if ranges[-1][1] != size or taken != size - ranges[0][0]:
        raise ImageError(
            f"wanted the last of {size:,} {kind} in segments, got {ranges[0][0]:,} to "
            f"{ranges[-1][1] - 1:,} with {taken:,} of them; compile the model again"
        )


def _check_memory(image: Image, memory: bytes, *, values: bool, unit: int) -> None:
    """Raise ImageError for what `check_contents` refuses in the memory of a group or a lane."""
    first_bits = starts(image, values=values, unit=unit)
    where = f"lane {unit}" if values else f"group {unit}"
    used = [(0, stored_words(Fixed(image), values=values, unit=unit))]
    for name, room in image.host.segments.items():
        begin, words = room.values if values else room.positions
        end = LOAD_BITS * begin
        for number in range(room.matrices[0], sum(room.matrices)):
            matrix = image.matrices[number]
            bits = (matrix.value_bits if values else matrix.position_bits)[unit]
            end = max(end, first_bits[number] + bits)
            if not room.filled and (bits or any(matrix.places)):
                raise ImageError(
                    f"wanted no contents in segment {name}, which is not filled, got {bits} bits "
                    f"of matrix {number}; compile the model again"
                )
        if end > LOAD_BITS * (begin + words):
            raise ImageError(
                f"wanted streams of segment {name} in {words:,} words of {where}, got "
                f"{-(-end // LOAD_BITS) - begin:,}; compile the model with more room for it"
            )
        used.append((_HALVES * begin, -(-end // STREAM_WORD_BITS)))
    for (_, end), (first, _) in pairwise(sorted(used)):
        gap = memory[STREAM_WORD_BITS // 8 * end : STREAM_WORD_BITS // 8 * first]
        if any(gap):
            raise ImageError(
                f"wanted zeros between the streams of {where}, got others from word {end:,} on; "
                "compile the model again"
            )
