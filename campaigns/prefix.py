"""The codec that was not chosen: Golomb-Rice runs and length-limited canonical Huffman values.

Runs: with k raw bits a matrix, the quotient n >> k as that many zeros and a one, then k bits of n;
eight zeros mean 8 << k places more and go on (a cycle without a place). Values: a code of at most
12 bits a matrix, first bit first. Both in strings of bits, as `sordino.image.tans` has them,
but without states. The decoders here take a symbol a cycle and are only there to be compared:
their memories are those of `StreamDecoder`, their tables are registers and one small memory.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import memory
from numpy.typing import NDArray

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.codec.walk import PADDING, walk_group
from sordino.image.packing import MatrixStreams, directory_bits
from sordino.rtl.lanes.decoder import StreamDecoder, _Window
from sordino.rtl.shared.attributes import UNCHECKED
from sordino.tools.peers.huffman import code_lengths

__all__ = ["ESCAPE", "LONGEST", "HuffmanDecoder", "RiceDecoder", "canonical", "prefix_bits"]

LONGEST = 12
"""Bits of a value's code at most."""
ESCAPE = 8
"""So many zeros stand for no place."""
_MOST_RAW = 7
_SYMBOLS = 256
_HEAD_BITS = 16
"""First and last value of a code."""


def prefix_bits(slots: Sequence[NDArray[np.int8]], config: Config) -> int:
    """Bits of dealt matrices (rows, lanes, columns), stream memories and tables counted.

    Padding is free: runs may be of any length.
    """
    total = 0
    for matrix in slots:
        rows, _, columns = matrix.shape
        grouped = matrix.reshape(rows, config.groups, config.group, columns)
        runs, values = [], []
        for group in range(config.groups):
            walk = walk_group((grouped[:, group] != 0).any(axis=1), (columns + 1) * rows)
            runs.append(_whole_runs(walk.symbols, rows))
            values += [
                grouped[walk.rows, group, lane, walk.columns].astype(np.int64) + 128
                for lane in range(config.group)
            ]
        position = min(_rice_bits(runs, raw) for raw in range(_MOST_RAW + 1))
        counts = np.bincount(np.concatenate(values), minlength=256)
        lengths = np.array(code_lengths(counts.tolist(), LONGEST))
        value = [int(lengths[part].sum()) for part in values]
        used = np.flatnonzero(counts)
        table = _HEAD_BITS + 4 * (int(used[-1] - used[0]) + 1 if used.size else 0) + 3
        record = MatrixStreams(tuple(map(len, runs)), tuple(position), tuple(value))
        total += sum(position) + sum(value) + table + directory_bits(record)
    # The last word of every stream memory is half empty.
    return total + (config.groups + config.lanes) * STREAM_WORD_BITS // 2


def _whole_runs(symbols: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Runs with what padding places before them passed added."""
    ends = np.flatnonzero(symbols != PADDING)
    before = np.diff(ends, prepend=-1) - 1
    return symbols[ends] + before * 7 * rows


def _rice_bits(runs: Sequence[NDArray[np.int64]], raw: int) -> list[int]:
    return [int((run >> raw).sum()) + len(run) * (1 + raw) for run in runs]


def canonical(lengths: Sequence[int]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Limits and offsets by length 1 to LONGEST, symbols in order, code of each symbol.

    A window of LONGEST bits, first bit highest, below limit L begins with a code of at most L
    bits; the symbol's number is then its code plus offset L, modulo _SYMBOLS.
    """
    order = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
    codes, limits, offsets = [0] * len(lengths), [], []
    code = number = 0
    for length in range(1, LONGEST + 1):
        code <<= 1
        offsets.append((number - code) % _SYMBOLS)
        for _, symbol in [pair for pair in order if pair[0] == length]:
            codes[symbol] = code
            code, number = code + 1, number + 1
        limits.append(code << LONGEST - length)
    return limits, offsets, [symbol for _, symbol in order], codes


class _PrefixDecoder(StreamDecoder):
    """A StreamDecoder whose symbols' lengths stand in the window; `clean` is always high.

    `entries` writes the tables: see the subclasses. A symbol stands at `value` `LATENCY` moves
    after its `take`, one more than a StreamDecoder's at most.
    """

    def __init__(self, *, words: int, runs: bool) -> None:
        super().__init__(words=words, state_bits=9, slots=1, runs=runs)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        window = Signal(STREAM_WORD_BITS - 1)
        filling, started = Signal(3), Signal()
        pointer, passed = Signal(range(STREAM_WORD_BITS)), Signal(range(2 * STREAM_WORD_BITS))
        left, taken = Signal(), Signal()
        place = Cat(pointer, left)
        m.d.sync += filling.eq(Cat(self.start, filling[:-1]) & ~self.clear.replicate(3))
        length = self._length(m, window)
        m.d.comb += [
            self.clean.eq(1),
            started.eq(self.clear | self.start),
            passed.eq(pointer + length),
            self.pending.eq(taken),
        ]
        with m.If(started):
            m.d.sync += [self.ready.eq(0), place.eq(Cat(self.address[: len(pointer)], 1))]
        with m.Else():
            m.d.sync += [
                self.ready.eq(self.ready | filling[2]),
                left.eq(filling[:2].any()),
            ]
            with m.If(self.take):
                m.d.sync += place.eq(passed)
        moved = {"refill": left, "left": left, "there": Signal()}
        self._memory(m, _Window(bits=window, pointer=pointer, **moved))
        with m.If(self.clear):
            m.d.sync += [taken.eq(0), self.valid.eq(0)]
        with m.Elif(self.move):
            m.d.sync += [taken.eq(self.take), self.valid.eq(taken)]
        return m

    def _length(self, m: Module, window: Signal) -> Signal:
        raise NotImplementedError


class RiceDecoder(_PrefixDecoder):
    """Runs: any write to `entries` sets k to the payload's lowest bits.

    `padding` marks eight zeros, whose `value` is 8 << k. Two moves from `take` to `value`.
    """

    def __init__(self, *, words: int) -> None:
        super().__init__(words=words, runs=True)

    def _length(self, m: Module, window: Signal) -> Signal:
        raw, length = Signal(range(_MOST_RAW + 1)), Signal(range(ESCAPE + _MOST_RAW + 1))
        zeros, late, rest = Signal(range(ESCAPE + 1)), Signal(range(ESCAPE + 1)), Signal(15)
        with m.If(self.entries.valid):
            m.d.sync += raw.eq(self.entries.payload.entry.as_value())
        m.d.comb += zeros.eq(ESCAPE)
        for bit in reversed(range(ESCAPE)):
            with m.If(window[bit]):
                m.d.comb += zeros.eq(bit)
        m.d.comb += length.eq(Mux(zeros[-1], ESCAPE, zeros + 1 + raw))
        mask = Signal(_MOST_RAW)
        m.d.comb += mask.eq((1 << raw) - 1)
        with m.If(self.move):
            m.d.sync += [
                late.eq(zeros),
                rest.eq(window),
                self.value.eq((late << raw) | ((rest >> 1 >> late[:3]) & Mux(late[-1], 0, mask))),
                self.padding.eq(late[-1]),
            ]
        return length


class HuffmanDecoder(_PrefixDecoder):
    """Values: entry L - 1 is limit L (13 bits) and offset L (8), entry 256 + n symbol n (8 bits).

    The symbol memory is read last: its output register is `value`.
    """

    def __init__(self, *, words: int) -> None:
        super().__init__(words=words, runs=False)

    def _length(self, m: Module, window: Signal) -> Signal:
        entry, address = self.entries.payload.entry.as_value(), self.entries.payload.address
        limits = [Signal(LONGEST + 1, name=f"limit{n}") for n in range(LONGEST)]
        offsets = [Signal(8, name=f"offset{n}") for n in range(LONGEST)]
        with m.If(self.entries.valid & ~address[-1]), m.Switch(address[:4]):
            for n in range(LONGEST):
                with m.Case(n):
                    m.d.sync += [limits[n].eq(entry), offsets[n].eq(entry[LONGEST + 1 :])]
        code = window[:LONGEST][::-1]
        index = Signal(range(LONGEST))
        m.d.comb += index.eq(LONGEST - 1)
        for n in reversed(range(LONGEST - 1)):
            with m.If(code < limits[n]):
                m.d.comb += index.eq(n)
        late, rest = Signal.like(index), Signal(LONGEST)
        symbols: Any = memory.Memory(shape=8, depth=_SYMBOLS, init=[], attrs=UNCHECKED)
        m.submodules.symbols = symbols
        write, read = symbols.write_port(), symbols.read_port()
        with m.If(self.move):
            m.d.sync += [late.eq(index), rest.eq(code)]
        spare = Signal.like(index)
        number = (rest >> spare) + Array(offsets)[late]
        m.d.comb += [
            spare.eq(LONGEST - 1 - late),
            write.en.eq(self.entries.valid & address[-1]),
            write.addr.eq(address[:8]),
            write.data.eq(entry[:8]),
            read.en.eq(self.move),
            read.addr.eq(number),
            self.value.eq(read.data),
        ]
        length = Signal(range(LONGEST + 1))
        m.d.comb += length.eq(index + 1)
        return length
