"""Segments: contents for a room of an image, which a host loads beside a running program."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from struct import pack
from zlib import crc32

from sordino.arch import STREAM_WORD_BITS
from sordino.errors import InputError
from sordino.image.checks.verify import verify
from sordino.image.external import Streams
from sordino.image.image import Image, ImageError
from sordino.image.loading import WORD_BYTES, LoadSection, group_directory, lane_directory
from sordino.image.packing import MatrixStreams, pack_directory, pack_tables
from sordino.image.rooms import Fixed, SegmentRoom, starts, stored_words
from sordino.image.tans import ENTRY_BYTES, Symbol, expanded_bytes
from sordino.isa.instruction import Instruction
from sordino.isa.parameters import PARAMETER_BYTES
from sordino.isa.registers import LoadTarget

__all__ = [
    "Segment",
    "filled_sections",
    "fixed_digest",
    "place_streams",
    "room",
    "segment_crc",
    "segment_of",
]
__all__ += ["segment_sections", "with_segment", "without_segment"]

_WORD_BYTES = STREAM_WORD_BITS // 8


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Contents of one room.

    name        of the room
    image       `fixed_digest` of the image that the room is in
    matrices    their directory entries
    positions   for each group the streams of these matrices, from bit 0 on, as 16-bit words
    values      the same for each lane
    parameters  words of parameter memory
    tables      decoder tables
    non_zeros, padding  of each matrix, as in the host section
    """

    name: str
    image: str
    matrices: tuple[MatrixStreams, ...]
    positions: tuple[bytes, ...]
    values: tuple[bytes, ...]
    parameters: bytes
    tables: tuple[tuple[Symbol, ...], ...]
    non_zeros: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()


def room(image: Image, name: str) -> SegmentRoom:
    """The room of that name; InputError if the image has none."""
    if name not in image.host.segments:
        known = ", ".join(image.host.segments) or "none"
        raise InputError(f"wanted a segment of the image, got {name!r}; it has {known}")
    return image.host.segments[name]


def fixed_digest(image: Image) -> str:
    """SHA-256, in hexadecimal, of all that an image holds for itself, its rooms' places included.

    Two images with the same digest differ in nothing but what is in their rooms.
    """
    rooms, own = image.rooms, Fixed(image)
    streams = [
        memory[: _WORD_BYTES * stored_words(own, values=values, unit=unit)]
        for values, memories in ((False, image.positions), (True, image.values))
        for unit, memory in enumerate(memories)
    ]
    ends = {
        kind: min((getattr(r, kind)[0] for r in rooms if getattr(r, kind)[1]), default=None)
        for kind in ("parameters", "tables")
    }
    first = ends["parameters"]
    parts = [
        pack("<I", image.config.id),
        *(i.encode().to_bytes(Instruction.BYTES, "little") for i in image.program),
        image.parameters[: None if first is None else first * PARAMETER_BYTES],
        pack_tables(image.tables[: ends["tables"]]),
        pack_directory(own.matrices, image.config),
        *streams,
        image.external,
        repr(sorted(image.entries.items())).encode(),
        *(
            repr((name, r.changed(filled=0).as_dict())).encode()
            for name, r in sorted(image.host.segments.items())
        ),
    ]
    hashed = sha256()
    for part in parts:
        hashed.update(pack("<Q", len(part)) + part)
    return hashed.hexdigest()


def segment_of(image: Image, name: str) -> Segment:
    """The contents that an image holds for a room; InputError where there are none."""
    its = room(image, name)
    if not its.filled:
        raise InputError(f"wanted an image with contents for {name}, got none; load them first")
    first, count = its.matrices
    begin, words = its.parameters
    table, tables = its.tables
    host = image.host
    return Segment(
        name=name,
        image=fixed_digest(image),
        matrices=image.matrices[first : first + count],
        positions=tuple(
            _cut(memory, its.positions[0], image, its, values=False, unit=unit)
            for unit, memory in enumerate(image.positions)
        ),
        values=tuple(
            _cut(memory, its.values[0], image, its, values=True, unit=unit)
            for unit, memory in enumerate(image.values)
        ),
        parameters=image.parameters[begin * PARAMETER_BYTES : (begin + words) * PARAMETER_BYTES],
        tables=image.tables[table : table + tables],
        non_zeros=host.non_zeros[first : first + count],
        padding=host.padding[first : first + count],
    )


def _cut(
    memory: bytes, first: int, image: Image, its: SegmentRoom, *, values: bool, unit: int
) -> bytes:
    """A room's words of one memory."""
    lengths = image.matrices[its.matrices[0] : sum(its.matrices)]
    bits = sum((m.value_bits if values else m.position_bits)[unit] for m in lengths)
    begin = first * WORD_BYTES
    return memory[begin : begin + _WORD_BYTES * -(-bits // STREAM_WORD_BITS)]


def with_segment(image: Image, segment: Segment) -> Image:
    """The image with other contents of one room, verified.

    It is what a machine holds that has loaded both. Raises InputError for a segment of another
    image, ImageError for contents that do not fit the room or that the program must not use.
    """
    its = room(image, segment.name)
    if segment.image != fixed_digest(image):
        raise InputError(
            f"wanted a segment {segment.name} for this image, got one for another; compile the "
            "segment against it"
        )
    made = _filled(image, segment, its)
    verify(made)
    return made


def without_segment(image: Image, name: str) -> Image:
    """The image without contents of a room: nothing that uses the room runs."""
    its = room(image, name)
    nothing = MatrixStreams(
        (0,) * image.config.groups, (0,) * image.config.groups, (0,) * image.config.lanes
    )
    count, words, tables = its.matrices[1], its.parameters[1], its.tables[1]
    host = image.host
    empty = Segment(
        name=name,
        image="",
        matrices=(nothing,) * count,
        positions=(b"",) * image.config.groups,
        values=(b"",) * image.config.lanes,
        parameters=bytes(words * PARAMETER_BYTES),
        tables=((Symbol(0, 0, image.config.states),),) * tables,
        non_zeros=(0,) * count if host.non_zeros else (),
        padding=(0,) * count if host.padding else (),
    )
    return _filled(image, empty, its.changed(filled=0))


def _filled(image: Image, segment: Segment, its: SegmentRoom) -> Image:
    """The image with a room's new contents; ImageError where their sizes are not the room's."""
    host = image.host
    first, count = its.matrices
    begin, _ = its.parameters
    table, tables = its.tables
    _check_sizes(image, segment, its)
    at = begin * PARAMETER_BYTES
    rooms = {**host.segments, segment.name: its.changed(filled=int(bool(segment.image)))}
    counts = {
        name: (*old[:first], *getattr(segment, name), *old[first + count :])
        for name in ("non_zeros", "padding")
        if (old := getattr(host, name))
    }
    return replace(
        image,
        matrices=(*image.matrices[:first], *segment.matrices, *image.matrices[first + count :]),
        tables=(*image.tables[:table], *segment.tables, *image.tables[table + tables :]),
        parameters=image.parameters[:at]
        + segment.parameters
        + image.parameters[at + len(segment.parameters) :],
        positions=_placed(image, segment, its, image.positions, segment.positions, values=False),
        values=_placed(image, segment, its, image.values, segment.values, values=True),
        host=host.changed(segments=rooms, **counts),
    )


def _check_sizes(image: Image, segment: Segment, its: SegmentRoom) -> None:
    """Raise ImageError for contents of other sizes than the room's, or than they say themselves."""
    config, host, (_, count) = image.config, image.host, its.matrices
    sizes = [
        ("matrices", len(segment.matrices), count),
        ("words of parameters", len(segment.parameters) / PARAMETER_BYTES, its.parameters[1]),
        ("decoder tables", len(segment.tables), its.tables[1]),
        ("groups", len(segment.positions), config.groups),
        ("lanes", len(segment.values), config.lanes),
        ("counts of weights", len(segment.non_zeros), count if host.non_zeros else 0),
        ("counts of padding", len(segment.padding), count if host.padding else 0),
    ]
    for kind, streams in (("position", segment.positions), ("value", segment.values)):
        lengths = [getattr(matrix, f"{kind}_bits") for matrix in segment.matrices]
        for unit, (stream, *bits) in enumerate(zip(streams, *lengths, strict=False)):
            size = _WORD_BYTES * -(-sum(bits) // STREAM_WORD_BITS)
            sizes.append((f"bytes of {kind} streams {unit}", len(stream), size))
    for what, found, wanted in sizes:
        if found != wanted:
            raise ImageError(
                f"wanted {wanted} {what} in segment {segment.name}, got {found:g}; compile the "
                "segment against this image"
            )


def _placed(
    image: Image,
    segment: Segment,
    its: SegmentRoom,
    memories: Sequence[bytes],
    streams: Sequence[bytes],
    *,
    values: bool,
) -> tuple[bytes, ...]:
    """Stream memories with the streams of one room exchanged."""
    found, own = [], Fixed(image)
    for unit, (memory, fresh) in enumerate(zip(memories, streams, strict=True)):
        kept = memory[: _WORD_BYTES * stored_words(own, values=values, unit=unit)]
        pieces = [(0, kept)]
        for other in image.rooms:
            begin, words = other.values if values else other.positions
            piece = fresh
            if other.number != its.number:
                piece = _cut(memory, begin, image, other, values=values, unit=unit)
            if len(piece) > WORD_BYTES * words:
                kind = f"lane {unit}" if values else f"group {unit}"
                raise ImageError(
                    f"wanted streams of segment {segment.name} in {WORD_BYTES * words:,} bytes of "
                    f"{kind}, got {len(piece):,}; compile the image with more room for it"
                )
            pieces.append((WORD_BYTES * begin, piece))
        made = bytearray(max((first + len(piece) for first, piece in pieces if piece), default=0))
        for first, piece in pieces:
            made[first : first + len(piece)] = piece
        found.append(bytes(made))
    return tuple(found)


@dataclass(frozen=True)
class _WithRooms:
    """A directory, and the rooms that some of its matrices are to be in."""

    matrices: tuple[MatrixStreams, ...]
    rooms: Sequence[SegmentRoom]


def place_streams(
    encoded: Streams, rooms: Sequence[SegmentRoom]
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Position and value memories with the streams of `rooms` moved to their places.

    The rooms of `encoded` are where its streams come from, so of what a compiler has just encoded
    there are none.
    """
    placed = _WithRooms(encoded.matrices, rooms)
    memories = []
    for values, stored in ((False, encoded.positions), (True, encoded.values)):
        moved = []
        for unit, memory in enumerate(stored):
            whole, made = int.from_bytes(memory, "little"), 0
            old = starts(encoded, values=values, unit=unit)
            new = starts(placed, values=values, unit=unit)
            for matrix, begin, goal in zip(encoded.matrices, old, new, strict=True):
                bits = (matrix.value_bits if values else matrix.position_bits)[unit]
                if not matrix.streamed:
                    made |= (whole >> begin & (1 << bits) - 1) << goal
            words = stored_words(placed, values=values, unit=unit)
            moved.append(made.to_bytes(_WORD_BYTES * words, "little"))
        memories.append(tuple(moved))
    return memories[0], memories[1]


def segment_sections(image: Image, name: str) -> Iterator[LoadSection]:
    """What a host loads for the contents that an image holds in a room; empty sections left out."""
    its, config = room(image, name), image.config
    first, count = its.matrices
    matrices = slice(first, first + count)
    begin, words = its.parameters
    table, tables = its.tables
    entry_words = config.states * (ENTRY_BYTES // WORD_BYTES)
    expanded = expanded_bytes(image.tables[table : table + tables], config.state_bits)
    sections = chain(
        [
            (
                LoadTarget.PARAMETERS,
                0,
                image.parameters[begin * PARAMETER_BYTES : (begin + words) * PARAMETER_BYTES],
                begin * (PARAMETER_BYTES // WORD_BYTES),
            ),
            (LoadTarget.TABLES, 0, expanded, table * entry_words),
        ],
        (
            (LoadTarget.GROUP_DIRECTORY, group, group_directory(image, group, matrices), 2 * first)
            for group in range(config.groups)
        ),
        (
            (LoadTarget.LANE_DIRECTORY, lane, lane_directory(image, lane, matrices), first)
            for lane in range(config.lanes)
        ),
        (
            (target, unit, _cut(memory, at, image, its, values=values, unit=unit), at)
            for target, memories, at, values in (
                (LoadTarget.POSITIONS, image.positions, its.positions[0], False),
                (LoadTarget.VALUES, image.values, its.values[0], True),
            )
            for unit, memory in enumerate(memories)
        ),
    )
    for target, unit, contents, address in sections:
        if contents:
            padded = contents + bytes(-len(contents) % WORD_BYTES)
            yield LoadSection(target, unit, padded, address)


def filled_sections(image: Image) -> Iterator[LoadSection]:
    """What a host loads for all rooms that an image has contents for."""
    for name, its in image.host.segments.items():
        if its.filled:
            yield from segment_sections(image, name)


def segment_crc(number: int, sections: Iterable[LoadSection]) -> int:
    """The CRC-32 that LOAD_CHECK wants of the segment of that number.

    It is over all that a host writes to SEGMENT, LOAD_TARGET, LOAD_ADDRESS and LOAD_DATA, in order.
    """
    crc = crc32(pack("<I", number + 1))
    for section in sections:
        crc = crc32(pack("<II", section.chosen, section.address), crc)
        crc = crc32(section.words, crc)
    return crc
