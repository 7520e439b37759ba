"""What an instruction does in the cycle in which it begins."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.choices import Condition
from sordino.isa.fields import SEGMENTS, Store, Words
from sordino.isa.instruction import REGISTERS, STACK_DEPTH, Instruction, Unit
from sordino.isa.operations import ISA, Opcode
from sordino.isa.registers import Error
from sordino.rtl.dispatch import Units
from sordino.rtl.shared.ports import PC_BITS, REGISTER_BITS, TOKEN_BITS

__all__ = ["Execute"]


def _registers(operation: type[Instruction], *, written: bool) -> list[str]:
    """The fields of an operation that name a register which it writes, or one which it reads."""
    found = []
    for name in operation.meant(Words):
        words = operation.FIELDS[name].meaning
        if words.store is Store.REGISTER and (words.writes if written else words.reads):
            found.append(name)
    return found


_OPERANDS = {o: name for o in ISA if o.unit for name in _registers(o, written=False)}
"""Operations of units that read a register, with the field that names it."""
_RESULTS = {o: name for o in ISA if o.unit for name in _registers(o, written=True)}
"""Operations of units that write a register, with the field that names it."""
assert {o.FIELDS[name].offset for o, name in _OPERANDS.items()} == {0}, "one place, no choice"


class Execute(wiring.Component):
    """Execute the sequencer's own instructions and say which unit executes another.

    All outputs follow the inputs of the same cycle; the only state is the stack of CALL and
    RETURN. Its twin is `sordino.golden.execution`.

    Members
    -------
    enable
        The instruction begins in this cycle; without it nothing happens.
    idle
        The machine is idle: the stack is emptied.
    word, pc
        The instruction and its address.
    registers
        The scalar registers.
    complete
        The instruction is the sequencer's own, and done at the end of this cycle.
    target
        Address of the instruction that follows.
    halt, code
        The instruction is HALT; its code.
    begin
        The unit that executes the instruction.
    operand
        What the register holds that a unit's instruction reads.
    finds, found_register
        The instruction, a unit's, has a result for a register; which one.
    input, end
        The instruction is INPUT, and begins; where it goes on at the end of input, valid while
        `word` holds.
    yields, yielded
        The INPUT of `word` goes on elsewhere at a request; where that is.
    failure
        The instruction cannot be executed: ILLEGAL or STACK.
    request, taken
        The host's request, or 0; TAKE takes it in this cycle.
    checked, used
        Segments that may be begun; that which USE begins to use in this cycle.
    write, register, value
        The instruction writes `value` to a scalar register at the end of this cycle.
    tokens
        Where EMIT goes.
    """

    enable: In(1)
    idle: In(1)
    word: In(ISA.word)
    pc: In(PC_BITS)
    registers: In(data.ArrayLayout(REGISTER_BITS, REGISTERS))
    complete: Out(1)
    target: Out(PC_BITS)
    halt: Out(1)
    code: Out(8)
    begin: Out(Units)
    operand: Out(REGISTER_BITS)
    finds: Out(1)
    found_register: Out(range(REGISTERS))
    input: Out(1)
    end: Out(PC_BITS)
    yields: Out(1)
    yielded: Out(PC_BITS)
    request: In(REGISTER_BITS)
    taken: Out(1)
    checked: In(SEGMENTS)
    used: Out(SEGMENTS)
    failure: Out(Error)
    write: Out(1)
    register: Out(range(REGISTERS))
    value: Out(REGISTER_BITS)
    tokens: Out(stream.Signature(TOKEN_BITS))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        arguments, registers = self.word.arguments, self.registers
        depth = Signal(range(STACK_DEPTH + 1))
        self._tell(m)
        m.d.comb += [
            self.target.eq(self.pc + 1),
            self.code.eq(arguments.halt.code),
        ]
        with m.If(self.idle):
            m.d.sync += depth.eq(0)
        with m.If(self.enable), m.Switch(self.word.opcode):
            with m.Case(Opcode.HALT):
                m.d.comb += [self.complete.eq(1), self.halt.eq(1), self.target.eq(self.pc)]
            with m.Case(Opcode.SET):
                m.d.comb += self.complete.eq(1)
                self._assign(m, arguments.set.register, arguments.set.value)
            with m.Case(Opcode.JUMP):
                m.d.comb += [self.complete.eq(1), self.target.eq(arguments.jump.target)]
            with m.Case(Opcode.LOOP):
                loop = arguments.loop
                left = Signal(REGISTER_BITS)
                m.d.comb += [left.eq(registers[loop.register] - 1), self.complete.eq(1)]
                self._assign(m, loop.register, left)
                with m.If(left != 0):
                    m.d.comb += self.target.eq(loop.target)
            with m.Case(Opcode.COUNT):
                self._count(m, arguments.count)
            with m.Case(Opcode.TAKE):
                m.d.comb += [self.complete.eq(1), self.taken.eq(1)]
                self._assign(m, arguments.take.register, self.request)
            with m.Case(Opcode.BRANCH):
                m.d.comb += self.complete.eq(1)
                with m.If(self._holds(m, arguments.branch)):
                    m.d.comb += self.target.eq(arguments.branch.target)
            with m.Case(Opcode.USE):
                use = arguments.use
                m.d.comb += [self.used.eq(1 << use.segment & self.checked), self.complete.eq(1)]
                with m.If(~self.used.any()):
                    m.d.comb += self.target.eq(use.otherwise)
            with m.Case(Opcode.EMIT):
                m.d.comb += [
                    self.tokens.valid.eq(1),
                    self.tokens.payload.eq(
                        Cat(registers[arguments.emit.register], arguments.emit.channel)
                    ),
                    self.complete.eq(self.tokens.ready),
                ]
            with m.Case(Opcode.CALL, Opcode.RETURN):
                self._stack(m, depth)
            for unit, begin in (
                (Unit.ARRAY, self.begin.array),
                (Unit.VECTOR, self.begin.vector),
                (Unit.TABLE, self.begin.table),
            ):
                with m.Case(*(operation.number for operation in ISA if operation.unit is unit)):
                    m.d.comb += begin.eq(1)
            with m.Default():
                m.d.comb += self.failure.eq(Error.ILLEGAL)
        return m

    def _tell(self, m: Module) -> None:
        """What a unit, or the sequencer while it waits, knows of the instruction."""
        arguments = self.word.arguments
        m.d.comb += [
            self.operand.eq(self.registers[arguments.embed.register]),
            self.input.eq(self.begin.vector & (self.word.opcode == Opcode.INPUT)),
            self.end.eq(arguments.input.end),
            self.yielded.eq(arguments.input.request),
            self.yields.eq(self.yielded != 0),
        ]
        with m.Switch(self.word.opcode):
            for operation, name in _RESULTS.items():
                with m.Case(operation.number):
                    register = arguments[operation.mnemonic.lower()][name]
                    m.d.comb += [self.finds.eq(1), self.found_register.eq(register)]

    def _assign(self, m: Module, register: Value, value: Value) -> None:
        """Write a scalar register at the end of this cycle."""
        m.d.comb += [self.write.eq(1), self.register.eq(register), self.value.eq(value)]

    def _count(self, m: Module, count: Any) -> None:
        """COUNT, with the bits above the register's telling where it saturates."""
        total = Signal(REGISTER_BITS + 2)
        m.d.comb += [total.eq(self.registers[count.register] + count.step), self.complete.eq(1)]
        below, beyond = total[-1], total[REGISTER_BITS]
        saturated = (total[:REGISTER_BITS] | beyond.replicate(REGISTER_BITS)) & ~below.replicate(
            REGISTER_BITS
        )
        self._assign(m, count.register, saturated)

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

    def _stack(self, m: Module, depth: Signal) -> None:
        """CALL and RETURN, with `depth` addresses on the stack."""
        stack: Any = Signal(data.ArrayLayout(PC_BITS, STACK_DEPTH))
        with m.If(self.word.opcode == Opcode.CALL):
            with m.If(depth == STACK_DEPTH):
                m.d.comb += self.failure.eq(Error.STACK)
            with m.Else():
                m.d.comb += [
                    self.complete.eq(1),
                    self.target.eq(self.word.arguments.call.target),
                ]
                m.d.sync += [stack[depth].eq(self.pc + 1), depth.eq(depth + 1)]
        with m.Else():
            with m.If(depth == 0):
                m.d.comb += self.failure.eq(Error.STACK)
            with m.Else():
                top = (depth - 1)[: len(depth)]
                m.d.comb += [self.complete.eq(1), self.target.eq(stack[top])]
                m.d.sync += depth.eq(top)
