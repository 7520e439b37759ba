"""One group: a position decoder, its lanes and their value decoders."""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.image.external import DIRECTORY_WORDS, EXTERNAL_BITS
from sordino.isa.operations import Matvec
from sordino.isa.registers import LoadTarget
from sordino.rtl.lanes.decoder import StreamDecoder
from sordino.rtl.lanes.directory import Directory
from sordino.rtl.lanes.lane import SHIFTED_X_BITS, Lane
from sordino.rtl.lanes.position import PositionWalker
from sordino.rtl.lanes.xfifo import XFifo
from sordino.rtl.shared.ports import DrainSignature, LoadSignature, TableSignature, written_lanes
from sordino.rtl.streaming.fetch import Refill, beat_layout

__all__ = ["PLACES_BITS", "Group", "group_events"]

PLACES_BITS = 26
"""Width of a group's number of places: rows * columns of any MATVEC are less than 2^26."""


def group_events(config: Config) -> data.StructLayout:
    """What happened in one cycle; `useful` counts lanes with a product."""
    useful = range(config.group + 1)
    return data.StructLayout({"places": 1, "padding": 1, "wait_x": 1, "useful": useful})


@dataclass(frozen=True)
class _Walk:
    """One walk and who takes part in it.

    decoders   positions first, then the values of each lane
    start      the walk begins
    ready      decoders have what they need to begin
    fed        no decoder waits for words of its stream
    move       the pipeline moves on
    place      a place has its column of x
    """

    decoders: list[StreamDecoder]
    walker: PositionWalker
    x_fifo: XFifo
    start: Signal
    ready: Signal
    fed: Signal
    move: Signal
    place: Signal


class Group(wiring.Component):
    """Walk the group's places of one matrix and accumulate in its lanes, one place a cycle.

    From the cycle after `begin` on `active` is high until the last place has its column of x. The
    first place, a padding place perhaps, comes DECODER_START + DEPTH cycles (`isa.timing`) after
    `begin`, and then one a cycle unless it waits for x. A group without places never becomes
    active. Products are in the accumulators LANE + 1 cycles after their place. A place outside the
    matrix ends the walk at once. Whatever the streams hold, a walk takes no more places than the
    directory says. Where the machine streams, a place also waits while a decoder of the group is
    hungry; streams are numbered as in `sordino.image.external`.

    Submodules: `lane{i}`, `values{i}`, `positions`, `walker`, `x_fifo`, and the directories
    `places`, `positions_starts`, `values{i}_starts`. Its twin is `sordino.golden.codec`.

    Members
    -------
    load
        Words for any group; taken are those for group `index` and its lanes.
    table
        Entries for the decoders, every one of which is taken.
    clear
        The group is at rest from the next cycle on, and `arguments.matrix` is looked up in the
        directories.
    begin
        The walk starts. Only in the cycle after a `clear`.
    busy
        Lanes work on `arguments.bank`, which is otherwise `drain`'s.
    arguments
        The MATVEC, held from `clear` on.
    active
        The walk goes on.
    error
        Valid once `active` fell: a place was outside the matrix, or a decoder did not end in
        state 0.
    x_ready, x_reserve, x_write, x
        Those of `XFifo`. A group that is not active is ready and drops what it gets.
    events
        What happened one cycle ago, but `useful` 3 cycles after its place.
    drain
        The accumulator banks of the group's lanes.
    wants, unfinished, grant
        Those of `Refill`, with a bit for each of the group's streams, in machines that stream.
    length, final
        Those of the stream that is granted, else 0.
    beat
        A beat for any stream.
    replay
        Held like `arguments`. With `again` streams are those in the rings and nothing is left to be
        read; rows of the bank count from `first`.
    """

    def __init__(self, config: Config, index: int) -> None:
        self.config = config
        self.index = index
        streaming = {}
        if config.stream_bus:
            streaming = {
                "wants": Out(1 + config.group),
                "unfinished": Out(1 + config.group),
                "grant": In(1 + config.group),
                "length": Out(range(config.stream_burst)),
                "final": Out(1),
                "beat": In(beat_layout(config)),
                "replay": In(Matvec.streaming),
            }
        super().__init__(
            {
                "load": In(LoadSignature),
                "table": In(TableSignature),
                "clear": In(1),
                "begin": In(1),
                "busy": In(1),
                "arguments": In(Matvec.layout),
                "active": Out(1),
                "error": Out(1),
                "x_ready": Out(1),
                "x_reserve": In(1),
                "x_write": In(1),
                "x": In(signed(8)),
                "events": Out(group_events(config)),
                "drain": In(
                    DrainSignature(
                        lanes=config.group,
                        rows=config.rows_per_lane,
                        accumulator_bits=config.accumulator_bits,
                    )
                ),
                **streaming,
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, first = self.config, self.index * self.config.group
        m.submodules.walker = walker = PositionWalker()
        m.submodules.x_fifo = x_fifo = XFifo(depth=config.x_fifo)
        positions = self._decoder(m, "positions", self.index, runs=True)
        values = [
            self._decoder(m, f"values{number}", first + number, runs=False)
            for number in range(config.group)
        ]
        walk = _Walk(
            decoders=[positions, *values],
            walker=walker,
            x_fifo=x_fifo,
            start=Signal(name="start"),
            ready=Signal(name="ready"),
            fed=Signal(name="fed"),
            move=Signal(name="move"),
            place=Signal(name="place"),
        )
        if config.stream_bus:
            self._stream(m, walk)
        else:
            m.d.comb += [walk.ready.eq(positions.ready), walk.fed.eq(1)]
        self._move(m, walk)
        failed = self._progress(m, walk)
        useful = self._accumulate(m, walk)
        clean = Cat(decoder.clean for decoder in walk.decoders).all()
        m.d.comb += self.error.eq(failed | ~clean)
        with m.If(self.clear):
            m.d.sync += self.events.eq(0)
        with m.Else():
            m.d.sync += [
                self.events.places.eq(walk.place & ~walker.padding),
                self.events.padding.eq(walk.place & walker.padding),
                self.events.wait_x.eq(self.active & walker.valid & ~x_fifo.available),
                self.events.useful.eq(sum(useful)),
            ]
        return m

    def _move(self, m: Module, walk: _Walk) -> None:
        """The pipeline between position decoder and x FIFO.

        It moves on unless the place at its end waits for its column, or for its stream.
        """
        positions, walker, x_fifo = walk.decoders[0], walk.walker, walk.x_fifo
        here = x_fifo.available
        m.d.comb += [
            walk.move.eq((~walker.valid | here) & walk.fed),
            walk.place.eq(self.active & walker.valid & here & walk.fed),
            walker.clear.eq(self.clear),
            walker.move.eq(walk.move),
            walker.rows.eq(self.arguments.rows),
            walker.i_valid.eq(positions.valid),
            walker.i_run.eq(positions.value),
            walker.i_padding.eq(positions.padding),
            x_fifo.clear.eq(~self.active),
            x_fifo.reserve.eq(self.x_reserve),
            x_fifo.write.eq(self.x_write),
            x_fifo.x.eq(self.x),
            x_fifo.offset.eq(walker.wraps),
            x_fifo.advance.eq(walk.place),
            self.x_ready.eq(x_fifo.ready),
        ]
        for decoder in walk.decoders:
            # Without places words are read in vain: their number comes too late for an address.
            m.d.comb += [
                decoder.clear.eq(self.clear),
                decoder.start.eq(walk.start if self.config.stream_bus else self.begin),
                decoder.move.eq(walk.move),
            ]

    def _accumulate(self, m: Module, walk: _Walk) -> list[Value]:
        """Places to the lanes; which of these have a product.

        A place's row and column of x stand here while its values leave their decoders.
        """
        walker, useful = walk.walker, list[Value]()
        walked = Signal()
        row, x = Signal(range(self.config.rows_per_lane)), Signal(signed(8))
        shifted = Signal(signed(SHIFTED_X_BITS))
        m.d.sync += walked.eq(walk.place & ~walker.padding)
        from_first = walker.row + self.replay.first_row if self.config.stream_bus else walker.row
        with m.If(walk.place):
            m.d.sync += [row.eq(from_first), x.eq(walk.x_fifo.value)]
        m.d.comb += shifted.eq(x << self.arguments.shift)
        for number, values in enumerate(walk.decoders[1:]):
            lane = self._lane(m, number)
            m.d.comb += [
                values.take.eq(self.active & walk.move & walker.taking),
                lane.valid.eq(walked),
                lane.row.eq(row),
                lane.x.eq(shifted),
                lane.x_zero.eq(x == 0),
                lane.w.eq(values.value),
            ]
            useful.append(lane.useful)
        return useful

    def _progress(self, m: Module, walk: _Walk) -> Signal:
        """Take as many position symbols as there are places; watch the columns.

        Drives `start` and `active`; returns the mark of a walk that went outside the matrix.
        """
        positions, walker = walk.decoders[0], walk.walker
        places = self._look_up(
            m,
            "places",
            Directory(
                LoadTarget.GROUP_DIRECTORY,
                self.index,
                word=1,
                words=2,
                shape=PLACES_BITS,
                depth=self.config.matrices,
            ),
        )
        remaining, more = Signal.like(places), Signal()
        coming = Signal()
        m.d.comb += [
            walk.start.eq(self.begin & (places != 0)),
            positions.take.eq(self.active & walk.ready & more & walk.move),
            coming.eq(more | positions.pending | positions.valid | walker.pending),
        ]
        with m.If(walk.start):
            m.d.sync += [remaining.eq(places), more.eq(1)]
        with m.Elif(positions.take):
            m.d.sync += [remaining.eq(remaining - 1), more.eq(remaining != 1)]

        # Columns after the present one. A place past the last column would wait for ever.
        left = Signal(signed(len(self.arguments.columns) + 1))
        left_then = Signal.like(left)
        failed = Signal()
        m.d.comb += left_then.eq(left - walker.wraps)
        with m.If(walk.start):
            m.d.sync += left.eq(self.arguments.columns - 1)
        with m.Elif(walk.place):
            m.d.sync += left.eq(left_then)

        with m.If(self.clear):
            m.d.sync += [self.active.eq(0), failed.eq(0)]
        with m.Elif(walk.start):
            m.d.sync += self.active.eq(1)
        with m.Elif(self.active & walker.valid & (walker.overrun | (left_then < 0))):
            m.d.sync += [self.active.eq(0), failed.eq(1)]
        with m.Elif(walk.move & ~coming):
            m.d.sync += self.active.eq(0)
        return failed

    def _decoder(self, m: Module, name: str, unit: int, *, runs: bool) -> StreamDecoder:
        """Decoder of one stream with its directory, loading and table writes."""
        config, load, table = self.config, self.load.payload, self.table.payload
        m.submodules[name] = decoder = StreamDecoder(
            words=config.group_words if runs else config.lane_words,
            state_bits=config.state_bits,
            slots=config.run_slots if runs else config.value_slots,
            runs=runs,
            config=config if config.stream_bus else None,
        )
        target = LoadTarget.POSITIONS if runs else LoadTarget.VALUES
        starts = Directory(
            LoadTarget.GROUP_DIRECTORY if runs else LoadTarget.LANE_DIRECTORY,
            unit,
            word=0,
            words=2 if runs else 1,
            shape=decoder.address.shape(),
            depth=config.matrices,
        )
        m.d.comb += [
            decoder.address.eq(self._look_up(m, f"{name}_starts", starts)),
            decoder.words.valid.eq(self.load.valid & (load.target == target) & (load.unit == unit)),
            decoder.words.payload.address.eq(load.address),
            decoder.words.payload.data.eq(load.data),
            decoder.entries.valid.eq(self.table.valid & (table.runs == runs)),
            decoder.entries.payload.address.eq(Cat(table.state[: config.state_bits], table.slot)),
            decoder.entries.payload.entry.eq(table.entry),
            decoder.slot.eq(self.arguments.run_slot if runs else self.arguments.slot),
        ]
        return decoder

    def _stream(self, m: Module, walk: _Walk) -> None:
        """Rings, what is left of their streams, and the group's part in the choice."""
        config, count = self.config, 1 + self.config.group
        first = self.index * count
        m.d.comb += [
            walk.ready.eq(Cat(decoder.ready for decoder in walk.decoders).all()),
            walk.fed.eq(~Cat(decoder.hungry for decoder in walk.decoders).any()),
        ]
        streamed = self._external(m, "streamed", first, 3, 1)
        lengths: list[Value] = []
        finals: list[Value] = []
        for number, decoder in enumerate(walk.decoders):
            m.submodules[f"refill{number}"] = refill = Refill(config)
            words = self._external(m, f"words{number}", first + number, 1, EXTERNAL_BITS)
            m.d.comb += [
                decoder.streamed.eq(streamed),
                decoder.again.eq(self.replay.from_ring),
                decoder.length.eq(words),
                decoder.beat.valid.eq(self.beat.valid & (self.beat.stream == first + number)),
                decoder.beat.payload.eq(self.beat.data),
                refill.clear.eq(self.clear),
                refill.start.eq(decoder.start & ~self.replay.from_ring),
                refill.words.eq(words),
                refill.freed.eq(decoder.freed),
                refill.grant.eq(self.grant[number]),
                self.wants[number].eq(refill.wants),
                self.unfinished[number].eq(refill.unfinished),
            ]
            lengths.append(Mux(self.grant[number], refill.length, 0))
            finals.append(self.grant[number] & refill.final)
        m.d.comb += [
            self.length.eq(reduce(or_, lengths)),
            self.final.eq(Cat(finals).any()),
        ]

    def _external(self, m: Module, name: str, number: int, word: int, shape: Any) -> Value:
        """Word `word` of the directory of streams in external memory for stream `number`."""
        directory = Directory(
            LoadTarget.EXTERNAL_DIRECTORY,
            number,
            word=word,
            words=DIRECTORY_WORDS,
            shape=shape,
            depth=self.config.matrices,
        )
        return self._look_up(m, name, directory)

    def _look_up(self, m: Module, name: str, directory: Directory) -> Value:
        """What the directory says of `arguments.matrix` from the cycle after `clear` on."""
        m.submodules[name] = directory
        m.d.comb += [
            directory.load.valid.eq(self.load.valid),
            directory.load.payload.eq(self.load.payload),
            directory.enable.eq(self.clear),
            directory.matrix.eq(self.arguments.matrix),
        ]
        return directory.value

    def _lane(self, m: Module, number: int) -> Lane:
        """A lane with its part of `drain`."""
        m.submodules[f"lane{number}"] = lane = Lane(
            rows=self.config.rows_per_lane, accumulator_bits=self.config.accumulator_bits
        )
        m.d.comb += [
            lane.busy.eq(self.busy),
            lane.bank.eq(self.arguments.bank),
            lane.drain.bank.eq(self.drain.bank),
            lane.drain.row.eq(self.drain.row),
            *written_lanes(lane.drain.write, self.drain.write, number),
            self.drain.accumulators[number].eq(lane.drain.accumulators[0]),
        ]
        return lane
