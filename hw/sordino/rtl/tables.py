"""Table memory, and the engine that copies one expanded table to the decoders."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.image.tans import EntryLayout
from sordino.isa.registers import LoadTarget
from sordino.rtl.shared.attributes import UNCHECKED
from sordino.rtl.shared.ports import TABLE_UNIT, LoadSignature, TableSignature

__all__ = ["TableLoader"]

_HALF_BITS = 32


class TableLoader(wiring.Component):
    """Execute TABLE: send every entry of one table to the decoders, one a cycle.

    State s is sent s + 2 cycles after the start, and it is done with the last one,
    `timing.table_cycles` after the start. In the cycle of an abort an entry may still be sent, none
    later. A `source` outside table memory sends something unspecified.

    Host words for TABLES arrive at 2 * entry + half, entry = table * states + state. The halves
    are the memories `low` (bits 31 to 0 of an entry) and `high` (the others that it uses), zero at
    power-up; a word is visible to an entry read in the next cycle. An entry that is read in the
    cycle of its word is unspecified.

    Members
    -------
    load
        Words for any target; taken are those for TABLES.
    unit
        The TABLE to execute; it never fails.
    table
        Entries for the decoders.
    """

    load: In(LoadSignature)
    unit: In(TABLE_UNIT)
    table: Out(TableSignature)

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        reading, state = Signal(), Signal(self.config.state_bits)
        sending, sent_state = Signal(), Signal(self.config.state_bits)
        last = self.config.states - 1
        with m.If(reading):
            m.d.sync += state.eq(state + 1)
            with m.If(state == last):
                m.d.sync += reading.eq(0)
        with m.If(self.unit.start):
            m.d.sync += [reading.eq(1), state.eq(0)]
        m.d.sync += [sending.eq(reading), sent_state.eq(state)]
        with m.If(self.unit.abort):
            m.d.sync += [reading.eq(0), sending.eq(0)]
        entry = self._memory(m, Cat(state, self.unit.arguments.source))
        m.d.comb += [
            self.table.valid.eq(sending),
            self.table.payload.runs.eq(self.unit.arguments.runs),
            self.table.payload.slot.eq(self.unit.arguments.slot),
            self.table.payload.state.eq(sent_state),
            self.table.payload.entry.eq(entry),
            self.unit.done.eq(sending & (sent_state == last)),
        ]
        return m

    def _memory(self, m: Module, address: Value) -> Value:
        """Table memory; the entry at `address`, one cycle later."""
        depth = self.config.tables * self.config.states
        entry_bits = Shape.cast(EntryLayout).width
        load, halves = self.load.payload, []
        for half, (name, width) in enumerate(
            (("low", _HALF_BITS), ("high", entry_bits - _HALF_BITS))
        ):
            words: Any = memory.Memory(shape=unsigned(width), depth=depth, init=[], attrs=UNCHECKED)
            m.submodules[name] = words
            write, read = words.write_port(), words.read_port()
            m.d.comb += [
                write.en.eq(
                    self.load.valid & (load.target == LoadTarget.TABLES) & (load.address[0] == half)
                ),
                write.addr.eq(load.address[1:]),
                write.data.eq(load.data),
                read.addr.eq(address),
            ]
            halves.append(read.data)
        return Cat(*halves)
