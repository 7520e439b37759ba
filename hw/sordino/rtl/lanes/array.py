"""The matvec engine: groups of lanes, and x broadcast to them."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.isa import timing
from sordino.isa.registers import COUNTER_BITS
from sordino.rtl.lanes.group import PLACES_BITS, Group
from sordino.rtl.shared.ports import (
    ARRAY_UNIT,
    BASE_BITS,
    DrainSignature,
    LoadSignature,
    TableSignature,
    external_signature,
    written_lanes,
)
from sordino.rtl.streaming.fetch import StreamReader

__all__ = ["ArrayCounts", "MatvecArray"]


class ArrayCounts(data.Struct):
    """Totals of the MATVECs that were completed without error; see `registers.COUNTERS`."""

    places: COUNTER_BITS
    padding: COUNTER_BITS
    useful: COUNTER_BITS
    gated: COUNTER_BITS
    wait_x: COUNTER_BITS


class _State(enum.Enum, shape=2):
    IDLE = 0
    BEGIN = 1
    """The directories have answered: groups start."""
    RUN = 2
    SETTLE = 3
    """Products reach the accumulators, events the counters."""


class MatvecArray(wiring.Component):
    """Execute MATVEC: every group walks its places of the matrix, lanes multiply and accumulate.

    Column j of x is read from address `source` + j, once, in order, one column a cycle while no
    group's FIFO is full. A MATVEC is done when all is visible: accumulators to a drain read
    presented in that cycle, and `counts`. That is places + MATVEC_OVERHEAD cycles (`isa.timing`)
    after its start, with the places (padding among them) of the busiest group, if no group waits
    for x, and NOTHING if there are none. Timing depends on the streams and arguments alone.

    `error` comes instead of results, if a group walked outside the matrix or a decoder ended in a
    state other than 0; `counts` are then those from before. Whatever the streams hold, `done` comes
    after at most 8 cycles for each column and for each place that the directories count, plus
    MATVEC_OVERHEAD. From the cycle after an abort on the array is idle, and accumulators and
    counters are as after an error.

    While a MATVEC is in progress its bank is not `drain`'s, which then reads something
    unspecified from it and does not write it; the other bank is. A drain write reaches the bank
    a cycle late: a read of its row gives what was there before in the same cycle, something
    unspecified in the next and what was written from then on; a MATVEC on that bank may start in
    the cycle after the write, not in the same one.

    Where the machine streams, streamed matrices come from external memory. `error` then also comes
    when not all of every stream was read or its CRC-32 did not match, or the memory answered with
    an error; `corrupt` says that it was one of the latter two. How long a MATVEC takes then depends
    on the memory as well. With `replay.again` nothing is read, and no group waits for its streams.
    Other machines ignore `replay`.

    Its twins are `sordino.golden.codec` for the walk, and the product of the dealt matrix with x,
    wrapped by `sordino.golden.memory.wrap`, for the accumulators.

    Members
    -------
    load, table
        A word or an entry each cycle, for what no MATVEC in progress uses; visible to a MATVEC
        started two cycles later.
    unit
        The MATVEC to execute.
    x_address, x_data
        Activation memory; data follows its address by one cycle.
    drain
        The accumulator banks.
    counts, clear_counts
        Counters, and that they begin at 0.
    base, axi, fetching
        External memory and the page at which it begins, in machines that stream; beats for rings
        may come, whose memories take no other words then. While it is low, none comes within the
        three cycles in which a word of `load` that is taken now is on its way.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        streaming = {}
        if config.stream_bus:
            streaming = {
                "base": In(BASE_BITS),
                "axi": Out(external_signature(config)),
                "fetching": Out(1),
            }
        super().__init__(
            {
                "load": In(LoadSignature),
                "table": In(TableSignature),
                "unit": In(ARRAY_UNIT),
                "x_address": Out(16),
                "x_data": In(signed(8)),
                "drain": In(
                    DrainSignature(
                        lanes=config.lanes,
                        rows=config.rows_per_lane,
                        accumulator_bits=config.accumulator_bits,
                    )
                ),
                "counts": Out(ArrayCounts),
                "clear_counts": In(1),
                **streaming,
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        groups = [Group(self.config, index) for index in range(self.config.groups)]
        for group in groups:
            m.submodules[f"group{group.index}"] = group
        state = Signal(_State)
        failed = Cat(group.error for group in groups).any()
        if self.config.stream_bus:
            failed |= self._streaming(m, groups)
        settled = self._control(m, groups, state)
        reserve, write, x = self._broadcast(m, groups, state)
        self._connect(m, groups)
        for group in groups:
            m.d.comb += [
                group.clear.eq(self.unit.start | self.unit.abort),
                group.begin.eq(state == _State.BEGIN),
                group.busy.eq(state != _State.IDLE),
                group.arguments.eq(self.unit.arguments.matvec),
                group.x_reserve.eq(reserve),
                group.x_write.eq(write),
                group.x.eq(x),
            ]
        kept = settled & ~self.unit.abort
        m.d.sync += [self.unit.done.eq(kept), self.unit.error.eq(failed)]
        self._count(m, groups, state, kept & ~failed)
        return m

    def _control(self, m: Module, groups: list[Group], state: Any) -> Signal:
        """The states of a MATVEC; the signal returned is high in the last cycle before `done`."""
        settle = Signal(range(timing.SETTLING))
        settled = Signal()
        active = Cat(group.active for group in groups)
        m.d.comb += settled.eq((state == _State.SETTLE) & (settle == timing.SETTLING - 1))
        with m.Switch(state):
            with m.Case(_State.IDLE), m.If(self.unit.start):
                m.d.sync += state.eq(_State.BEGIN)
            with m.Case(_State.BEGIN):
                m.d.sync += state.eq(_State.RUN)
            with m.Case(_State.RUN):
                m.d.sync += settle.eq(0)
                with m.If(~active.any()):
                    m.d.sync += state.eq(_State.SETTLE)
            with m.Case(_State.SETTLE):
                m.d.sync += settle.eq(settle + 1)
                with m.If(settled):
                    m.d.sync += state.eq(_State.IDLE)
        with m.If(self.unit.abort):
            m.d.sync += state.eq(_State.IDLE)
        return settled

    def _broadcast(
        self, m: Module, groups: list[Group], state: Any
    ) -> tuple[Signal, Signal, Signal]:
        """Read x column by column; returns the groups' reserve, write and x.

        A column is reserved in every FIFO in the cycle of its address, and written two cycles
        later, from a register that serves all groups.
        """
        left, more = Signal.like(self.unit.arguments.matvec.columns), Signal()
        reserve, fetched, write = Signal(), Signal(), Signal()
        x = Signal.like(self.x_data)
        ready = Cat(group.x_ready for group in groups)
        running = state == _State.RUN
        m.d.comb += reserve.eq(running & more & ready.all())
        m.d.sync += [fetched.eq(reserve), write.eq(fetched), x.eq(self.x_data)]
        with m.If(state == _State.BEGIN):
            m.d.sync += [
                self.x_address.eq(self.unit.arguments.matvec.source),
                left.eq(self.unit.arguments.matvec.columns),
                more.eq(self.unit.arguments.matvec.columns != 0),
            ]
        with m.Elif(reserve):
            m.d.sync += [
                self.x_address.eq(self.x_address + 1),
                left.eq(left - 1),
                more.eq(left != 1),
            ]
        return reserve, write, x

    def _streaming(self, m: Module, groups: list[Group]) -> Signal:
        """The read manager and what it knows of the groups; whether anything is left to be read."""
        m.submodules.reader = reader = StreamReader(self.config)
        valid, payload = Signal(), Signal.like(self.load.payload)
        unread = Signal()
        unfinished = Cat(group.unfinished for group in groups)
        coming = unfinished.any() | reader.busy
        m.d.sync += [
            valid.eq(self.load.valid),
            payload.eq(self.load.payload),
            self.fetching.eq(coming),
        ]
        m.d.comb += [
            reader.load.valid.eq(valid),
            reader.load.payload.eq(payload),
            reader.clear.eq(self.unit.start | self.unit.abort),
            reader.matrix.eq(self.unit.arguments.matvec.matrix),
            reader.base.eq(self.base),
            reader.wants.eq(Cat(group.wants for group in groups)),
            Cat(group.grant for group in groups).eq(reader.grant),
            reader.length.eq(reduce(or_, (group.length for group in groups))),
            reader.final.eq(Cat(group.final for group in groups).any()),
            *(group.beat.eq(reader.beat) for group in groups),
            *(group.replay.eq(self.unit.arguments.replay) for group in groups),
            unread.eq(coming | reader.corrupt),
            self.unit.corrupt.eq(reader.corrupt),
        ]
        wiring.connect(m, reader.axi, wiring.flipped(self.axi))
        return unread

    def _connect(self, m: Module, groups: list[Group]) -> None:
        """Loading, tables and the vector unit's view.

        What is written passes through a register for all groups; for the banks that also means
        that no row is read and written in one cycle.
        """
        for source, sinks in (
            (self.load, [group.load for group in groups]),
            (self.table, [group.table for group in groups]),
        ):
            valid, payload = Signal(), Signal.like(source.payload)
            m.d.sync += [valid.eq(source.valid), payload.eq(source.payload)]
            for sink in sinks:
                m.d.comb += [sink.valid.eq(valid), sink.payload.eq(payload)]
        write = Signal.like(self.drain.write)
        m.d.sync += write.eq(self.drain.write)
        for group in groups:
            first = group.index * self.config.group
            m.d.comb += [
                group.drain.bank.eq(self.drain.bank),
                group.drain.row.eq(self.drain.row),
                *written_lanes(group.drain.write, write, first),
            ]
            for number in range(self.config.group):
                lane = first + number
                m.d.comb += self.drain.accumulators[lane].eq(group.drain.accumulators[number])

    def _count(self, m: Module, groups: list[Group], state: Any, kept: Value) -> None:
        """Add events up over groups, then over the MATVEC, and keep what ends without error."""
        width = PLACES_BITS + (self.config.lanes - 1).bit_length() + 1
        keep = Signal()
        m.d.comb += keep.eq(kept)
        for name in ("places", "padding", "wait_x", "useful"):
            most = self.config.lanes if name == "useful" else self.config.groups
            events = Signal(range(most + 1), name=f"{name}_events")
            pending = Signal(width, name=f"{name}_pending")
            total = self.counts[name]
            m.d.sync += events.eq(sum(group.events[name] for group in groups))
            with m.If((state == _State.IDLE) | (state == _State.BEGIN)):
                m.d.sync += pending.eq(0)
            with m.Else():
                m.d.sync += pending.eq(pending + events)
            with m.If(self.clear_counts):
                m.d.sync += total.eq(0)
            with m.Elif(keep):
                m.d.sync += total.eq(total + pending)
        m.d.comb += self.counts.gated.eq(
            self.counts.places * self.config.group - self.counts.useful
        )
