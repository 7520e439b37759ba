"""The sequencer: fetches instructions, executes control flow, begins the rest on the units."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.isa.fields import SEGMENTS
from sordino.isa.instruction import REGISTERS
from sordino.isa.operations import ISA
from sordino.isa.registers import COUNTER_BITS, Error, LoadTarget
from sordino.rtl.dispatch import UNITS, Dispatch
from sordino.rtl.execute import Execute
from sordino.rtl.shared.memories import WideMemory
from sordino.rtl.shared.ports import (
    ARRAY_UNIT,
    PC_BITS,
    REGISTER_BITS,
    RETIRES,
    TABLE_UNIT,
    TOKEN_BITS,
    VECTOR_UNIT,
    LoadSignature,
    RunSignature,
    Trace,
)
from sordino.rtl.usage import Usage

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


class _State(enum.Enum, shape=3):
    IDLE = 0
    FETCH = 1
    READ = 2
    """The word is at program memory's output."""
    DECODE = 3
    EXECUTE = 4
    WAIT = 5
    """An INPUT is at work."""


@dataclass(frozen=True)
class _Cycle:
    """What this cycle decides, and from what.

    The decisions are signals of their own, not fields of one: the compiled simulator takes a signal
    whose fields depend on each other for a loop.

    state, word      registers: the latter is the instruction at `pc` from DECODE on
    issue, advance   an instruction begins; an INPUT is done
    target           address of the instruction that follows
    failure          the machine stops with this error
    expired          the machine stops with LIMIT, unless it stops by itself
    """

    state: Any
    word: Any
    execute: Execute
    dispatch: Dispatch
    issue: Signal
    advance: Signal
    target: Signal
    failure: Any
    expired: Signal


class Sequencer(wiring.Component):
    """Run a program: instructions begin in order, on three units at a time.

    Every instruction takes `timing.SEQUENCER_CYCLES`: its address is at program memory; its word
    comes; it is decoded; and it begins, `timing.UNIT_FREE` after the `done` of the last unit that
    it waits for or later. As they begin, HALT, SET, JUMP, CALL, RETURN, LOOP, BRANCH, COUNT, TAKE,
    USE and EMIT execute, with registers as they were in the cycle before; EMIT takes one cycle more
    for each in which the token stream is not ready. For an instruction of a unit the unit's start
    is high in the next cycle, and from then until `done` the unit is not idle, that cycle among
    them. Which units an instruction waits for says `sordino.isa.hazards.waits`. The instruction
    after an INPUT is read when that is done. The first cycle is the one after `start`. So, where
    nothing overlaps, after a HALT,

        cycles = 4 instructions - units + 2 inputs + matvec + vector + table + wait_token

    with `units` of the instructions executed by units, `inputs` of them INPUTs; and always
    `matvec`, `vector` and `table` count the cycles after a unit's start to its done.

    The machine stops with `finished`, and `error` unless it was a HALT. An instruction that stops
    it with an error does not retire, and `pc` is its address. ILLEGAL, STACK and INPUT come when
    nothing is at work that could stop it with another one; with STREAM, instructions that began
    after the MATVEC may have retired. `limit` is read with `start`; if it is not 0, a program that
    has not stopped after `limit` cycles stops with LIMIT, as it does with `abort`. What is done in
    the very cycle in which the machine stops still retires, what is at work is aborted, what would
    begin does not, and a token that waits is withdrawn. A `start` with an error pending, or while
    busy, is ignored. An address outside program memory is an ILLEGAL instruction; what was never
    loaded is HALT with code 0.

    Its twin is `sordino.golden.machine`, which knows no cycles.

    Members
    -------
    load
        Words for any target; taken are those for PROGRAM, not while busy.
    run
        Start and stop. `start` clears registers, stack and counters.
    trace
        What began and what was done in the cycle before. What it wrote is visible.
    registers
        The scalar registers.
    tokens
        Emitted tokens, their channel above the value.
    request, taken
        The host's request, or 0; it is taken in this cycle.
    checked, in_use
        Segments that the program may begin to use; segments that the program uses, as `Usage`
        says, or is about to use: its USE is decoded, and the segment checked.
    waiting
        An INPUT that would go on elsewhere at a request waited for its first feature a cycle ago.
    counters
        What happened since `start`, up to the cycle before.
    array, vector, table
        The units. Their `abort` is high in the first cycle after the machine stopped with an
        error.
    clear_counts
        The array's counters are to begin at 0.
    """

    load: In(LoadSignature)
    run: In(RunSignature())
    trace: Out(Trace)
    registers: Out(data.ArrayLayout(REGISTER_BITS, REGISTERS))
    tokens: Out(stream.Signature(TOKEN_BITS))
    request: In(REGISTER_BITS)
    taken: Out(1)
    checked: In(SEGMENTS)
    in_use: Out(SEGMENTS)
    waiting: Out(1)
    counters: Out(data.StructLayout(dict.fromkeys(SEQUENCER_COUNTERS, COUNTER_BITS)))
    array: Out(ARRAY_UNIT)
    vector: Out(VECTOR_UNIT)
    table: Out(TABLE_UNIT)
    clear_counts: Out(1)

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.execute = execute = Execute()
        m.submodules.dispatch = dispatch = Dispatch()
        cycle = _Cycle(
            state=Signal(_State, name="state"),
            word=Signal(ISA.word, name="word"),
            execute=execute,
            dispatch=dispatch,
            issue=Signal(name="issue"),
            advance=Signal(name="advance"),
            target=Signal(PC_BITS, name="target"),
            failure=Signal(Error, name="failure"),
            expired=Signal(name="expired"),
        )
        wiring.connect(m, execute.tokens, wiring.flipped(self.tokens))
        # Of the INPUT at work. What the host is answered hangs on it, and must not wait for `word`.
        yields = Signal()
        with m.If(cycle.issue):
            m.d.sync += yields.eq(execute.yields)
        m.d.comb += [
            execute.request.eq(self.request),
            self.taken.eq(execute.taken),
            dispatch.asked.eq(yields & (self.request != 0)),
        ]
        # A cycle late: an INPUT does not mind that, and what comes after it or after a `start` is
        # far enough away.
        waits = Signal()
        m.d.comb += waits.eq(
            dispatch.at_work.vector
            & self.vector.waiting
            & ~self.vector.begun
            & yields
            & (cycle.state == _State.WAIT)
        )
        m.d.sync += [
            self.waiting.eq(waits),
            self.run.open.eq(waits | (cycle.state == _State.IDLE)),
        ]
        wiring.connect(m, dispatch.array, wiring.flipped(self.array))
        wiring.connect(m, dispatch.vector, wiring.flipped(self.vector))
        wiring.connect(m, dispatch.table, wiring.flipped(self.table))
        self._use(m, cycle)
        self._fetch(m, cycle)
        self._begin(m, cycle)
        self._fail(m, cycle)
        self._step(m, cycle)
        self._registers(m, cycle)
        self._stop(m, cycle)
        self._count(m, cycle)
        self._tell(m, cycle)
        return m

    def _use(self, m: Module, cycle: _Cycle) -> None:
        """Segments: what USE asks for, and what it says is in use."""
        m.submodules.usage = usage = Usage()
        about = Signal(SEGMENTS)
        m.d.comb += [
            cycle.execute.checked.eq(self.checked),
            about.eq(cycle.execute.about & (cycle.state == _State.EXECUTE).replicate(SEGMENTS)),
            usage.used.eq(cycle.execute.used),
            usage.input.eq(cycle.execute.input),
            usage.reading.eq(cycle.dispatch.at_work.table),
            usage.stopped.eq(~self.run.busy),
            self.in_use.eq(usage.in_use | (about & self.checked)),
        ]

    def _fetch(self, m: Module, cycle: _Cycle) -> None:
        """The instruction at `pc` comes from program memory to a register: memories are slow."""
        m.submodules.program = program = WideMemory(
            LoadTarget.PROGRAM, depth=self.config.program_words
        )
        m.d.comb += [
            program.load.valid.eq(self.load.valid),
            program.load.payload.eq(self.load.payload),
            program.address.eq(self.run.pc),
            program.enable.eq(cycle.state == _State.FETCH),
        ]
        with m.If(cycle.state == _State.READ):
            m.d.sync += cycle.word.eq(program.data)

    def _begin(self, m: Module, cycle: _Cycle) -> None:
        """An instruction begins once every unit is idle that it waits for."""
        execute, dispatch, word, pc = cycle.execute, cycle.dispatch, cycle.word, self.run.pc
        m.d.comb += [
            execute.enable.eq((cycle.state == _State.EXECUTE) & execute.clear),
            execute.outside.eq(pc >= self.config.program_words),
            execute.at_work.eq(dispatch.at_work),
            execute.idle.eq(~self.run.busy),
            execute.word.eq(word),
            execute.pc.eq(pc),
            execute.registers.eq(self.registers),
            dispatch.begin.eq(execute.begin),
            dispatch.pc.eq(pc),
            dispatch.word.eq(word),
            dispatch.operand.eq(execute.operand),
            dispatch.finds.eq(execute.finds),
            dispatch.found_register.eq(execute.found_register),
            dispatch.stop.eq((cycle.failure != Error.NONE) | cycle.expired),
            cycle.issue.eq(execute.complete | execute.begin.as_value().any()),
        ]

    def _fail(self, m: Module, cycle: _Cycle) -> None:
        """Errors. An instruction's own waits until nothing is at work that could have another."""
        execute, dispatch = cycle.execute, cycle.dispatch
        m.d.comb += cycle.failure.eq(execute.failure)
        with m.If(dispatch.failure != Error.NONE):
            m.d.comb += cycle.failure.eq(dispatch.failure)

    def _step(self, m: Module, cycle: _Cycle) -> None:
        """The states, and the address of the instruction that follows."""
        run, state, execute = self.run, cycle.state, cycle.execute
        m.d.comb += [
            run.busy.eq(state != _State.IDLE),
            cycle.target.eq(execute.target),
        ]
        with m.Switch(state):
            with m.Case(_State.IDLE):
                with m.If(run.clear):
                    m.d.sync += run.error.eq(Error.NONE)
                with m.If(run.start & (run.error == Error.NONE)):
                    m.d.comb += self.clear_counts.eq(1)
                    m.d.sync += [
                        state.eq(_State.FETCH),
                        run.pc.eq(run.entry),
                        self.registers.eq(0),
                        run.finished.eq(0),
                        run.code.eq(0),
                    ]
            with m.Case(_State.FETCH):
                m.d.sync += state.eq(_State.READ)
            with m.Case(_State.READ):
                m.d.sync += state.eq(_State.DECODE)
            with m.Case(_State.DECODE):
                m.d.sync += state.eq(_State.EXECUTE)
            with m.Case(_State.WAIT):
                m.d.comb += cycle.advance.eq(cycle.dispatch.done.vector)
                with m.If(self.vector.ended):
                    m.d.comb += cycle.target.eq(
                        Mux(self.vector.requested, execute.yielded, execute.end)
                    )
        with m.If(cycle.advance | (cycle.issue & ~execute.input)):
            m.d.sync += [run.pc.eq(cycle.target), state.eq(_State.FETCH)]
        with m.Elif(cycle.issue):
            m.d.sync += state.eq(_State.WAIT)

    def _registers(self, m: Module, cycle: _Cycle) -> None:
        """Scalar registers: written by the sequencer's own instructions and the vector unit's."""
        execute, dispatch = cycle.execute, cycle.dispatch
        with m.If(dispatch.found):
            m.d.sync += self.registers[dispatch.register].eq(self.vector.result)
        with m.If(execute.write):
            m.d.sync += self.registers[execute.register].eq(execute.value)

    def _stop(self, m: Module, cycle: _Cycle) -> None:
        """End of a program. Its own comes before the limit."""
        run, abort = self.run, cycle.dispatch.abort
        # One cycle ahead, since all that begins hangs on it.
        before, limited, reached = Signal(COUNTER_BITS), Signal(), Signal()
        m.d.comb += cycle.expired.eq(run.abort | (limited & reached))
        m.d.sync += reached.eq(self.counters.cycles == before)
        with m.If(~run.busy):
            m.d.sync += [
                before.eq(run.limit - 2),
                limited.eq(run.limit != 0),
                reached.eq(run.limit == 1),
            ]
        m.d.sync += abort.eq(0)
        with m.If(cycle.execute.halt):
            m.d.sync += [
                cycle.state.eq(_State.IDLE),
                run.finished.eq(1),
                run.code.eq(cycle.execute.code),
            ]
        with m.Elif(cycle.failure != Error.NONE):
            m.d.sync += [
                cycle.state.eq(_State.IDLE),
                run.finished.eq(1),
                run.error.eq(cycle.failure),
                run.pc.eq(cycle.dispatch.failed_pc),
                abort.eq(1),
            ]
        with m.Elif(run.busy & cycle.expired):
            m.d.sync += [
                cycle.state.eq(_State.IDLE),
                run.finished.eq(1),
                run.error.eq(Error.LIMIT),
                abort.eq(1),
            ]

    def _count(self, m: Module, cycle: _Cycle) -> None:
        """Counters; cleared with `clear_counts`."""
        at_work = cycle.dispatch.at_work
        counted = {
            "instructions": sum(Cat(cycle.execute.complete, cycle.dispatch.done)),
            "cycles": self.run.busy,
            "frames": cycle.advance & ~self.vector.ended,
            "tokens": self.tokens.valid & self.tokens.ready,
            "matvec": at_work.array & ~self.array.start,
            "vector": at_work.vector & ~self.vector.start,
            "table": at_work.table & ~self.table.start,
            "wait_input": at_work.vector & self.vector.waiting,
            "wait_token": self.tokens.valid & ~self.tokens.ready,
        }
        for name in SEQUENCER_COUNTERS:
            counter = self.counters[name]
            with m.If(self.clear_counts):
                m.d.sync += counter.eq(0)
            with m.Else():
                m.d.sync += counter.eq(counter + counted[name])

    def _tell(self, m: Module, cycle: _Cycle) -> None:
        """The trace, one cycle late."""
        trace, pc, dispatch = self.trace, self.run.pc, cycle.dispatch
        m.d.sync += [
            trace.issue.valid.eq(cycle.issue),
            trace.issue.pc.eq(pc),
            trace.next.eq(cycle.target),
        ]
        done = {"own": (cycle.execute.complete, pc)}
        for name in UNITS:
            done[name] = dispatch.done[name], dispatch.pcs[name]
        for event, who in zip(trace.retire, RETIRES, strict=True):
            valid, address = done[who]
            m.d.sync += [event.valid.eq(valid), event.pc.eq(address)]
