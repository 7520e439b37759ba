"""External memory's side of streamed weights: which burst is asked for next, and what comes back.

The rule (docs/architecture.md, checked in tests): a burst is asked for only when its stream's ring
has room for all of it, so what comes back is always taken at once and nothing waits behind another
stream's data; those that have room take turns; a decoder waits for its own ring alone.
"""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, enum, memory, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.image.external import EXTERNAL_BITS
from sordino.isa.registers import LoadTarget
from sordino.rtl.shared.attributes import UNCHECKED
from sordino.rtl.shared.crc import CRC_BITS, CRC_START, crc_step
from sordino.rtl.shared.ports import BASE_BITS, PAGE_BITS, LoadSignature, external_signature

__all__ = ["Refill", "StreamReader", "beat_layout"]


def beat_layout(config: Config) -> data.StructLayout:
    """One beat on its way to the ring of `stream`."""
    return data.StructLayout(
        {"valid": 1, "stream": range(config.streams), "data": config.stream_bus}
    )


class Refill(wiring.Component):
    """What is left of one stream, and the room in its ring.

    Members
    -------
    clear
        Forget the stream.
    start, words
        Begin a stream of so many 16-bit words, with an empty ring.
    freed
        The room of one burst is free again. Without a stream it means nothing.
    wants
        A burst of the stream is left and has room.
    grant
        The burst is taken. Only while it `wants` one.
    length, final
        The beats of that burst less one, and whether it is the last.
    unfinished
        Bursts are left.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "clear": In(1),
                "start": In(1),
                "words": In(EXTERNAL_BITS),
                "freed": In(1),
                "grant": In(1),
                "wants": Out(1),
                "unfinished": Out(1),
                "length": Out(range(config.stream_burst)),
                "final": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        left, room = Signal(EXTERNAL_BITS), Signal(range(config.stream_ring + 1))
        beat = config.stream_bus // STREAM_WORD_BITS
        whole = Signal()
        m.d.comb += [
            self.unfinished.eq(left != 0),
            self.wants.eq(self.unfinished & (room != 0)),
            whole.eq(left >= config.stream_burst),
            self.final.eq(left <= config.stream_burst),
            self.length.eq(Mux(whole, config.stream_burst - 1, left - 1)),
        ]
        with m.If(self.clear):
            m.d.sync += left.eq(0)
        with m.Elif(self.start):
            m.d.sync += left.eq((self.words + (beat - 1)) >> (beat.bit_length() - 1))
        with m.Elif(self.grant):
            m.d.sync += left.eq(Mux(whole, left - config.stream_burst, 0))
        with m.If(self.start):
            m.d.sync += room.eq(config.stream_ring)
        with m.Else():
            m.d.sync += room.eq(room + self.freed - self.grant)
        return m


class _State(enum.Enum, shape=2):
    PICK = 0
    LOOKUP = 1
    """The directory answers."""
    ISSUE = 2
    """The burst stands on the address channel."""


@dataclass(frozen=True)
class _Bursts:
    """Bursts between their choice and their last beat.

    state            registers: what the address channel is doing,
    outstanding      how many are on their way,
    draining         and that these are dropped
    picked, chosen   a burst is chosen in this cycle, and for which stream
    popped           the last beat of a burst comes in this cycle
    """

    state: Any
    outstanding: Signal
    draining: Signal
    picked: Signal
    chosen: Signal
    popped: Signal


class StreamReader(wiring.Component):
    """AXI4 read manager for all streams of the matrix in progress.

    A burst is asked for every ASK cycles (`isa.timing`) at best, while fewer than
    `stream_outstanding` are on their way. Those still on their way after a `clear` are taken and
    dropped before the first new one is asked for. Its twin is
    `sordino.engines.amaranth.external_memory.ExternalMemory` with zlib's CRC-32.

    Members
    -------
    load
        Words for any target; first burst and CRC are kept of those for EXTERNAL_DIRECTORY.
    clear, matrix
        Begin that matrix, or none.
    base
        The 4 KiB page at which external memory begins.
    wants
        A bit for each stream whose next burst has room.
    grant
        One-hot for the cycle in which a burst is chosen: of the first stream that wants one after
        the one chosen last.
    length, final
        Answers to `grant` in the same cycle, see `Refill`.
    beat
        A beat for a ring, in the cycle after its transfer.
    busy
        Something is on its way or being checked.
    corrupt
        Since `clear` a stream's CRC-32 did not match, or the memory answered with an error.
    axi
        External memory. `rready` is always high.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "load": In(LoadSignature),
                "clear": In(1),
                "matrix": In(range(config.matrices)),
                "base": In(BASE_BITS),
                "wants": In(config.streams),
                "grant": Out(config.streams),
                "length": In(range(config.stream_burst)),
                "final": In(1),
                "beat": Out(beat_layout(config)),
                "busy": Out(1),
                "corrupt": Out(1),
                "axi": Out(external_signature(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        bursts = _Bursts(
            state=Signal(_State, name="state"),
            outstanding=Signal(range(config.stream_outstanding + 1), name="outstanding"),
            draining=Signal(name="draining"),
            picked=Signal(name="picked"),
            chosen=Signal(range(config.streams), name="chosen"),
            popped=Signal(name="popped"),
        )
        self._pick(m, bursts)
        head = self._ask(m, bursts)
        checking = self._receive(m, bursts, head)
        outstanding, draining, popped = bursts.outstanding, bursts.draining, bursts.popped
        m.d.sync += outstanding.eq(outstanding + bursts.picked - popped)
        with m.If(self.clear):
            m.d.sync += draining.eq(outstanding != popped)
        with m.Elif(outstanding == popped):
            m.d.sync += draining.eq(0)
        coming = (outstanding != 0) & ~draining
        m.d.comb += self.busy.eq(coming | self.beat.valid | checking)
        return m

    def _pick(self, m: Module, bursts: _Bursts) -> None:
        """Choose a stream, round robin."""
        count = self.config.streams
        beyond, candidates = Signal(count), Signal(count)
        last = Signal(count)  # ones at the stream chosen last and all before it
        m.d.comb += [
            beyond.eq(self.wants & ~last),
            candidates.eq(Mux(beyond.any(), beyond, self.wants)),
            bursts.picked.eq(
                self.wants.any()
                & (bursts.state == _State.PICK)
                & (bursts.outstanding != self.config.stream_outstanding)
                & ~bursts.draining
                & ~self.clear
            ),
        ]
        lowest = candidates & (~candidates + 1)[:count]
        m.d.comb += self.grant.eq(Mux(bursts.picked, lowest, 0))
        for number in range(count):
            with m.If(self.grant[number]):
                m.d.comb += bursts.chosen.eq(number)
                m.d.sync += last.eq((1 << number + 1) - 1)
        # Every matrix begins in the same state, so that its time is a constant.
        with m.If(self.clear):
            m.d.sync += last.eq(0)

    def _directory(self, m: Module, name: str, word: int, width: int, number: Value) -> Value:
        """Word `word` of the directory for stream `number` of the matrix, one cycle later."""
        config, load = self.config, self.load.payload
        streams = range(config.streams)
        words: Any = memory.Memory(
            shape=width,
            depth=config.matrices << Shape.cast(streams).width,
            init=[],
            attrs=UNCHECKED,
        )
        m.submodules[name] = words
        write, read = words.write_port(), words.read_port()
        unit = load.unit[: Shape.cast(streams).width]
        m.d.comb += [
            write.en.eq(
                self.load.valid
                & (load.target == LoadTarget.EXTERNAL_DIRECTORY)
                & (load.address[:2] == word)
            ),
            write.addr.eq(Cat(unit, load.address[2:])),
            write.data.eq(load.data),
            read.addr.eq(Cat(number, self.matrix)),
        ]
        return Value.cast(read.data)

    def _ask(self, m: Module, bursts: _Bursts) -> Any:
        """The address channel; returns what the burst is whose beats come next."""
        config, axi, chosen = self.config, self.axi, bursts.chosen
        first = self._directory(m, "first_bursts", 0, EXTERNAL_BITS, chosen)
        following: Any = memory.Memory(shape=EXTERNAL_BITS, depth=config.streams, init=[])
        m.submodules.following = following
        write, read = following.write_port(), following.read_port(domain="comb")
        number, begun = Signal.like(chosen), Signal(config.streams)
        fresh, burst = Signal(), Signal(EXTERNAL_BITS)
        entry = data.StructLayout({"stream": chosen.shape(), "fresh": 1, "final": 1})
        asked = Signal(entry)
        burst_bits = config.burst_bytes.bit_length() - 1
        m.d.comb += [
            read.addr.eq(number),
            burst.eq(Mux(asked.fresh, first, read.data)),
            write.addr.eq(number),
            write.data.eq(burst + 1),
            write.en.eq(bursts.state == _State.LOOKUP),
            fresh.eq(~begun.bit_select(chosen, 1)),
            axi.arsize.eq((config.stream_bus // 8).bit_length() - 1),
            axi.arburst.eq(1),
        ]
        with m.If(self.clear):
            m.d.sync += begun.eq(0)
        with m.Else():
            m.d.sync += begun.eq(begun | self.grant)
        with m.Switch(bursts.state):
            with m.Case(_State.PICK), m.If(bursts.picked):
                m.d.sync += [
                    bursts.state.eq(_State.LOOKUP),
                    number.eq(chosen),
                    asked.stream.eq(chosen),
                    asked.fresh.eq(fresh),
                    asked.final.eq(self.final),
                    axi.arlen.eq(self.length),
                ]
            with m.Case(_State.LOOKUP):
                m.d.sync += [
                    bursts.state.eq(_State.ISSUE),
                    axi.araddr.eq((self.base << PAGE_BITS) + (burst << burst_bits)),
                    axi.arvalid.eq(1),
                ]
            with m.Case(_State.ISSUE), m.If(axi.arready):
                m.d.sync += [bursts.state.eq(_State.PICK), axi.arvalid.eq(0)]
        return self._queue(m, bursts, asked)

    def _queue(self, m: Module, bursts: _Bursts, asked: Any) -> Any:
        """Bursts in the order in which they were asked for and come back; returns the first."""
        depth, axi = self.config.stream_outstanding, self.axi
        queue: Any = memory.Memory(shape=asked.shape(), depth=depth, init=[])
        m.submodules.queue = queue
        write, read = queue.write_port(), queue.read_port(domain="comb")
        into, out = Signal(range(depth)), Signal(range(depth))
        m.d.comb += [
            write.addr.eq(into),
            write.data.eq(asked),
            write.en.eq(bursts.state == _State.LOOKUP),
            read.addr.eq(out),
            bursts.popped.eq(axi.rvalid & axi.rlast),
            axi.rready.eq(1),
        ]
        m.d.sync += [into.eq(into + write.en), out.eq(out + bursts.popped)]
        return read.data

    def _receive(self, m: Module, bursts: _Bursts, head: Any) -> Value:
        """Beats to their rings and into their stream's CRC; whether a check is under way."""
        config, axi, beat = self.config, self.axi, self.beat
        expected = self._directory(m, "checks", 2, CRC_BITS, head.stream)
        checks: Any = memory.Memory(shape=CRC_BITS, depth=config.streams, init=[])
        m.submodules.crcs = checks
        write, read = checks.write_port(), checks.read_port(domain="comb")
        begins, begin = Signal(init=1), Signal()
        fresh, final, last = Signal(), Signal(), Signal()
        running, before, after = Signal(CRC_BITS), Signal(CRC_BITS), Signal(CRC_BITS)
        check, wanted = Signal(), Signal(CRC_BITS)
        wrong = axi.rvalid & (axi.rresp != 0) & ~bursts.draining
        m.d.sync += [
            beat.valid.eq(axi.rvalid & ~bursts.draining & ~self.clear),
            beat.data.eq(axi.rdata),
            beat.stream.eq(head.stream),
            begin.eq(begins),
            fresh.eq(head.fresh),
            final.eq(head.final),
            last.eq(axi.rlast),
            check.eq(beat.valid & last & final & ~self.clear),
            wanted.eq(expected),
        ]
        with m.If(axi.rvalid):
            m.d.sync += begins.eq(axi.rlast)
        m.d.comb += [
            read.addr.eq(beat.stream),
            before.eq(Mux(begin, Mux(fresh, CRC_START, read.data), running)),
            after.eq(crc_step(before, beat.data)),
            write.addr.eq(beat.stream),
            write.data.eq(after),
            write.en.eq(beat.valid & last),
        ]
        with m.If(beat.valid):
            m.d.sync += running.eq(after)
        with m.If(self.clear):
            m.d.sync += self.corrupt.eq(0)
        with m.Elif(wrong | (check & (~running != wanted))):
            m.d.sync += self.corrupt.eq(1)
        return check
