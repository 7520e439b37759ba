"""tANS stream decoder: stream words and a table in, one symbol a cycle out."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.image.external import EXTERNAL_BITS
from sordino.image.tans import MAX_EXTRA_BITS, MAX_VALUE_EXTRA_BITS, EntryLayout
from sordino.rtl.shared.attributes import UNCHECKED

__all__ = ["RUN_BITS", "StreamDecoder", "stored_entry"]

_RUN_BASE_BITS = 13
RUN_BITS = _RUN_BASE_BITS + 1
"""Width of a decoded run: its base plus up to MAX_EXTRA_BITS raw bits."""
_VALUE_BITS = 8
_OF_VALUES = {"base": signed(_VALUE_BITS), "mirrored": 1}


def stored_entry(state_bits: int, *, runs: bool) -> data.StructLayout:
    """What a decoder keeps of an `EntryLayout`: fields no wider than needed.

    With 256 states an entry of a value table has 36 bits, of a run table 41.
    """
    return data.StructLayout(
        {
            "next_base": state_bits,
            "mask": state_bits,
            "total": range(state_bits + MAX_EXTRA_BITS + 1),
            "skip": range(state_bits + 1 if runs else state_bits + 2),
            "extra": range(MAX_EXTRA_BITS + 1),
            **({"base": _RUN_BASE_BITS, "padding": 1} if runs else _OF_VALUES),
        }
    )


@dataclass(frozen=True)
class _Window:
    """Where in its stream the decoder is.

    bits      of the stream, from `pointer` on
    pointer   into the first of the two words that the window shows a part of
    refill    the next word moves in
    left      the pointer is in the second word, and the next word moves in now; never of a ring
    there     the third word is at the memory's output, or there is none
    """

    bits: Signal
    pointer: Signal
    refill: Signal
    left: Signal
    there: Signal


class StreamDecoder(wiring.Component):
    """Decode one stream with one of `slots` tables; runs (unsigned) or values (int8).

    The window is two words, aligned, and a bit pointer into the first; the third word waits in a
    register, so that no symbol ever waits for a refill. A symbol that leaves the first word moves
    the words on a cycle later: until then the window is the second word and the third. So the
    stream memory does not hang on the table's output, which comes late in its cycle. Of a ring the
    words move at once, and the third waits at the memory's output. Throughput is one symbol a
    cycle. With `config.stream_bus` the last `config.ring_words` of stream memory are a ring, to
    which words come while they are decoded. Its twin is `sordino.golden.codec`.

    Parameters
    ----------
    words : of stream memory
    state_bits : log2 of the states
    slots : tables that are held at once
    runs : whether symbols are runs
    config : the machine, if it streams

    Members
    -------
    words, entries
        Writes to stream memory and to table memory; table entry = slot * states + state.
    clear
        Stop whatever goes on; memories keep their contents.
    start, address, slot
        Begin the stream at bit `address`, with a table.
    ready
        Rises DECODER_START cycles (`isa.timing`) after `start`, streamed when there are words
        enough, and stays until `clear`.
    move
        The output registers move on. Streamed, only while not `hungry`.
    take
        A symbol is taken: SYMBOL moves later it stands at `value`. Needs `move` and `ready`.
    valid, value, padding
        A symbol. `value` of a padding symbol means nothing.
    pending
        A symbol was taken that has not reached the output yet.
    clean
        No symbol was taken since `clear`, or the state after the last one is 0. Valid in the cycle
        after the last `take`.
    streamed, length
        With `start`, held until `clear`: the stream is of `length` words that come to the ring,
        from bit 0 on.
    again
        Held likewise: all words are in the ring, from where the streamed `start` before put them.
    beat
        Words for the ring.
    hungry
        The next words are not here yet, and there are such.
    freed
        The last word of a burst leaves the ring in this cycle.
    """

    def __init__(
        self, *, words: int, state_bits: int, slots: int, runs: bool, config: Config | None = None
    ) -> None:
        self.config = config
        self.bus = config.stream_bus if config is not None else 0
        self.depth = words
        self.state_bits = state_bits
        self.slots = slots
        self.runs = runs
        self._ring_words = config.ring_words if config is not None and self.bus else 0
        self._ring_first = (words - self._ring_words) * STREAM_WORD_BITS // (self.bus or 1)
        word = data.StructLayout({"address": range(words), "data": STREAM_WORD_BITS})
        entry = data.StructLayout({"address": range(slots << state_bits), "entry": EntryLayout})
        streaming = {
            "streamed": In(1),
            "again": In(1),
            "length": In(EXTERNAL_BITS),
            "beat": In(stream.Signature(self.bus, always_ready=True)),
            "hungry": Out(1),
            "freed": Out(1),
        }
        super().__init__(
            {
                "words": In(stream.Signature(word, always_ready=True)),
                "entries": In(stream.Signature(entry, always_ready=True)),
                "clear": In(1),
                "start": In(1),
                "address": In(range(STREAM_WORD_BITS * words)),
                "slot": In(range(slots)),
                "ready": Out(1),
                "move": In(1),
                "take": In(1),
                "valid": Out(1),
                "pending": Out(1),
                "value": Out(RUN_BITS if runs else signed(_VALUE_BITS)),
                "padding": Out(1),
                "clean": Out(1),
                **(streaming if self.bus else {}),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        read, entry = self._table(m)
        window = _Window(
            bits=Signal(self.state_bits + MAX_EXTRA_BITS, name="window"),
            pointer=Signal(range(STREAM_WORD_BITS), name="pointer"),
            refill=Signal(name="refill"),
            left=Signal(name="left"),
            there=Signal(name="there"),
        )
        first_state = (filling := self._fill(m, window))[2]
        if self.bus:
            self._point(m, window, filling, entry)
            self._ring(m, window)
        else:
            self._point_late(m, window, filling, entry)
            self._memory(m, window)

        # One function of four bits each, since the table's output comes late in its cycle.
        state = Signal(self.state_bits)
        m.d.comb += [
            state.eq(Mux(first_state, window.bits, entry.next_base | (window.bits & entry.mask))),
            read.en.eq(first_state | self.take),
            read.addr.eq(Cat(state, self.slot)),
        ]
        with m.If(self.clear | self.start):
            m.d.sync += [self.ready.eq(0), self.clean.eq(1)]
        with m.Elif(first_state):
            m.d.sync += self.ready.eq(1)
        with m.If(self.take & ~self.clear):
            m.d.sync += self.clean.eq(state == 0)
        self._output(m, entry, window.bits)
        return m

    def _fill(self, m: Module, window: _Window) -> Signal:
        """Filling the window takes three cycles after `start`; a bit for each is returned.

        The first word comes out of memory, then the second, then both stand in the window, as the
        second word and the third, and the initial state is looked up. Of a ring they are the first
        two, and streamed they are waited for.
        """
        filling = Signal(3)
        if self.bus:
            stay = Mux(window.there, 0, filling[:2])
            step = Cat(self.start, filling[:-1] & window.there.replicate(2)) | stay
        else:
            step = Cat(self.start, filling[:-1])
        m.d.sync += filling.eq(step & ~self.clear.replicate(3))
        return filling

    def _passed(self, m: Module, window: _Window, entry: Any) -> tuple[Signal, Signal]:
        """Where the pointer stands behind a symbol, and behind the initial state.

        The top bit says that it left the word; no symbol takes more than a word.
        """
        passed = Signal(range(2 * STREAM_WORD_BITS), name="passed")
        begun = Signal.like(passed, name="begun")
        m.d.comb += [
            passed.eq(window.pointer + entry.total),
            begun.eq(window.pointer + self.state_bits),
        ]
        return passed, begun

    def _point(self, m: Module, window: _Window, filling: Signal, entry: Any) -> None:
        """Move the pointer on by what a symbol takes, and the window when that leaves a word."""
        pointer, first_state = window.pointer, filling[2]
        passed, begun = self._passed(m, window, entry)
        fill = (filling[:2].any() & window.there) | (first_state & begun[-1])
        m.d.comb += window.refill.eq(fill | (self.take & passed[-1]))
        with m.If(first_state):
            m.d.sync += pointer.eq(begun[:-1])
        with m.Elif(self.take):
            m.d.sync += pointer.eq(passed[:-1])
        with m.Elif(self.start):
            m.d.sync += pointer.eq(Mux(self.streamed, 0, self.address[: len(pointer)]))

    def _point_late(self, m: Module, window: _Window, filling: Signal, entry: Any) -> None:
        """The same, with the window a cycle later."""
        place = Cat(window.pointer, window.left)
        passed, begun = self._passed(m, window, entry)
        m.d.comb += window.refill.eq(window.left)
        with m.If(filling[2]):
            m.d.sync += place.eq(begun)
        with m.Elif(self.take):
            m.d.sync += place.eq(passed)
        with m.Elif(self.start):
            m.d.sync += place.eq(Cat(self.address[: len(window.pointer)], 1))
        with m.Else():
            m.d.sync += window.left.eq(filling[:2].any())

    def _table(self, m: Module):
        """Table memory: its read port and the entry of the present state."""
        shape = stored_entry(self.state_bits, runs=self.runs)
        table: Any = memory.Memory(
            shape=shape, depth=self.slots << self.state_bits, init=[], attrs=UNCHECKED
        )
        m.submodules.table = table
        write, read = table.write_port(), table.read_port()
        m.d.comb += [
            write.en.eq(self.entries.valid),
            write.addr.eq(self.entries.payload.address),
            *(write.data[name].eq(self.entries.payload.entry[name]) for name in shape.members),
        ]
        return read, read.data

    def _memory(self, m: Module, window: _Window) -> None:
        """Stream memory, and the three words of which the window shows a part."""
        words: Any = memory.Memory(
            shape=STREAM_WORD_BITS, depth=self.depth, init=[], attrs=UNCHECKED
        )
        m.submodules.stream = words
        write, read = words.write_port(), words.read_port()
        low, high, third = (Signal(STREAM_WORD_BITS, name=n) for n in ("low", "high", "third"))
        following = Signal(range(self.depth))
        begin = self.address[len(window.pointer) :]
        seen = Mux(window.left, Cat(high, third), Cat(low, high))
        m.d.comb += [
            write.en.eq(self.words.valid),
            write.addr.eq(self.words.payload.address),
            write.data.eq(self.words.payload.data),
            read.en.eq(self.start | window.refill),
            read.addr.eq(Mux(self.start, begin, following)),
            window.bits.eq(seen >> window.pointer),
        ]
        with m.If(read.en):
            m.d.sync += following.eq(read.addr + 1)
        with m.If(window.refill):
            m.d.sync += [low.eq(high), high.eq(third), third.eq(read.data)]

    def _ring(self, m: Module, window: _Window) -> None:
        """Stream memory as wide as the bus, whose end is a ring; else the same as `_memory`."""
        parts = self.bus // STREAM_WORD_BITS
        words: Any = memory.Memory(
            shape=data.ArrayLayout(STREAM_WORD_BITS, parts),
            depth=self.depth // parts,
            init=[],
            attrs=UNCHECKED,
        )
        m.submodules.stream = words
        write, read = words.write_port(granularity=1), words.read_port()
        low, high, part = Signal(STREAM_WORD_BITS), Signal(STREAM_WORD_BITS), Signal(range(parts))
        following, address = Signal(range(self.depth)), Signal(range(self.depth))
        begin = self.address[len(window.pointer) :]
        written = self._ring_write(m, write)
        taken, fetch = self._ring_read(m, window, written)
        with m.If(self.streamed):
            m.d.comb += [address.eq(self._ring_first * parts + taken), read.en.eq(fetch)]
        with m.Else():
            m.d.comb += [
                address.eq(Mux(self.start, begin, following)),
                read.en.eq(self.start | window.refill),
            ]
        m.d.comb += [
            read.addr.eq(address[len(part) :]),
            window.bits.eq(Cat(low, high) >> window.pointer),
        ]
        with m.If(read.en):
            m.d.sync += [part.eq(address[: len(part)]), following.eq(address + 1)]
        with m.If(window.refill):
            m.d.sync += [low.eq(high), high.eq(read.data[part])]

    def _ring_write(self, m: Module, write: Any) -> Signal:
        """Words for stream memory and beats for the ring; how many beats came.

        The number is modulo twice the ring, so that full and empty differ.
        """
        parts = self.bus // STREAM_WORD_BITS
        part_bits = (parts - 1).bit_length()
        written = Signal(range(2 * self._ring_words // parts))
        m.d.comb += [
            write.en.eq(Mux(self.words.valid, 1 << self.words.payload.address[:part_bits], 0)),
            write.addr.eq(self.words.payload.address[part_bits:]),
            write.data.eq(Cat([self.words.payload.data] * parts)),
        ]
        with m.If(self.beat.valid):
            m.d.comb += [
                write.en.eq((1 << parts) - 1),
                write.addr.eq(self._ring_first + written[: len(written) - 1]),
                write.data.eq(self.beat.payload),
            ]
            m.d.sync += written.eq(written + 1)
        with m.If(self.clear):
            m.d.sync += written.eq(0)
        return written

    def _ring_read(self, m: Module, window: _Window, written: Signal) -> tuple[Value, Signal]:
        """The ring's next word and whether it is read in this cycle."""
        assert self.config is not None
        parts = self.bus // STREAM_WORD_BITS
        burst = self.config.stream_burst * parts
        taken, unread = Signal(range(2 * self._ring_words)), Signal(EXTERNAL_BITS)
        here, waiting, fetch = Signal(), Signal(), Signal()
        come = self.again | (taken[(parts - 1).bit_length() :] != written)
        m.d.comb += [
            waiting.eq(self.streamed & ~here & (unread != 0)),
            window.there.eq(~waiting),
            self.hungry.eq(waiting),
            fetch.eq((window.refill | waiting) & (unread != 0) & come),
            self.freed.eq(fetch & self.streamed & taken[: burst.bit_length() - 1].all()),
        ]
        with m.If(self.clear):
            m.d.sync += [taken.eq(0), unread.eq(0), here.eq(0)]
        with m.Elif(self.start):
            m.d.sync += unread.eq(Mux(self.streamed, self.length, 0))
        with m.Elif(fetch):
            m.d.sync += [taken.eq(taken + 1), unread.eq(unread - 1), here.eq(1)]
        with m.Elif(window.refill):
            m.d.sync += here.eq(0)
        return taken[: len(taken) - 1], fetch

    def _output(self, m: Module, entry, window: Signal) -> None:
        """First the symbol's fields are registered, then base plus its extra bits."""
        taken = Signal()
        base = Signal.like(entry.base)
        raw = Signal.like(window)
        skip = Signal.like(entry.skip)
        extra = Signal.like(entry.extra)
        padding, mirrored = Signal(), Signal()
        most = MAX_EXTRA_BITS if self.runs else MAX_VALUE_EXTRA_BITS
        magnitude = Signal(most)
        m.d.comb += [
            magnitude.eq((raw >> skip)[:most] & ((1 << extra) - 1)),
            self.pending.eq(taken),
        ]
        with m.If(self.move):
            m.d.sync += [
                base.eq(entry.base),
                raw.eq(window),
                skip.eq(entry.skip),
                extra.eq(entry.extra),
                padding.eq(entry.padding if self.runs else 0),
                mirrored.eq(0 if self.runs else entry.mirrored),
                self.value.eq(self._value(base, magnitude, mirrored, raw[self.state_bits])),
                self.padding.eq(padding),
            ]
        with m.If(self.clear):
            m.d.sync += [taken.eq(0), self.valid.eq(0)]
        with m.Elif(self.move):
            m.d.sync += [taken.eq(self.take), self.valid.eq(taken)]

    def _value(self, base: Value, magnitude: Value, mirrored: Value, sign: Value) -> Value:
        """base + magnitude, or ±(base + 1 + magnitude) if mirrored."""
        if self.runs:
            return base + magnitude
        # The one comes as carry from a bit below.
        total = (Cat(Const(1, 1), base) + Cat(mirrored & ~sign, magnitude))[1:]
        return (total[:_VALUE_BITS] ^ (mirrored & sign).replicate(_VALUE_BITS)).as_signed()
