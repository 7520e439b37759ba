"""One group: a position decoder, its lanes and their value decoders."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.isa.external import EXTERNAL_BITS
from sordino.isa.instructions import Matvec, Replay
from sordino.isa.registers import LoadTarget
from sordino.rtl.attributes import UNCHECKED
from sordino.rtl.decoder import StreamDecoder
from sordino.rtl.fetch import Refill, beat_layout
from sordino.rtl.lane import SHIFTED_X_BITS, Lane
from sordino.rtl.ports import DrainSignature, LoadSignature, TableSignature
from sordino.rtl.position import PositionWalker
from sordino.rtl.xfifo import XFifo

__all__ = ["PLACES_BITS", "Group", "group_events"]

PLACES_BITS = 26
"""Width of a group's number of places: rows * columns of any MATVEC are less than 2^26."""


def group_events(config: Config) -> data.StructLayout:
    """What happened in one cycle; `useful` counts lanes with a product."""
    return data.StructLayout(
        {"places": 1, "padding": 1, "wait_x": 1, "useful": range(config.group + 1)}
    )


class Group(wiring.Component):
    """Walk the group's places of one matrix and accumulate in its lanes, one place a cycle.

    `clear` returns the group to rest and looks `arguments.matrix` up in the directories; `begin`,
    in the cycle after a `clear`, starts the walk. From the next cycle on `active` is high until the
    last place has its column of x. The first place, a padding place perhaps, comes DECODER_START +
    DEPTH cycles (`isa.timing`) after `begin`, and then one a cycle unless it waits for x. A group
    without places never becomes active. Products are in the accumulators LANE + 1 cycles after
    their place. A place outside the matrix ends the walk at once; `error`, valid once `active`
    fell, says that this happened or that a decoder did not end in state 0. Whatever the streams
    hold, a walk takes no more places than the directory says.

    `x_ready`, `x_reserve`, `x_write` and `x` are those of `XFifo`; a group that is not active is
    ready and drops what it gets. `busy` and `arguments.bank` give the lanes the bank, which is
    otherwise `drain`'s. `events` comes one cycle after what it counts, `useful` 3 cycles after
    the place.

    Submodules: `lane{i}`, `values{i}`, `positions`, `walker`, `x_fifo`, and the directories
    `places`, `positions_starts`, `values{i}_starts`. Group `index` takes what `load` brings for it
    and its lanes, and every entry of `table`.

    Where the machine streams, a place also waits while a decoder of the group is hungry. Streams
    are numbered as in `sordino.isa.external`; `wants`, `unfinished` and `grant` have a bit for each
    of the group's, `length` and `final` answer for the one granted and are 0 without, see `Refill`;
    `beat` is for everybody. `replay`, held like `arguments`: with `again` the streams are those in
    the rings and nothing is left to be read; rows of the bank count from `first`.
    """

    load: stream.Interface
    table: stream.Interface
    clear: Signal
    begin: Signal
    busy: Signal
    arguments: Matvec
    active: Signal
    error: Signal
    x_ready: Signal
    x_reserve: Signal
    x_write: Signal
    x: Signal
    events: data.View
    drain: wiring.PureInterface
    wants: Signal
    unfinished: Signal
    grant: Signal
    length: Signal
    final: Signal
    beat: Any
    replay: Replay

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
                "replay": In(Replay),
            }
        super().__init__(
            {
                "load": In(LoadSignature),
                "table": In(TableSignature),
                "clear": In(1),
                "begin": In(1),
                "busy": In(1),
                "arguments": In(Matvec),
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

    def elaborate(self, platform) -> Module:
        m = Module()
        config, arguments = self.config, self.arguments
        m.submodules.walker = walker = PositionWalker()
        m.submodules.x_fifo = x_fifo = XFifo(depth=config.x_fifo)

        # The pipeline moves on unless the place at its end waits for its column.
        start, move, place = Signal(), Signal(), Signal()
        self._decoders: list[StreamDecoder] = []
        here = x_fifo.available
        if config.stream_bus:
            fed = Signal()
            m.d.comb += [
                move.eq((~walker.valid | here) & fed),
                place.eq(self.active & walker.valid & here & fed),
            ]
        else:
            m.d.comb += [
                move.eq(~walker.valid | here),
                place.eq(self.active & walker.valid & here),
            ]
        positions = self._decoder(m, "positions", self.index, start, move, runs=True)
        m.d.comb += [
            walker.clear.eq(self.clear),
            walker.move.eq(move),
            walker.rows.eq(arguments.rows),
            walker.i_valid.eq(positions.valid),
            walker.i_run.eq(positions.value),
            walker.i_padding.eq(positions.padding),
            x_fifo.clear.eq(~self.active),
            x_fifo.reserve.eq(self.x_reserve),
            x_fifo.write.eq(self.x_write),
            x_fifo.x.eq(self.x),
            x_fifo.offset.eq(walker.wraps),
            x_fifo.advance.eq(place),
            self.x_ready.eq(x_fifo.ready),
        ]
        failed = self._progress(m, start, move, place, positions, walker)

        # A place's row and column of x stand here while its values leave their decoders.
        walked = Signal()
        row, x = Signal(range(config.rows_per_lane)), Signal(signed(8))
        shifted = Signal(signed(SHIFTED_X_BITS))
        m.d.sync += walked.eq(place & ~walker.padding)
        from_first = walker.row + self.replay.first if config.stream_bus else walker.row
        with m.If(place):
            m.d.sync += [row.eq(from_first), x.eq(x_fifo.value)]
        m.d.comb += shifted.eq(x << arguments.shift)

        clean, useful = [positions.clean], []
        for number in range(config.group):
            unit = self.index * config.group + number
            values = self._decoder(m, f"values{number}", unit, start, move, runs=False)
            lane = self._lane(m, number)
            m.d.comb += [
                values.take.eq(self.active & move & walker.taking),
                lane.valid.eq(walked),
                lane.row.eq(row),
                lane.x.eq(shifted),
                lane.w.eq(values.value),
            ]
            clean.append(values.clean)
            useful.append(lane.useful)
        m.d.comb += self.error.eq(failed | ~Cat(clean).all())
        waits = ~move
        if config.stream_bus:
            waits = walker.valid & ~here
            hungry = Cat(decoder.hungry for decoder in self._decoders)
            m.d.comb += fed.eq(~hungry.any())
            self._streaming(m)

        with m.If(self.clear):
            m.d.sync += self.events.eq(0)
        with m.Else():
            m.d.sync += [
                self.events.places.eq(place & ~walker.padding),
                self.events.padding.eq(place & walker.padding),
                self.events.wait_x.eq(self.active & waits),
                self.events.useful.eq(sum(useful)),
            ]
        return m

    def _progress(
        self,
        m: Module,
        start: Signal,
        move: Signal,
        place: Signal,
        positions: StreamDecoder,
        walker: PositionWalker,
    ) -> Signal:
        """Take as many position symbols as there are places; watch the columns.

        Drives `start`, `active` and `positions.take`; returns the mark of a walk that went
        outside the matrix.
        """
        load, group = self.load.payload, (LoadTarget.GROUP_DIRECTORY, self.index)
        places = self._directory(
            m, "places", PLACES_BITS, *group, load.address[1:], load.address[0]
        )
        remaining, more = Signal.like(places), Signal()
        coming = Signal()
        ready = Signal() if self.config.stream_bus else positions.ready
        self._ready = ready
        m.d.comb += [
            start.eq(self.begin & (places != 0)),
            positions.take.eq(self.active & ready & more & move),
            coming.eq(more | positions.pending | positions.valid | walker.pending),
        ]
        with m.If(start):
            m.d.sync += [remaining.eq(places), more.eq(1)]
        with m.Elif(positions.take):
            m.d.sync += [remaining.eq(remaining - 1), more.eq(remaining != 1)]

        # Columns after the present one. A place past the last column would wait for ever.
        left = Signal(signed(len(self.arguments.columns) + 1))
        left_then = Signal.like(left)
        failed = Signal()
        m.d.comb += left_then.eq(left - walker.wraps)
        with m.If(start):
            m.d.sync += left.eq(self.arguments.columns - 1)
        with m.Elif(place):
            m.d.sync += left.eq(left_then)

        with m.If(self.clear):
            m.d.sync += [self.active.eq(0), failed.eq(0)]
        with m.Elif(start):
            m.d.sync += self.active.eq(1)
        with m.Elif(self.active & walker.valid & (walker.overrun | (left_then < 0))):
            m.d.sync += [self.active.eq(0), failed.eq(1)]
        with m.Elif(move & ~coming):
            m.d.sync += self.active.eq(0)
        return failed

    def _decoder(
        self, m: Module, name: str, unit: int, start: Signal, move: Signal, *, runs: bool
    ) -> StreamDecoder:
        """Decoder of one stream with its directory, loading and table writes."""
        config, load, table = self.config, self.load.payload, self.table.payload
        m.submodules[name] = decoder = StreamDecoder(
            words=config.group_words if runs else config.lane_words,
            state_bits=config.state_bits,
            slots=config.run_slots if runs else config.value_slots,
            runs=runs,
            config=config if config.stream_bus else None,
        )
        self._decoders.append(decoder)
        if runs:
            target, stored = LoadTarget.POSITIONS, LoadTarget.GROUP_DIRECTORY
            matrix, when = load.address[1:], ~load.address[0]
        else:
            target, stored = LoadTarget.VALUES, LoadTarget.LANE_DIRECTORY
            matrix, when = load.address, C(1)
        m.d.comb += [
            decoder.address.eq(
                self._directory(
                    m, f"{name}_starts", decoder.address.shape(), stored, unit, matrix, when
                )
            ),
            decoder.words.valid.eq(self.load.valid & (load.target == target) & (load.unit == unit)),
            decoder.words.payload.address.eq(load.address),
            decoder.words.payload.data.eq(load.data),
            decoder.entries.valid.eq(self.table.valid & (table.runs == runs)),
            decoder.entries.payload.address.eq(Cat(table.state[: config.state_bits], table.slot)),
            decoder.entries.payload.entry.eq(table.entry),
            decoder.slot.eq(self.arguments.run_slot if runs else self.arguments.slot),
            decoder.clear.eq(self.clear),
            decoder.start.eq(start),
            decoder.move.eq(move),
        ]
        return decoder

    def _streaming(self, m: Module) -> None:
        """Rings, what is left of their streams, and the group's part in the choice."""
        config, count = self.config, 1 + self.config.group
        load, target = self.load.payload, LoadTarget.EXTERNAL_DIRECTORY
        first, matrix = self.index * count, load.address[2:]
        m.d.comb += self._ready.eq(Cat(decoder.ready for decoder in self._decoders).all())
        streamed = self._directory(m, "streamed", 1, target, first, matrix, load.address[:2] == 3)
        lengths: list[Value] = []
        finals: list[Value] = []
        for number, decoder in enumerate(self._decoders):
            m.submodules[f"refill{number}"] = refill = Refill(config)
            words = self._directory(
                m,
                f"words{number}",
                EXTERNAL_BITS,
                target,
                first + number,
                matrix,
                load.address[:2] == 1,
            )
            m.d.comb += [
                decoder.streamed.eq(streamed),
                decoder.again.eq(self.replay.again),
                decoder.length.eq(words),
                decoder.beat.valid.eq(self.beat.valid & (self.beat.stream == first + number)),
                decoder.beat.payload.eq(self.beat.data),
                refill.clear.eq(self.clear),
                refill.start.eq(decoder.start & ~self.replay.again),
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

    def _directory(
        self,
        m: Module,
        name: str,
        shape: Any,
        target: LoadTarget,
        unit: int,
        matrix: Value,
        when: Value,
    ) -> Value:
        """What the directory says of `arguments.matrix` from the cycle after `clear` on.

        A word loaded for `target` and `unit` is stored as that of `matrix` if `when`.
        """
        directory: Any = memory.Memory(
            shape=shape, depth=self.config.matrices, init=[], attrs=UNCHECKED
        )
        m.submodules[name] = directory
        write, read = directory.write_port(), directory.read_port()
        load = self.load.payload
        m.d.comb += [
            write.en.eq(self.load.valid & (load.target == target) & (load.unit == unit) & when),
            write.addr.eq(matrix),
            write.data.eq(load.data),
            read.en.eq(self.clear),
            read.addr.eq(self.arguments.matrix),
        ]
        return Value.cast(read.data)

    def _lane(self, m: Module, number: int) -> Lane:
        """A lane with its part of `drain`."""
        m.submodules[f"lane{number}"] = lane = Lane(
            rows=self.config.rows_per_lane, accumulator_bits=self.config.accumulator_bits
        )
        m.d.comb += [
            lane.busy.eq(self.busy),
            lane.bank.eq(self.arguments.bank),
            self.drain.accumulators[number].eq(lane.drain.accumulators[0]),
            *(
                getattr(lane.drain, name).eq(getattr(self.drain, name))
                for name in ("bank", "row", "write", "write_bank", "write_row", "value")
            ),
        ]
        return lane
