"""tANS stream decoder: stream words and a table in, one symbol a cycle out."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.isa.external import EXTERNAL_BITS
from sordino.isa.tans import MAX_EXTRA_BITS, MAX_VALUE_EXTRA_BITS, EntryLayout
from sordino.rtl.attributes import UNCHECKED

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


class StreamDecoder(wiring.Component):
    """Decode one stream with one of `slots` tables; runs (unsigned) or values (int8).

    The window is two words, aligned, and a bit pointer into the first; the third word waits at the
    output of the stream memory, so that no symbol ever waits for a refill.

    `start` begins the stream at bit `address`; `ready` rises DECODER_START cycles (`isa.timing`)
    later and stays until `clear`. While `move` is high the output registers move on, and with
    `take` a symbol is taken as well: SYMBOL moves later it stands at `value` with `valid`.
    Throughput is one symbol a cycle. `take` needs `move` and `ready`. `value` of a padding symbol
    means nothing.

    `pending` says that a symbol was taken that has not reached the output yet. `clean` is high
    unless symbols were taken since `clear` and the state after the last one is not 0; it is valid
    in the cycle after the last `take`. `clear` stops whatever goes on, memories keep their
    contents. `words` and `entries` write stream and table memory; table entry = slot * states +
    state.

    With `config.stream_bus` the last `config.ring_words` of stream memory are a ring. `start` with
    `streamed` (held until `clear`) begins a stream of `length` words that come to the ring by
    `beat`, from bit 0 on; `ready` rises when there is enough. `hungry`: the next words are not here
    yet, and there are such; `move` is then not allowed. `freed` is high in cycles in which the last
    word of a burst leaves the ring. With `again` (held likewise) all words are taken to be in the
    ring, from where the streamed `start` before put them.

    Parameters: `words` of stream memory, `state_bits`, `slots`, `runs` for the run alphabet, and
    `config` for streaming.
    """

    words: stream.Interface
    entries: stream.Interface
    clear: Signal
    start: Signal
    address: Signal
    slot: Signal
    ready: Signal
    move: Signal
    take: Signal
    valid: Signal
    pending: Signal
    value: Signal
    padding: Signal
    clean: Signal
    streamed: Signal
    again: Signal
    length: Signal
    beat: stream.Interface
    hungry: Signal
    freed: Signal

    def __init__(
        self, *, words: int, state_bits: int, slots: int, runs: bool, config: Config | None = None
    ) -> None:
        self.config = config
        self.bus = config.stream_bus if config is not None else 0
        self.depth = words
        self.state_bits = state_bits
        self.slots = slots
        self.runs = runs
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

    def elaborate(self, platform) -> Module:
        m = Module()
        if self.bus:
            assert self.config is not None
            self._here = Signal()
            burst = self.config.stream_burst * self.bus // STREAM_WORD_BITS
            self._burst_bits = burst.bit_length() - 1
        read, entry = self._table(m)
        window = Signal(self.state_bits + MAX_EXTRA_BITS)

        # Filling the window takes three cycles after `start`: the first word comes out of memory,
        # then the second, then both stand in the window and the initial state is looked up.
        # Streamed, the first two wait for their words.
        filling = Signal(3)
        first_state = filling[2]
        there = Signal()
        if self.bus:
            stay = Mux(there, 0, filling[:2])
            step = Cat(self.start, filling[:-1] & there.replicate(2)) | stay
        else:
            step = Cat(self.start, filling[:-1])
        m.d.sync += filling.eq(step & ~self.clear.replicate(3))
        with m.If(self.clear | self.start):
            m.d.sync += [self.ready.eq(0), self.clean.eq(1)]
        with m.Elif(first_state):
            m.d.sync += self.ready.eq(1)

        pointer = Signal(range(STREAM_WORD_BITS))
        passed = Signal(range(2 * STREAM_WORD_BITS))
        m.d.comb += passed.eq(pointer + entry.total)
        # A stream that begins late in its word leaves that word with its initial state.
        begun = Signal.like(passed)
        fill, refill = Signal(), Signal()
        m.d.comb += [
            begun.eq(pointer + self.state_bits),
            refill.eq(fill | (self.take & passed[-1])),
        ]
        if self.bus:
            m.d.comb += fill.eq((filling[:2].any() & there) | (first_state & begun[-1]))
        else:
            m.d.sync += fill.eq((self.start | filling[0] | (filling[1] & begun[-1])) & ~self.clear)
        with m.If(first_state):
            m.d.sync += pointer.eq(begun[:-1])
        with m.Elif(self.take):
            m.d.sync += pointer.eq(passed[:-1])
        with m.Elif(self.start):
            begin = self.address[: len(pointer)]
            m.d.sync += pointer.eq(Mux(self.streamed, 0, begin) if self.bus else begin)
        if self.bus:
            self._ring(m, window, pointer, refill, there)
        else:
            self._window(m, window, pointer, refill)

        state = Signal(self.state_bits)
        m.d.comb += [
            state.eq(entry.next_base | (window & entry.mask)),
            read.en.eq(first_state | self.take),
            read.addr.eq(Cat(Mux(first_state, window[: self.state_bits], state), self.slot)),
        ]
        with m.If(self.take & ~self.clear):
            m.d.sync += self.clean.eq(state == 0)
        self._output(m, entry, window)
        return m

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

    def _window(self, m: Module, window: Signal, pointer: Signal, refill: Signal) -> None:
        """Stream memory and the two words of which `window` shows the part at `pointer`."""
        words: Any = memory.Memory(
            shape=STREAM_WORD_BITS, depth=self.depth, init=[], attrs=UNCHECKED
        )
        m.submodules.stream = words
        write, read = words.write_port(), words.read_port()
        low, high = Signal(STREAM_WORD_BITS), Signal(STREAM_WORD_BITS)
        following = Signal(range(self.depth))
        m.d.comb += [
            write.en.eq(self.words.valid),
            write.addr.eq(self.words.payload.address),
            write.data.eq(self.words.payload.data),
            read.en.eq(self.start | refill),
            read.addr.eq(Mux(self.start, self.address[len(pointer) :], following)),
            window.eq(Cat(low, high) >> pointer),
        ]
        with m.If(read.en):
            m.d.sync += following.eq(read.addr + 1)
        with m.If(refill):
            m.d.sync += [low.eq(high), high.eq(read.data)]

    def _ring(
        self, m: Module, window: Signal, pointer: Signal, refill: Signal, there: Signal
    ) -> None:
        """As `_window`, with a memory as wide as the bus whose end is a ring.

        `there`: the third word is at the memory's output, or there is none.
        """
        assert self.config is not None
        parts, ring = self.bus // STREAM_WORD_BITS, self.config.ring_words
        words: Any = memory.Memory(
            shape=data.ArrayLayout(STREAM_WORD_BITS, parts),
            depth=self.depth // parts,
            init=[],
            attrs=UNCHECKED,
        )
        m.submodules.stream = words
        write, read = words.write_port(granularity=1), words.read_port()
        low, high = Signal(STREAM_WORD_BITS), Signal(STREAM_WORD_BITS)
        part, first = Signal(range(parts)), (self.depth - ring) // parts
        # Both count modulo twice the ring, so that full and empty differ.
        written, taken = Signal(range(2 * ring // parts)), Signal(range(2 * ring))
        following, unread = Signal(range(self.depth)), Signal(EXTERNAL_BITS)
        address, waiting, fetch = Signal(range(self.depth)), Signal(), Signal()
        slot = written[: len(written) - 1]
        m.d.comb += [
            write.en.eq(Mux(self.words.valid, 1 << self.words.payload.address[: len(part)], 0)),
            write.addr.eq(self.words.payload.address[len(part) :]),
            write.data.eq(Cat([self.words.payload.data] * parts)),
            waiting.eq(self.streamed & ~self._here & (unread != 0)),
            there.eq(~waiting),
            self.hungry.eq(waiting),
            fetch.eq(
                (refill | waiting) & (unread != 0) & (self.again | (taken[len(part) :] != written))
            ),
            self.freed.eq(fetch & self.streamed & taken[: self._burst_bits].all()),
        ]
        with m.If(self.beat.valid):
            m.d.comb += [
                write.en.eq((1 << parts) - 1),
                write.addr.eq(first + slot),
                write.data.eq(self.beat.payload),
            ]
            m.d.sync += written.eq(written + 1)
        with m.If(self.streamed):
            m.d.comb += [
                address.eq(first * parts + taken[: len(taken) - 1]),
                read.en.eq(fetch),
            ]
        with m.Else():
            m.d.comb += [
                address.eq(Mux(self.start, self.address[len(pointer) :], following)),
                read.en.eq(self.start | refill),
            ]
        m.d.comb += [
            read.addr.eq(address[len(part) :]),
            window.eq(Cat(low, high) >> pointer),
        ]
        with m.If(read.en):
            m.d.sync += [part.eq(address[: len(part)]), following.eq(address + 1)]
        with m.If(refill):
            m.d.sync += [low.eq(high), high.eq(read.data[part])]
        with m.If(self.clear):
            m.d.sync += [written.eq(0), taken.eq(0), unread.eq(0), self._here.eq(0)]
        with m.Elif(self.start):
            m.d.sync += unread.eq(Mux(self.streamed, self.length, 0))
        with m.Elif(fetch):
            m.d.sync += [taken.eq(taken + 1), unread.eq(unread - 1), self._here.eq(1)]
        with m.Elif(refill):
            m.d.sync += self._here.eq(0)

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
