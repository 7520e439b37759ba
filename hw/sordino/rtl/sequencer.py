"""The sequencer: fetches instructions, executes control flow, begins the rest on the units."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.isa.instructions import (
    EXTENSION_BIT,
    REGISTERS,
    STACK_DEPTH,
    Condition,
    Instruction,
    Matvec,
    Opcode,
    Replay,
    Table,
    Unit,
    Word,
    unit_of,
)
from sordino.isa.overlap import waits
from sordino.isa.registers import COUNTER_BITS, Error, LoadTarget
from sordino.rtl.memories import WideMemory
from sordino.rtl.ports import RETIRES, LoadSignature, Trace

__all__ = ["SEQUENCER_COUNTERS", "Sequencer"]

SEQUENCER_COUNTERS = (
    "cycles",
    "instructions",
    "frames",
    "tokens",
    "matvec",
    "vector",
    "table",
    "wait_input",
    "wait_token",
)
"""Those of registers.COUNTERS that are kept here; the array keeps the others."""
_REGISTER_BITS = 16
_PC_BITS = 16
_UNITS = {name: Unit[name.upper()].value.bit_length() - 1 for name in ("array", "vector", "table")}
"""Number of a unit's bit."""
_ALL = Unit.ARRAY | Unit.VECTOR | Unit.TABLE


class _State(enum.Enum, shape=2):
    IDLE = 0
    FETCH = 1
    EXECUTE = 2
    WAIT = 3
    """An INPUT is at work."""


class Sequencer(wiring.Component):
    """Run a program: instructions begin in order, on three units at a time.

    Every instruction takes `timing.SEQUENCER_CYCLES`: one reads program memory; the other is the
    first in which every unit is idle that the instruction waits for. In it HALT, SET, JUMP, CALL,
    RETURN, LOOP, BRANCH and EMIT execute; EMIT takes one cycle more for each in which the token
    stream is not ready. An instruction of a unit begins: the unit's start is high in the next
    cycle, and from then until `done` the unit is not idle, that cycle among them. Which units an
    instruction waits for says `sordino.isa.overlap.waits`. The instruction after an INPUT is read
    when that is done. The first cycle is the one after `start`. So, where nothing overlaps, after
    a HALT,

        cycles = 2 instructions + inputs + matvec + vector + table + wait_token

    and always `matvec`, `vector` and `table` count the cycles after a unit's start to its done.

    The machine stops with `finished`, and `error` unless it was a HALT. An instruction that stops
    it with an error does not retire, and `pc` is its address. ILLEGAL, STACK and INPUT come when
    nothing is at work that could stop it with another one; with STREAM, instructions that began
    after the MATVEC may have retired. `limit` is read with `start`; if it is not 0, a program that
    has not stopped after `limit` cycles stops with LIMIT, as it does with `abort`. What is done in
    the very cycle in which the machine stops still retires, what is at work is aborted, what would
    begin does not, and a token that waits is withdrawn. A `start` with an error pending, or while
    busy, is ignored. An address outside program memory is an ILLEGAL
    instruction; what was never loaded is HALT with code 0.

    Members
    -------
    load : In(LoadSignature)
        Words for any target; taken are those for PROGRAM, not while busy.
    start, clear : In(1)
        Begin at `entry` with registers, stack and counters cleared; forget the error.
    entry : In(16), limit : In(48), abort : In(1)
        See above.
    busy, finished : Out(1), error : Out(Error), code : Out(8), pc : Out(16)
        State: running; stopped since `start`; why; HALT's code; the instruction that begins next,
        or is an INPUT at work.
    trace : Out(Trace)
        What began and what was done in the cycle before. What it wrote is visible.
    registers : Out(8 of 16 bits)
        The scalar registers.
    table_arguments : Out(Table), array_arguments : Out(Matvec), array_replay : Out(Replay)
        They hold from the unit's start until it is done; the last where the machine streams.
    word : Out(Word), operand : Out(16)
        Instruction for the vector unit, and the value of the register that EMBED names, in the
        cycle of its start.
    table_start, array_start, vector_start : Out(1)
        One cycle high.
    unit_abort : Out(1)
        One cycle high, the first after the machine stopped with an error.
    clear_counts : Out(1)
        The array's counters are to begin at 0.
    table_done, array_done, vector_done : In(1)
        At the earliest one cycle after the unit's start.
    array_error, vector_error : In(1)
        With done: stop with STREAM or INPUT.
    vector_ended : In(1), vector_result : In(16)
        With done: INPUT met the end; what ARGMAX found.
    vector_waiting : In(1)
        INPUT waits for a feature in this cycle.
    tokens : Out(stream of 16 bits)
        Emitted tokens.
    counters : Out(SEQUENCER_COUNTERS, 48 bits each)
        What happened since `start`, up to the cycle before.
    """

    load: stream.Interface
    start: Signal
    clear: Signal
    entry: Signal
    limit: Signal
    abort: Signal
    busy: Signal
    finished: Signal
    error: Any
    code: Signal
    pc: Signal
    trace: Any
    registers: Any
    table_arguments: Any
    array_arguments: Any
    array_replay: Any
    word: Any
    operand: Signal
    table_start: Signal
    array_start: Signal
    vector_start: Signal
    unit_abort: Signal
    clear_counts: Signal
    table_done: Signal
    array_done: Signal
    vector_done: Signal
    array_error: Signal
    array_corrupt: Signal
    vector_error: Signal
    vector_ended: Signal
    vector_result: Signal
    vector_waiting: Signal
    tokens: stream.Interface
    counters: Any

    def __init__(self, config: Config) -> None:
        self.config = config
        host = {
            "load": In(LoadSignature),
            "start": In(1),
            "clear": In(1),
            "entry": In(_PC_BITS),
            "limit": In(COUNTER_BITS),
            "abort": In(1),
            "busy": Out(1),
            "finished": Out(1),
            "error": Out(Error),
            "code": Out(8),
            "pc": Out(_PC_BITS),
            "trace": Out(Trace),
            "registers": Out(data.ArrayLayout(_REGISTER_BITS, REGISTERS)),
            "tokens": Out(stream.Signature(_REGISTER_BITS)),
            "counters": Out(data.StructLayout(dict.fromkeys(SEQUENCER_COUNTERS, COUNTER_BITS))),
        }
        units = {
            "table_arguments": Out(Table),
            "array_arguments": Out(Matvec),
            "word": Out(Word),
            "operand": Out(_REGISTER_BITS),
            **dict.fromkeys(("table_start", "array_start", "vector_start"), Out(1)),
            **dict.fromkeys(("unit_abort", "clear_counts"), Out(1)),
            **dict.fromkeys(("table_done", "array_done", "vector_done"), In(1)),
            **dict.fromkeys(("array_error", "vector_error"), In(1)),
            **dict.fromkeys(("vector_ended", "vector_waiting"), In(1)),
            "vector_result": In(_REGISTER_BITS),
            **({"array_corrupt": In(1), "array_replay": Out(Replay)} if config.stream_bus else {}),
        }
        super().__init__(host | units)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._state: Any = Signal(_State)
        # How the cycle ends: the instruction begins (or, an INPUT, is done) and `_target` follows,
        # or the machine stops. Own instructions are done when they begin.
        self._issue = Signal()
        self._complete = Signal()
        self._advance = Signal()
        self._target = Signal(_PC_BITS)
        self._halt = Signal()
        self._failure: Any = Signal(Error)
        self._failed_pc = Signal(_PC_BITS)
        self._depth = Signal(range(STACK_DEPTH + 1))
        self._write = Signal()
        self._write_register = Signal(range(REGISTERS))
        self._write_value = Signal(_REGISTER_BITS)
        # Of each unit: begins, is at work, is done.
        self._begin, self._at_work, self._done = (
            Signal(len(_UNITS), name=name) for name in ("begin", "at_work", "done")
        )

        m.submodules.program = program = WideMemory(
            LoadTarget.PROGRAM, depth=self.config.program_words
        )
        m.d.comb += [
            program.load.valid.eq(self.load.valid),
            program.load.payload.eq(self.load.payload),
            program.address.eq(self.pc),
            program.enable.eq(self._state == _State.FETCH),
            self.word.eq(program.data),
            self.operand.eq(self.registers[self.word.arguments.embed.register]),
            self._target.eq(self.pc + 1),
            self._failed_pc.eq(self.pc),
        ]
        awaited = self._awaited(m)
        with m.Switch(self._state):
            with m.Case(_State.IDLE):
                self._idle(m)
            with m.Case(_State.FETCH):
                m.d.sync += self._state.eq(_State.EXECUTE)
            with m.Case(_State.EXECUTE):
                with m.If(self.pc >= self.config.program_words):
                    self._stop(m, Error.ILLEGAL)
                with m.Elif(~(self._at_work & awaited).any()):
                    self._execute(m)
            with m.Case(_State.WAIT):
                with m.If(self._done[_UNITS["vector"]]):
                    m.d.comb += self._advance.eq(1)
                with m.If(self.vector_ended):
                    m.d.comb += self._target.eq(self.word.arguments.input.end)
        self._units(m)
        with m.If(self._write):
            m.d.sync += self.registers[self._write_register].eq(self._write_value)
        self._end(m)
        self._count(m)
        self._tell(m)
        return m

    def _idle(self, m: Module) -> None:
        with m.If(self.clear):
            m.d.sync += self.error.eq(Error.NONE)
        with m.If(self.start & (self.error == Error.NONE)):
            m.d.comb += self.clear_counts.eq(1)
            m.d.sync += [
                self._state.eq(_State.FETCH),
                self.pc.eq(self.entry),
                self.registers.eq(0),
                self.finished.eq(0),
                self.code.eq(0),
            ]

    def _awaited(self, m: Module) -> Signal:
        """The units that must be idle before `word` begins."""
        awaited = Signal(len(_UNITS))
        m.d.comb += awaited.eq(~self.word.beside.as_value())
        with m.Switch(self.word.opcode):
            for opcode in Opcode:
                always = waits(Instruction.make(opcode, beside=_ALL)).value
                if always:
                    with m.Case(opcode):
                        m.d.comb += awaited.eq(~self.word.beside.as_value() | always)
        return awaited

    def _stop(self, m: Module, error: Error) -> None:
        """Stop with `error` as soon as nothing is at work that could stop with another."""
        with m.If(self._at_work == 0):
            m.d.comb += self._failure.eq(error)

    def _execute(self, m: Module) -> None:
        arguments, registers = self.word.arguments, self.registers
        with m.Switch(self.word.opcode):
            with m.Case(Opcode.HALT):
                m.d.comb += [self._complete.eq(1), self._halt.eq(1), self._target.eq(self.pc)]
                m.d.sync += self.code.eq(arguments.halt.code)
            with m.Case(Opcode.SET):
                m.d.comb += self._complete.eq(1)
                self._assign(m, arguments.set.register, arguments.set.value)
            with m.Case(Opcode.JUMP):
                m.d.comb += [self._complete.eq(1), self._target.eq(arguments.jump.target)]
            with m.Case(Opcode.LOOP):
                loop = arguments.loop
                left = Signal(_REGISTER_BITS)
                m.d.comb += [left.eq(registers[loop.register] - 1), self._complete.eq(1)]
                self._assign(m, loop.register, left)
                with m.If(left != 0):
                    m.d.comb += self._target.eq(loop.target)
            with m.Case(Opcode.BRANCH):
                m.d.comb += self._complete.eq(1)
                with m.If(self._holds(m, arguments.branch)):
                    m.d.comb += self._target.eq(arguments.branch.target)
            with m.Case(Opcode.EMIT):
                m.d.comb += [
                    self.tokens.valid.eq(1),
                    self.tokens.payload.eq(registers[arguments.emit.register]),
                    self._complete.eq(self.tokens.ready),
                ]
            with m.Case(Opcode.CALL, Opcode.RETURN):
                self._stack(m)
            for unit, number in _UNITS.items():
                mine = [opcode for opcode in Opcode if unit_of(opcode) is Unit[unit.upper()]]
                with m.Case(*mine):
                    m.d.comb += self._begin[number].eq(1)
            with m.Default():
                self._stop(m, Error.ILLEGAL)

    def _assign(self, m: Module, register: Value, value: Value) -> None:
        """Write a scalar register at the end of this cycle."""
        m.d.comb += [
            self._write.eq(1),
            self._write_register.eq(register),
            self._write_value.eq(value),
        ]

    def _holds(self, m: Module, branch: Any) -> Signal:
        """Whether BRANCH's comparison holds."""
        register = self.registers[branch.register]
        equal, less, holds = Signal(), Signal(), Signal()
        m.d.comb += [equal.eq(register == branch.value), less.eq(register < branch.value)]
        with m.Switch(branch.condition):
            for condition, value in (
                (Condition.EQ, equal),
                (Condition.NE, ~equal),
                (Condition.LT, less),
                (Condition.GE, ~less),
            ):
                with m.Case(condition):
                    m.d.comb += holds.eq(value)
        return holds

    def _stack(self, m: Module) -> None:
        """CALL and RETURN. While the machine is idle the stack is emptied."""
        depth = self._depth
        stack: Any = Signal(data.ArrayLayout(_PC_BITS, STACK_DEPTH))
        with m.If(self.word.opcode == Opcode.CALL):
            with m.If(depth == STACK_DEPTH):
                self._stop(m, Error.STACK)
            with m.Else():
                m.d.comb += [
                    self._complete.eq(1),
                    self._target.eq(self.word.arguments.call.target),
                ]
                m.d.sync += [stack[depth].eq(self.pc + 1), depth.eq(depth + 1)]
        with m.Else():
            with m.If(depth == 0):
                self._stop(m, Error.STACK)
            with m.Else():
                top = (depth - 1)[: len(depth)]
                m.d.comb += [self._complete.eq(1), self._target.eq(stack[top])]
                m.d.sync += depth.eq(top)

    def _units(self, m: Module) -> None:
        """Begin and end of what the units do; stop with their errors."""
        arguments = self.word.arguments
        table, array, vector = (_UNITS[name] for name in ("table", "array", "vector"))
        finds, register = Signal(), Signal(range(REGISTERS))
        self._unit_pc: Any = Signal(data.ArrayLayout(_PC_BITS, len(_UNITS)))
        for name, number in _UNITS.items():
            m.d.comb += self._done[number].eq(
                self._at_work[number]
                & getattr(self, f"{name}_done")
                & ~(getattr(self, f"{name}_error") if name != "table" else C(0))
            )
            m.d.sync += getattr(self, f"{name}_start").eq(self._begin[number])
            with m.If(self._begin[number]):
                m.d.sync += self._unit_pc[number].eq(self.pc)
        m.d.sync += self._at_work.eq(self._at_work & ~self._done | self._begin)
        with m.If(self._begin[table]):
            m.d.sync += self.table_arguments.eq(arguments.table)
        with m.If(self._begin[array]):
            m.d.sync += self.array_arguments.eq(arguments.matvec)
            if self.config.stream_bus:
                m.d.sync += self.array_replay.eq(arguments.raw[EXTENSION_BIT:])
        with m.If(self._begin[vector]):
            m.d.sync += [
                finds.eq(self.word.opcode == Opcode.ARGMAX),
                register.eq(arguments.argmax.register),
            ]
        with m.If(self._done[vector] & finds):
            m.d.sync += self.registers[register].eq(self.vector_result)
        with m.If(self._at_work[array] & self.array_done & self.array_error):
            m.d.comb += [
                self._failure.eq(Error.STREAM),
                self._failed_pc.eq(self._unit_pc[array]),
            ]
            if self.config.stream_bus:
                with m.If(self.array_corrupt):
                    m.d.comb += self._failure.eq(Error.MEMORY)
        with m.If(self._at_work[vector] & self.vector_done & self.vector_error):
            m.d.comb += self._failure.eq(Error.INPUT)

    def _end(self, m: Module) -> None:
        """End of a cycle: go on, or stop. A program's own end comes before the limit."""
        last, limited = Signal(COUNTER_BITS), Signal()
        expired = Signal()
        is_input = self.word.opcode == Opcode.INPUT
        m.d.comb += [
            self.busy.eq(self._state != _State.IDLE),
            expired.eq(self.abort | (limited & (self.counters.cycles == last))),
            self._issue.eq(self._complete | self._begin.any()),
        ]
        m.d.sync += self.unit_abort.eq(0)
        with m.If(self._advance | (self._issue & ~(self._begin.any() & is_input))):
            m.d.sync += [self.pc.eq(self._target), self._state.eq(_State.FETCH)]
        with m.Elif(self._issue):
            m.d.sync += self._state.eq(_State.WAIT)
        with m.If(self._halt):
            m.d.sync += [self._state.eq(_State.IDLE), self.finished.eq(1)]
        with m.Elif(self._failure != Error.NONE):
            m.d.sync += [
                self._state.eq(_State.IDLE),
                self.finished.eq(1),
                self.error.eq(self._failure),
                self.pc.eq(self._failed_pc),
                self.unit_abort.eq(1),
            ]
        with m.Elif(self.busy & expired):
            m.d.sync += [
                self._state.eq(_State.IDLE),
                self.finished.eq(1),
                self.error.eq(Error.LIMIT),
                self.unit_abort.eq(1),
            ]
        # What would begin in the last cycle does not.
        with m.If((self._failure != Error.NONE) | expired):
            m.d.sync += [
                self._at_work.eq(0),
                *(getattr(self, f"{name}_start").eq(0) for name in _UNITS),
            ]
        with m.If(~self.busy):
            m.d.sync += [
                last.eq(self.limit - 1),
                limited.eq(self.limit != 0),
                self._depth.eq(0),
            ]

    def _count(self, m: Module) -> None:
        """Counters; cleared with `clear_counts`."""
        done = Cat(self._complete, self._done)
        counted = {
            "instructions": sum(done),
            "cycles": self.busy,
            "frames": self._advance & ~self.vector_ended,
            "tokens": self.tokens.valid & self.tokens.ready,
            "matvec": self._at_work[_UNITS["array"]] & ~self.array_start,
            "vector": self._at_work[_UNITS["vector"]] & ~self.vector_start,
            "table": self._at_work[_UNITS["table"]] & ~self.table_start,
            "wait_input": self._at_work[_UNITS["vector"]] & self.vector_waiting,
            "wait_token": self.tokens.valid & ~self.tokens.ready,
        }
        for name in SEQUENCER_COUNTERS:
            counter = self.counters[name]
            with m.If(self.clear_counts):
                m.d.sync += counter.eq(0)
            with m.Else():
                m.d.sync += counter.eq(counter + counted[name])

    def _tell(self, m: Module) -> None:
        """The trace, one cycle late."""
        trace, retire = self.trace, self.trace.retire
        m.d.sync += [
            trace.issue.valid.eq(self._issue),
            trace.issue.pc.eq(self.pc),
            trace.next.eq(self._target),
            retire[0].valid.eq(self._complete),
            retire[0].pc.eq(self.pc),
        ]
        for name, number in _UNITS.items():
            m.d.sync += [
                retire[RETIRES.index(name)].valid.eq(self._done[number]),
                retire[RETIRES.index(name)].pc.eq(self._unit_pc[number]),
            ]
