"""Exact decoder of the streams: from an image's bytes back to the matrix.

Independent of the encoder. What the hardware's decoders do, a symbol at a time, for one unit
after the other; the places and values are then put together in numpy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sordino.arch import MAX_WRAPS, STREAM_WORD_BITS
from sordino.image.external import Streams, bits_of, position_stream, value_stream
from sordino.image.tans import Symbol, expand

__all__ = [
    "DecodedMatrix",
    "GroupStreams",
    "GroupWalk",
    "StreamError",
    "Streams",
    "decode_matrix",
    "decode_streams",
    "decode_walks",
]


class StreamError(ValueError):
    """A stream that leaves its matrix or does not end in state 0."""


@dataclass(frozen=True)
class DecodedMatrix:
    """A matrix as its groups walk it.

    slots    int8 (rows, lanes, columns)
    mask     bool (rows, groups, columns), true where a group stops
    places   places that groups stop at, summed over groups: mask.sum()
    padding  padding places, summed over groups
    """

    slots: NDArray[np.int8]
    mask: NDArray[np.bool_]
    places: int
    padding: int


@dataclass(frozen=True)
class GroupWalk:
    """Where the position symbols of one group lead.

    columns  int64: the column of each symbol in order, padding places among them, as long as they
             lie in the matrix and no symbol moves on more than MAX_WRAPS columns
    padding  how many of these are padding places
    outside  a symbol follows that does not
    """

    columns: NDArray[np.int64]
    padding: int = 0
    outside: bool = False


@dataclass(frozen=True)
class GroupStreams:
    """What one group's decoders do, symbol by symbol: what a streamed MATVEC's time depends on.

    walk     where the position symbols lead
    padding  bool: of every position symbol taken, those after the walk's end among them
    words    16-bit words of the position stream and of each lane's value stream
    passes   for each of these streams bool: whether a symbol takes the last bit of a word
    """

    walk: GroupWalk
    padding: NDArray[np.bool_]
    words: tuple[int, ...]
    passes: tuple[NDArray[np.bool_], ...]


class _Decoder:
    """One table as arrays over its states."""

    def __init__(self, symbols: Sequence[Symbol], state_bits: int) -> None:
        entries = expand(symbols, state_bits)
        self.state_bits = state_bits
        self.ends = np.zeros(0, np.int64)
        self.base = np.array([entry.symbol.base for entry in entries], np.int64)
        self.extra = np.array([entry.symbol.extra for entry in entries], np.int64)
        self.bits = np.array([entry.bits for entry in entries], np.int64)
        self.padding = np.array([entry.symbol.padding for entry in entries], np.bool_)
        self.mirrored = np.array([entry.symbol.mirrored for entry in entries], np.bool_)
        self.steps = [
            (entry.next_base, (1 << entry.bits) - 1, entry.bits + entry.symbol.extra)
            for entry in entries
        ]

    def decode(
        self, memory: bytes, start: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], int]:
        """Values and padding marks of `count` symbols from bit `start` on, and the end state.

        Words past the end of the memory are 0. `ends` then holds the bit behind each symbol,
        counted from the word in which the stream begins.
        """
        # A symbol takes at most one word, the initial state another, and the first word may hold
        # one bit of it; a window is two words.
        first, at = divmod(start, STREAM_WORD_BITS)
        stored = memory[2 * first : 2 * (first + count + 3)].ljust(2 * (count + 4), b"\0")
        words = np.frombuffer(stored, "<u2").astype(np.int64)
        passed, state = _states(self, stored, at, count)
        bits, extra = self.bits[passed], self.extra[passed]
        ends = at + self.state_bits + np.cumsum(bits + extra)
        self.ends = ends
        raw_at = ends - extra
        window = words[raw_at // STREAM_WORD_BITS] | (
            words[raw_at // STREAM_WORD_BITS + 1] << STREAM_WORD_BITS
        )
        raw = window >> raw_at % STREAM_WORD_BITS & ((1 << extra) - 1)
        mirrored = self.mirrored[passed]
        magnitude = self.base[passed] + np.where(mirrored, raw >> 1, raw)
        values = np.where(mirrored & (raw & 1 == 1), -magnitude, magnitude)
        return values, self.padding[passed], state


@lru_cache(maxsize=64)
def _decoder(symbols: tuple[Symbol, ...], state_bits: int) -> _Decoder:
    return _Decoder(symbols, state_bits)


@lru_cache(maxsize=2048)
def _states(
    decoder: _Decoder, stored: bytes, at: int, count: int
) -> tuple[NDArray[np.uint16], int]:
    """The states of `count` symbols, and the one behind them. Kept: values and time need both."""
    words = np.frombuffer(stored, "<u2").astype(np.int64)
    windows: list[int] = (words[:-1] | words[1:] << STREAM_WORD_BITS).tolist()
    state = windows[0] >> at & ((1 << decoder.state_bits) - 1)
    at += decoder.state_bits
    steps, states = decoder.steps, []
    for _ in range(count):
        states.append(state)
        base, mask, total = steps[state]
        state = base | windows[at >> 4] >> (at & 15) & mask
        at += total
    return np.array(states, np.uint16), state


def decode_matrix(
    image_like: Streams,
    matrix: int,
    *,
    rows: int,
    columns: int,
    runs: Sequence[Symbol],
    values: Sequence[Symbol],
) -> DecodedMatrix:
    """Decode one matrix of `rows` per lane and `columns` with the tables given.

    Values are int8: of a base plus extra bits beyond that, the low 8 bits count. Raises
    StreamError where a group walks to a column past the last or over more than MAX_WRAPS columns
    in one run, and where a stream that symbols were read from does not end in state 0. Whatever
    the bytes are, it takes at most rows * columns symbols a stream.
    """
    config = image_like.config
    entry = image_like.matrices[matrix]
    run_decoder = _decoder(tuple(runs), config.state_bits)
    value_decoder = _decoder(tuple(values), config.state_bits)
    slots = np.zeros((rows, config.lanes, columns), np.int8)
    mask = np.zeros((rows, config.groups, columns), np.bool_)
    padding = 0
    for group in range(config.groups):
        name = f"matrix {matrix}, group {group}"
        count = entry.places[group]
        if count > rows * columns:
            raise StreamError(f"{name}: {count} places in {rows} rows of {columns} columns")
        if not count:
            continue
        found, pads, state = run_decoder.decode(*position_stream(image_like, matrix, group), count)
        stops = _walk(name, found, pads, rows, columns)
        if state:
            raise StreamError(f"{name}: position stream ends in state {state}, not 0")
        padding += count - len(stops)
        row, column = stops % rows, stops // rows
        mask[row, group, column] = True
        if not len(stops):
            continue
        for lane in range(group * config.group, (group + 1) * config.group):
            weights, _, state = value_decoder.decode(
                *value_stream(image_like, matrix, lane), len(stops)
            )
            if state:
                raise StreamError(
                    f"matrix {matrix}, lane {lane}: value stream ends in state {state}, not 0"
                )
            slots[row, lane, column] = weights.astype(np.int8)
    return DecodedMatrix(slots, mask, int(mask.sum()), padding)


def decode_walks(
    image_like: Streams, matrix: int, *, rows: int, columns: int, runs: Sequence[Symbol]
) -> tuple[GroupWalk, ...]:
    """Decode the position streams alone, of all groups: what a MATVEC's time depends on.

    Bad streams are no error here. At most rows * columns + 1 symbols a stream are decoded.
    """
    config = image_like.config
    run_decoder = _decoder(tuple(runs), config.state_bits)
    return tuple(
        _walk_group(image_like, matrix, group, run_decoder, rows, columns)[0]
        for group in range(config.groups)
    )


def decode_streams(
    image_like: Streams,
    matrix: int,
    *,
    rows: int,
    columns: int,
    runs: Sequence[Symbol],
    values: Sequence[Symbol],
) -> tuple[GroupStreams, ...]:
    """Decode all streams of a streamed matrix, as `decode_walks`, with the bits they take."""
    config = image_like.config
    run_decoder, value_decoder = (
        _decoder(tuple(table), config.state_bits) for table in (runs, values)
    )
    lengths = bits_of(image_like.matrices[matrix], config)
    found = []
    for group in range(config.groups):
        walk, pads = _walk_group(image_like, matrix, group, run_decoder, rows, columns)
        passes = [_passes(run_decoder, len(pads))]
        for lane in range(group * config.group, (group + 1) * config.group):
            count = int((~pads).sum())
            if count:
                value_decoder.decode(*value_stream(image_like, matrix, lane), count)
            passes.append(_passes(value_decoder, count))
        first = group * (1 + config.group)
        words = [-(-n // STREAM_WORD_BITS) for n in lengths[first : first + 1 + config.group]]
        found.append(GroupStreams(walk, pads, tuple(words), tuple(passes)))
    return tuple(found)


def _walk_group(
    image_like: Streams, matrix: int, group: int, run_decoder: _Decoder, rows: int, columns: int
) -> tuple[GroupWalk, NDArray[np.bool_]]:
    """One group's walk, and which of the symbols taken are padding."""
    count = image_like.matrices[matrix].places[group]
    if not count:
        return GroupWalk(np.zeros(0, np.int64)), np.zeros(0, np.bool_)
    symbols = min(count, rows * columns + 1)
    found, pads, _ = run_decoder.decode(*position_stream(image_like, matrix, group), symbols)
    _, column = _follow(found, pads, rows)
    bad = (column >= columns) | (np.diff(column, prepend=0) > MAX_WRAPS)
    good = int(bad.argmax()) if bad.any() else symbols
    return GroupWalk(column[:good], int(pads[:good].sum()), good < symbols), pads


def _passes(decoder: _Decoder, count: int) -> NDArray[np.bool_]:
    """Whether each of the latest `count` symbols takes the last bit of a word."""
    if not count:
        return np.zeros(0, np.bool_)
    words = decoder.ends // STREAM_WORD_BITS
    passed: NDArray[np.bool_] = np.diff(words, prepend=0) > 0
    return passed


def _follow(
    runs: NDArray[np.int64], pads: NDArray[np.bool_], rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place index column * rows + row and column after each symbol."""
    places = np.cumsum(np.where(pads, MAX_WRAPS * rows, runs + 1)) - 1
    # Until the first run the walk is at row -1 of its column, not at the end of the one before.
    leading = np.logical_and.accumulate(pads)
    return places, (places + leading) // rows


def _walk(
    name: str, runs: NDArray[np.int64], pads: NDArray[np.bool_], rows: int, columns: int
) -> NDArray[np.int64]:
    """Place indices column * rows + row that the symbols lead to, padding left out."""
    if (runs[~pads] < 0).any():
        raise StreamError(f"{name}: a run is negative")
    places, column = _follow(runs, pads, rows)
    if column[-1] >= columns:
        raise StreamError(f"{name}: place in column {column[column >= columns][0]} of {columns}")
    wraps = np.diff(column, prepend=0)
    if (wraps > MAX_WRAPS).any():
        raise StreamError(f"{name}: a run passes {wraps.max()} columns, more than {MAX_WRAPS}")
    return np.asarray(places[~pads])
