"""Matrices that are encoded apart: a part of a directory that others can take the place of."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.codec.matrices import encode_matrices
from sordino.codec.model import EncodedMatrices
from sordino.codec.share import one_pair, plain_pair

__all__ = ["LOAD_WORDS", "PAIR", "Room", "encode_apart", "joined", "longest_streams"]

PAIR = 2
"""Tables of a part: one for all its runs, and one for all its values."""

LOAD_WORDS = 2
"""Stream words in a 32-bit word, which is what a host loads."""
_LOAD_BITS = LOAD_WORDS * STREAM_WORD_BITS
_SPARSE = 9, 8
"""Bits of a position stream for so many places of a group: with one in two taken, a stream takes
about a bit for each place, and it takes less for any other share."""


@dataclass(frozen=True)
class Room:
    """The 32-bit words that a part has in every group's position memory and every lane's value
    memory.
    """

    positions: int
    values: int

    @classmethod
    def dense(cls, places: Sequence[int], bits: int, config: Config) -> "Room":
        """The room in which `encode_apart` finds a way to store any contents.

        `places` are the rows times the columns of each matrix, and a matrix has at most 2^`bits`
        different values, zero among them. Where all places are stored, a value takes `bits` bits
        (8 where that is more than the machine's states can tell apart), a position none, and each
        stream its initial state beside that.
        """
        taken = bits if bits <= config.state_bits else 8
        states = config.state_bits * len(places)
        more, per = _SPARSE
        return cls(
            -(-(states + sum(places) * more // per) // _LOAD_BITS),
            -(-(states + sum(places) * taken) // _LOAD_BITS),
        )

    def holds(self, other: "Room") -> bool:
        """Whether the other one is as large at most."""
        return other.positions <= self.positions and other.values <= self.values


def longest_streams(encoded: EncodedMatrices) -> Room:
    """The words that the longest streams of a group and of a lane take."""
    return Room(*(-(-bits // _LOAD_BITS) for bits in _longest(encoded)))


def _longest(encoded: EncodedMatrices) -> tuple[int, int]:
    positions = [m.position_bits for m in encoded.matrices if not m.streamed]
    values = [m.value_bits for m in encoded.matrices if not m.streamed]
    return _most(positions), _most(values)


def _most(lengths: Sequence[tuple[int, ...]]) -> int:
    return max(map(sum, zip(*lengths, strict=True)), default=0)


def encode_apart(
    slots: Sequence[NDArray[np.int8]], config: Config, *, weights: Sequence[int], room: Room
) -> EncodedMatrices:
    """Encode matrices with one run table and one value table of their own.

    Whatever they hold, these are tables 0 and 1 of all. Zeros are skipped as in `encode_matrices`;
    where that does not fit the `room`, all places are stored, and the streams may be as long as
    those of dense matrices. Where that does not fit either, the result is the one whose value
    streams are shorter, and larger than the room.
    """
    found: EncodedMatrices | None = None
    with suppress(ValueError):  # more symbols than states
        found = encode_matrices(slots, config, weights=weights, choice=one_pair)
    if found is not None and room.holds(longest_streams(found)):
        return found
    plain = encode_matrices(slots, config, weights=weights, stored_zeros=True, choice=plain_pair)
    if found is None or room.holds(longest_streams(plain)):
        return plain
    return min(found, plain, key=lambda one: longest_streams(one).values)


def joined(parts: Sequence[EncodedMatrices]) -> EncodedMatrices:
    """All parts as one directory; each keeps its own tables, which are numbered anew."""
    firsts = list(accumulate((len(part.tables) for part in parts), initial=0))[:-1]
    numbered = list(zip(parts, firsts, strict=True))
    return EncodedMatrices(
        config=parts[0].config,
        tables=tuple(table for part in parts for table in part.tables),
        run_tables=tuple(first + n for part, first in numbered for n in part.run_tables),
        value_tables=tuple(first + n for part, first in numbered for n in part.value_tables),
        matrices=tuple(matrix for part in parts for matrix in part.matrices),
        positions=_memories(parts, values=False),
        values=_memories(parts, values=True),
        stats=tuple(stats for part in parts for stats in part.stats),
        external=b"".join(part.external for part in parts),
    )


def _memories(parts: Sequence[EncodedMatrices], *, values: bool) -> tuple[bytes, ...]:
    """The memories of all units, the streams of one part right behind those of another."""
    config = parts[0].config
    found = []
    for unit in range(config.lanes if values else config.groups):
        contents = total = 0
        for part in parts:
            memory = (part.values if values else part.positions)[unit]
            contents |= int.from_bytes(memory, "little") << total
            total += sum(
                (matrix.value_bits if values else matrix.position_bits)[unit]
                for matrix in part.matrices
                if not matrix.streamed
            )
        words = -(-total // STREAM_WORD_BITS)
        found.append(contents.to_bytes(STREAM_WORD_BITS // 8 * words, "little"))
    return tuple(found)
