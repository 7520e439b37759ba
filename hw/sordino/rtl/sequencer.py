"""The sequencer: fetches instructions, executes control flow, hands the rest to the units."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.isa.instructions import REGISTERS, STACK_DEPTH, Condition, Opcode, Word
from sordino.isa.registers import COUNTER_BITS, Error, LoadTarget
from sordino.rtl.memories import WideMemory
from sordino.rtl.ports import LoadSignature, Retire

__all__ = ["SEQUENCER_COUNTERS", "SEQUENCER_CYCLES", "Sequencer"]

SEQUENCER_CYCLES = 2
"""Cycles of one instruction, not counted what its unit takes or EMIT waits."""
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
_VECTOR = (
    Opcode.INPUT,
    Opcode.CELL,
    Opcode.DRAIN,
    Opcode.ARGMAX,
    Opcode.ADD,
    Opcode.EMBED,
    Opcode.FILL,
    Opcode.COPY,
)


class _State(enum.Enum, shape=2):
    IDLE = 0
    FETCH = 1
    EXECUTE = 2
    WAIT = 3
    """A unit executes the instruction."""


class Sequencer(wiring.Component):
    """Run a program, one instruction strictly after the other.

    Every instruction takes SEQUENCER_CYCLES = 2 cycles: one reads program memory, in the other
    HALT, SET, JUMP, CALL, RETURN, LOOP, BRANCH and EMIT execute, and the others start their unit.
    EMIT takes one cycle more for each in which the token stream is not ready; an instruction of a
    unit one more for each after `start` until `done`, that one among them. The first cycle is the
    one after `start`. So, after a HALT,

        cycles = 2 instructions + matvec + vector + table + wait_token

    and `matvec`, `vector` and `table` count exactly the cycles from a unit's start to its done.

    The machine stops with `finished`, and `error` unless it was a HALT. An instruction that stops
    it with an error does not retire, and `pc` stays at it. `limit` is read with `start`; if it is
    not 0, a program that has not stopped after `limit` cycles stops with LIMIT, as it does with
    `abort`: an instruction that is done in that very cycle still retires, a unit at work is
    aborted, and a token that waits is withdrawn. A `start` with an error pending, or while busy,
    is ignored. An address outside program memory is an ILLEGAL instruction; what was never loaded
    is HALT with code 0.

    Members
    -------
    load : In(LoadSignature)
        Words for any target; taken are those for PROGRAM, not while busy.
    start, clear : In(1)
        Begin at `entry` with registers, stack and counters cleared; forget the error.
    entry : In(16), limit : In(48), abort : In(1)
        See above.
    busy, finished : Out(1), error : Out(Error), code : Out(8), pc : Out(16)
        State: running; stopped since `start`; why; HALT's code; the instruction in progress.
    retire : Out(Retire)
        In the cycle after the last one of an instruction. What it wrote is visible then.
    registers : Out(8 of 16 bits)
        The scalar registers.
    word : Out(Word), operand : Out(16)
        Instruction for the units, and the value of the register that EMBED names; both hold from
        a unit's start until it is done.
    table_start, array_start, vector_start : Out(1)
        One cycle high.
    unit_abort : Out(1)
        One cycle high, the first after the machine stopped with LIMIT.
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
    retire: Any
    registers: Any
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
            "retire": Out(Retire),
            "registers": Out(data.ArrayLayout(_REGISTER_BITS, REGISTERS)),
            "tokens": Out(stream.Signature(_REGISTER_BITS)),
            "counters": Out(data.StructLayout(dict.fromkeys(SEQUENCER_COUNTERS, COUNTER_BITS))),
        }
        units = {
            "word": Out(Word),
            "operand": Out(_REGISTER_BITS),
            **dict.fromkeys(("table_start", "array_start", "vector_start"), Out(1)),
            **dict.fromkeys(("unit_abort", "clear_counts"), Out(1)),
            **dict.fromkeys(("table_done", "array_done", "vector_done"), In(1)),
            **dict.fromkeys(("array_error", "vector_error"), In(1)),
            **dict.fromkeys(("vector_ended", "vector_waiting"), In(1)),
            "vector_result": In(_REGISTER_BITS),
        }
        super().__init__(host | units)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._state: Any = Signal(_State)
        # How the cycle ends: the instruction is done and `_target` follows, or the machine stops.
        self._complete = Signal()
        self._target = Signal(_PC_BITS)
        self._halt = Signal()
        self._failure: Any = Signal(Error)
        self._depth = Signal(range(STACK_DEPTH + 1))
        self._write = Signal()
        self._write_register = Signal(range(REGISTERS))
        self._write_value = Signal(_REGISTER_BITS)

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
        ]
        with m.Switch(self._state):
            with m.Case(_State.IDLE):
                self._idle(m)
            with m.Case(_State.FETCH):
                m.d.sync += self._state.eq(_State.EXECUTE)
            with m.Case(_State.EXECUTE):
                with m.If(self.pc >= self.config.program_words):
                    m.d.comb += self._failure.eq(Error.ILLEGAL)
                with m.Else():
                    self._execute(m)
            with m.Case(_State.WAIT):
                self._wait(m)
        with m.If(self._write):
            m.d.sync += self.registers[self._write_register].eq(self._write_value)
        self._end(m)
        self._count(m)
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
            with m.Case(Opcode.TABLE):
                m.d.comb += self.table_start.eq(1)
                m.d.sync += self._state.eq(_State.WAIT)
            with m.Case(Opcode.MATVEC):
                m.d.comb += self.array_start.eq(1)
                m.d.sync += self._state.eq(_State.WAIT)
            with m.Case(*_VECTOR):
                m.d.comb += self.vector_start.eq(1)
                m.d.sync += self._state.eq(_State.WAIT)
            with m.Case(Opcode.CALL, Opcode.RETURN):
                self._stack(m)
            with m.Default():
                m.d.comb += self._failure.eq(Error.ILLEGAL)

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
                m.d.comb += self._failure.eq(Error.STACK)
            with m.Else():
                m.d.comb += [
                    self._complete.eq(1),
                    self._target.eq(self.word.arguments.call.target),
                ]
                m.d.sync += [stack[depth].eq(self.pc + 1), depth.eq(depth + 1)]
        with m.Else():
            with m.If(depth == 0):
                m.d.comb += self._failure.eq(Error.STACK)
            with m.Else():
                top = (depth - 1)[: len(depth)]
                m.d.comb += [self._complete.eq(1), self._target.eq(stack[top])]
                m.d.sync += depth.eq(top)

    def _wait(self, m: Module) -> None:
        opcode, arguments = self.word.opcode, self.word.arguments
        with m.Switch(opcode):
            with m.Case(Opcode.TABLE):
                m.d.comb += self._complete.eq(self.table_done)
            with m.Case(Opcode.MATVEC):
                m.d.comb += self._complete.eq(self.array_done & ~self.array_error)
                with m.If(self.array_done & self.array_error):
                    m.d.comb += self._failure.eq(Error.STREAM)
            with m.Default():
                m.d.comb += self._complete.eq(self.vector_done & ~self.vector_error)
                with m.If(self.vector_done & self.vector_error):
                    m.d.comb += self._failure.eq(Error.INPUT)
                with m.If((opcode == Opcode.INPUT) & self.vector_ended):
                    m.d.comb += self._target.eq(arguments.input.end)
                with m.If((opcode == Opcode.ARGMAX) & self.vector_done):
                    self._assign(m, arguments.argmax.register, self.vector_result)

    def _end(self, m: Module) -> None:
        """End of a cycle: retire, or stop. A program's own end comes before the limit."""
        last, limited = Signal(COUNTER_BITS), Signal()
        expired = Signal()
        m.d.comb += [
            self.busy.eq(self._state != _State.IDLE),
            expired.eq(self.abort | (limited & (self.counters.cycles == last))),
        ]
        m.d.sync += [
            self.retire.valid.eq(self._complete),
            self.retire.pc.eq(self.pc),
            self.retire.next.eq(self._target),
            self.unit_abort.eq(0),
        ]
        with m.If(self._complete):
            m.d.sync += [self.pc.eq(self._target), self._state.eq(_State.FETCH)]
        with m.If(self._halt):
            m.d.sync += [self._state.eq(_State.IDLE), self.finished.eq(1)]
        with m.Elif(self._failure != Error.NONE):
            m.d.sync += [
                self._state.eq(_State.IDLE),
                self.finished.eq(1),
                self.error.eq(self._failure),
            ]
        with m.Elif(self.busy & expired):
            m.d.sync += [
                self._state.eq(_State.IDLE),
                self.finished.eq(1),
                self.error.eq(Error.LIMIT),
                self.unit_abort.eq(1),
            ]
        with m.If(~self.busy):
            m.d.sync += [
                last.eq(self.limit - 1),
                limited.eq(self.limit != 0),
                self._depth.eq(0),
            ]

    def _count(self, m: Module) -> None:
        """Counters; cleared with `clear_counts`."""
        opcode = self.word.opcode
        waiting = self._state == _State.WAIT
        table, matvec, frame = opcode == Opcode.TABLE, opcode == Opcode.MATVEC, Signal()
        m.d.comb += frame.eq(
            waiting & (opcode == Opcode.INPUT) & self._complete & ~self.vector_ended
        )
        events = {
            "cycles": self.busy,
            "instructions": self._complete,
            "frames": frame,
            "tokens": self.tokens.valid & self.tokens.ready,
            "matvec": waiting & matvec,
            "vector": waiting & ~matvec & ~table,
            "table": waiting & table,
            "wait_input": waiting & self.vector_waiting,
            "wait_token": self.tokens.valid & ~self.tokens.ready,
        }
        for name in SEQUENCER_COUNTERS:
            counter = self.counters[name]
            with m.If(self.clear_counts):
                m.d.sync += counter.eq(0)
            with m.Elif(events[name]):
                m.d.sync += counter.eq(counter + 1)
