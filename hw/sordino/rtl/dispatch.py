"""What passes between the sequencer and the units that execute for it."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.instruction import REGISTERS, STREAMING_BIT, Unit
from sordino.isa.operations import ISA
from sordino.isa.registers import Error
from sordino.rtl.shared.ports import (
    ARRAY_UNIT,
    PC_BITS,
    REGISTER_BITS,
    RETIRES,
    TABLE_UNIT,
    VECTOR_UNIT,
)

__all__ = ["UNITS", "Dispatch", "Units"]


class Units(data.Struct):
    """A bit for each unit, the same as in `sordino.isa.instruction.Unit`."""

    array: 1
    vector: 1
    table: 1


UNITS = RETIRES[1:]
"""Their names, in the order of their bits."""
assert [(name, 1 << n) for n, (name, _) in enumerate(data.Layout.cast(Units))] == [
    (name, Unit[name.upper()].value) for name in UNITS
]


class Dispatch(wiring.Component):
    """Begin instructions on the units, know which are at work, and what failed.

    Members
    -------
    begin
        The instruction of `word` begins on that unit: its start is high in the next cycle, and
        from then on it is at work.
    pc, word, operand
        The instruction's address, the instruction, and what the register holds that it reads.
    finds, found_register
        The instruction has a result for a register; which one.
    asked
        INPUT is not to take its first feature, but to go on elsewhere.
    stop
        What is at work is forgotten, and what would begin in this cycle does not.
    abort
        Passed on to all units.
    at_work
        Units that are not idle, the cycle of their `done` among them.
    done
        Units whose instruction is done in this cycle, without an error.
    pcs
        Addresses of the latest instruction of array, vector unit and table loader.
    failure, failed_pc
        What fails in this cycle, and the address of its instruction; of others, `pc`.
    found, register
        An instruction is done that `finds`: the vector unit's `result` belongs in that scalar
        register.
    array, vector, table
        The units.
    """

    begin: In(Units)
    pc: In(PC_BITS)
    word: In(ISA.word)
    operand: In(REGISTER_BITS)
    finds: In(1)
    found_register: In(range(REGISTERS))
    asked: In(1)
    stop: In(1)
    abort: In(1)
    at_work: Out(Units)
    done: Out(Units)
    pcs: Out(data.StructLayout(dict.fromkeys(UNITS, PC_BITS)))
    failure: Out(Error)
    failed_pc: Out(PC_BITS)
    found: Out(1)
    register: Out(range(REGISTERS))
    array: Out(ARRAY_UNIT)
    vector: Out(VECTOR_UNIT)
    table: Out(TABLE_UNIT)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        units = {"array": self.array, "vector": self.vector, "table": self.table}
        for name, unit in units.items():
            m.d.comb += [
                self.done[name].eq(self.at_work[name] & unit.done & ~unit.error),
                unit.abort.eq(self.abort),
            ]
            m.d.sync += [
                unit.start.eq(self.begin[name]),
                self.at_work[name].eq(self.at_work[name] & ~self.done[name] | self.begin[name]),
            ]
            with m.If(self.begin[name]):
                m.d.sync += self.pcs[name].eq(self.pc)
            with m.If(self.stop):
                m.d.sync += [unit.start.eq(0), self.at_work[name].eq(0)]
        self._tell(m)
        self._fail(m)
        return m

    def _tell(self, m: Module) -> None:
        """Arguments, and where a result goes."""
        arguments, finds = self.word.arguments, Signal()
        m.d.comb += [
            self.vector.arguments.word.eq(self.word),
            self.vector.arguments.operand.eq(self.operand),
            self.vector.request.eq(self.asked),
            self.found.eq(self.done.vector & finds),
        ]
        with m.If(self.begin.table):
            m.d.sync += self.table.arguments.eq(arguments.table)
        with m.If(self.begin.array):
            m.d.sync += [
                self.array.arguments.matvec.eq(arguments.matvec),
                self.array.arguments.replay.eq(arguments.raw[STREAMING_BIT:]),
            ]
        with m.If(self.begin.vector):
            m.d.sync += [
                finds.eq(self.finds),
                self.register.eq(self.found_register),
            ]

    def _fail(self, m: Module) -> None:
        """Errors; only INPUT has one in the vector unit, and `pc` stays its address."""
        m.d.comb += self.failed_pc.eq(self.pc)
        with m.If(self.at_work.array & self.array.done & self.array.error):
            m.d.comb += [
                self.failure.eq(Mux(self.array.corrupt, Error.MEMORY, Error.STREAM)),
                self.failed_pc.eq(self.pcs.array),
            ]
        with m.If(self.at_work.vector & self.vector.done & self.vector.error):
            m.d.comb += self.failure.eq(Error.INPUT)
