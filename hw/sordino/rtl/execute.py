"""What an instruction does in the cycle in which it begins."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.choices import Condition
from sordino.isa.instruction import REGISTERS, STACK_DEPTH, Unit
from sordino.isa.operations import ISA, Opcode
from sordino.isa.registers import Error
from sordino.rtl.dispatch import Units
from sordino.rtl.shared.ports import PC_BITS, REGISTER_BITS

__all__ = ["Execute"]


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
        What EMBED's register holds.
    finds, found_register
        The instruction is ARGMAX; where its result goes.
    input, end
        The instruction is INPUT, and begins; where it goes on at the end of input, valid while
        `word` holds.
    failure
        The instruction cannot be executed: ILLEGAL or STACK.
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
    failure: Out(Error)
    write: Out(1)
    register: Out(range(REGISTERS))
    value: Out(REGISTER_BITS)
    tokens: Out(stream.Signature(REGISTER_BITS))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        arguments, registers = self.word.arguments, self.registers
        depth = Signal(range(STACK_DEPTH + 1))
        m.d.comb += [
            self.target.eq(self.pc + 1),
            self.code.eq(arguments.halt.code),
            self.operand.eq(registers[arguments.embed.register]),
            self.finds.eq(self.word.opcode == Opcode.ARGMAX),
            self.found_register.eq(arguments.argmax.register),
            self.input.eq(self.begin.vector & (self.word.opcode == Opcode.INPUT)),
            self.end.eq(arguments.input.end),
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
            with m.Case(Opcode.BRANCH):
                m.d.comb += self.complete.eq(1)
                with m.If(self._holds(m, arguments.branch)):
                    m.d.comb += self.target.eq(arguments.branch.target)
            with m.Case(Opcode.EMIT):
                m.d.comb += [
                    self.tokens.valid.eq(1),
                    self.tokens.payload.eq(registers[arguments.emit.register]),
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

    def _assign(self, m: Module, register: Value, value: Value) -> None:
        """Write a scalar register at the end of this cycle."""
        m.d.comb += [self.write.eq(1), self.register.eq(register), self.value.eq(value)]

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
