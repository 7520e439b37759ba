"""External memory: where the streams of a streamed matrix lie, and what a machine is told of them.

External memory holds the streamed matrices in the order of the directory; of each, every group's
position stream followed by the value streams of its lanes (`Config.streams` in all). Each stream
begins at a whole burst (`Config.burst_bytes`) with bit 0, and zeros fill its last one. The machine
reads whole beats, as many as hold the stream's bits; their CRC-32 is checked on every pass.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import pack
from typing import Protocol
from zlib import crc32

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.image.packing import MatrixStreams
from sordino.image.rooms import SegmentRoom, starts

__all__ = [
    "DIRECTORY_WORDS",
    "EXTERNAL_BITS",
    "ExternalStream",
    "Streams",
    "bits_of",
    "directory_words",
    "external_bytes",
    "external_streams",
    "fits_rings",
    "lane_stream",
    "move_out",
    "position_stream",
    "ring_bursts",
    "value_stream",
]

DIRECTORY_WORDS = 4
"""32-bit words of LoadTarget.EXTERNAL_DIRECTORY a matrix: first burst, 16-bit words, CRC-32, and
whether the matrix is streamed."""
EXTERNAL_BITS = 26
"""Bits of a burst's number, and of a stream's length in words."""


class Streams(Protocol):
    """An image, or what else holds the streams of matrices; memories are little-endian words."""

    @property
    def config(self) -> Config:
        """The machine."""

    @property
    def matrices(self) -> tuple[MatrixStreams, ...]:
        """The directory."""

    @property
    def positions(self) -> tuple[bytes, ...]:
        """Each group's stream memory."""

    @property
    def values(self) -> tuple[bytes, ...]:
        """Each lane's stream memory."""

    @property
    def external(self) -> bytes:
        """External memory."""

    @property
    def rooms(self) -> Sequence[SegmentRoom]:
        """The rooms for segments, whose streams lie apart."""


@dataclass(frozen=True)
class ExternalStream:
    """One stream in external memory.

    burst  number of its first burst
    bits   its length
    beats  of the bus, to be read
    """

    burst: int
    bits: int
    beats: int

    @property
    def words(self) -> int:
        """The number of 16-bit words."""
        return -(-self.bits // STREAM_WORD_BITS)


def lane_stream(lane: int, group: int) -> int:
    """Number of a lane's value stream among a matrix's streams; `group` lanes a group.

    Group g's position stream is number g * (group + 1).
    """
    return lane // group * (group + 1) + 1 + lane % group


def bits_of(matrix: MatrixStreams, config: Config) -> list[int]:
    """The lengths of a matrix's streams in bits, by number."""
    lengths = []
    for group, bits in enumerate(matrix.position_bits):
        lanes = slice(group * config.group, (group + 1) * config.group)
        lengths += [bits, *matrix.value_bits[lanes]]
    return lengths


def _bursts(bits: int, config: Config) -> int:
    """The number of bursts that hold a stream of so many bits."""
    return -(-bits // (8 * config.burst_bytes))


def external_streams(
    matrices: Iterable[MatrixStreams], config: Config
) -> list[tuple[ExternalStream, ...]]:
    """The streams of every matrix, by number; an empty tuple for matrices that are not streamed."""
    found, burst = [], 0
    for matrix in matrices:
        streams = []
        for bits in bits_of(matrix, config) if matrix.streamed else ():
            streams.append(ExternalStream(burst, bits, -(-bits // config.stream_bus)))
            burst += _bursts(bits, config)
        found.append(tuple(streams))
    return found


def external_bytes(matrices: Iterable[MatrixStreams], config: Config) -> int:
    """The size of external memory in bytes, whole bursts."""
    if not config.stream_bus:
        return 0
    bursts = (
        _bursts(bits, config)
        for matrix in matrices
        if matrix.streamed
        for bits in bits_of(matrix, config)
    )
    return config.burst_bytes * sum(bursts)


def ring_bursts(matrix: MatrixStreams, config: Config) -> int:
    """Bursts of a ring that holds every stream of a matrix as a whole."""
    return max(_bursts(bits, config) for bits in bits_of(matrix, config))


def fits_rings(matrix: MatrixStreams, config: Config) -> bool:
    """Whether the rings hold every stream of a matrix as a whole."""
    return ring_bursts(matrix, config) <= config.stream_ring


def directory_words(image: Streams) -> Iterator[bytes]:
    """LoadTarget.EXTERNAL_DIRECTORY: the words of each stream number."""
    config = image.config
    placed = external_streams(image.matrices, config)
    for number in range(config.streams):
        words = b""
        for streams in placed:
            if not streams:
                words += bytes(4 * DIRECTORY_WORDS)
                continue
            one = streams[number]
            begin = one.burst * config.burst_bytes
            read = image.external[begin : begin + one.beats * config.stream_bus // 8]
            words += pack("<IIII", one.burst, one.words, crc32(read), 1)
        yield words


def position_stream(image: Streams, matrix: int, group: int) -> tuple[bytes, int]:
    """The memory that holds a position stream, and its first bit."""
    if image.matrices[matrix].streamed:
        return _external(image, matrix, group * (image.config.group + 1))
    return image.positions[group], starts(image, values=False, unit=group)[matrix]


def value_stream(image: Streams, matrix: int, lane: int) -> tuple[bytes, int]:
    """The memory that holds a value stream, and its first bit."""
    if image.matrices[matrix].streamed:
        return _external(image, matrix, lane_stream(lane, image.config.group))
    return image.values[lane], starts(image, values=True, unit=lane)[matrix]


def _external(image: Streams, matrix: int, number: int) -> tuple[bytes, int]:
    config = image.config
    burst = external_bytes(image.matrices[:matrix], config) // config.burst_bytes
    lengths = bits_of(image.matrices[matrix], config)
    burst += sum(_bursts(bits, config) for bits in lengths[:number])
    begin = burst * config.burst_bytes
    size = _bursts(lengths[number], config) * config.burst_bytes
    return image.external[begin : begin + size], 0


@dataclass(frozen=True)
class Moved:
    """Streams after `move_out`; the fields are those of an image."""

    matrices: tuple[MatrixStreams, ...]
    positions: tuple[bytes, ...]
    values: tuple[bytes, ...]
    external: bytes


def move_out(image: Streams, streamed: Sequence[bool]) -> Moved:
    """Move matrices that are all resident to external memory, those marked in `streamed`."""
    config = image.config
    marked = tuple(
        MatrixStreams(m.places, m.position_bits, m.value_bits, streamed=bool(mark))
        for m, mark in zip(image.matrices, streamed, strict=True)
    )
    external = bytearray()
    resident: list[list[int]] = [[0, 0] for _ in range(config.streams)]
    starts = [0] * config.streams
    memories = [
        memory
        for group, positions in enumerate(image.positions)
        for memory in (
            positions,
            *image.values[group * config.group : (group + 1) * config.group],
        )
    ]
    for matrix in marked:
        for number, bits in enumerate(bits_of(matrix, config)):
            start = starts[number]
            starts[number] += bits
            first, last = start // 8, -(-(start + bits) // 8)
            stream = int.from_bytes(memories[number][first:last], "little") >> start % 8
            stream &= (1 << bits) - 1
            if matrix.streamed:
                size = _bursts(bits, config) * config.burst_bytes
                external += stream.to_bytes(size, "little")
            else:
                kept = resident[number]
                kept[0] |= stream << kept[1]
                kept[1] += bits
    stored = [
        value.to_bytes(2 * -(-bits // STREAM_WORD_BITS), "little") for value, bits in resident
    ]
    own = [group * (config.group + 1) for group in range(config.groups)]
    return Moved(
        matrices=marked,
        positions=tuple(stored[number] for number in own),
        values=tuple(stored[lane_stream(lane, config.group)] for lane in range(config.lanes)),
        external=bytes(external),
    )
