"""What an instruction does in the cycle in which it begins."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.choices import Condition
from sordino.isa.fields import SEGMENTS
from sordino.isa.instruction import REGISTERS, STACK_DEPTH
from sordino.isa.operations import ISA
from sordino.isa.registers import Error
from sordino.rtl.decode import Decode, Decoded
from sordino.rtl.dispatch import Units
from sordino.rtl.shared.ports import PC_BITS, REGISTER_BITS, TOKEN_BITS

__all__ = ["Execute"]


class Execute(wiring.Component):
    """Execute the sequencer's own instructions and say which unit executes another.

    What the instruction is and what the register held that it reads are registers: of `word`, `pc`
    and `registers` one cycle before. So is `clear`. An instruction may begin when it stands in
    `word` for the second cycle or longer. What happens then follows the inputs of the same cycle;
    the only other state is the stack of CALL and RETURN. Its twin is `sordino.golden.execution`.

    Members
    -------
    enable
        The instruction begins in this cycle; without it nothing happens.
    idle
        The machine is idle: the stack is emptied.
    word, pc, outside
        The instruction and its address; whether that is outside program memory.
    registers
        The scalar registers.
    at_work, clear
        Units that are at work; all that the instruction waits for were idle a cycle ago.
    complete
        The instruction is the sequencer's own, and done at the end of this cycle.
    target
        Address of the instruction that follows.
    halt, code
        The instruction is HALT; its code.
    begin
        The unit that executes the instruction.
    operand
        What the register held a cycle ago that the instruction reads.
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
    checked, about, used
        Segments that may be begun; that which the instruction, a USE, names; that which it begins
        to use in this cycle.
    write, register, value
        The instruction writes `value` to a scalar register at the end of this cycle.
    tokens
        Where EMIT goes.
    """

    enable: In(1)
    idle: In(1)
    word: In(ISA.word)
    pc: In(PC_BITS)
    outside: In(1)
    registers: In(data.ArrayLayout(REGISTER_BITS, REGISTERS))
    at_work: In(Units)
    clear: Out(1)
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
    about: Out(SEGMENTS)
    used: Out(SEGMENTS)
    failure: Out(Error)
    write: Out(1)
    register: Out(range(REGISTERS))
    value: Out(REGISTER_BITS)
    tokens: Out(stream.Signature(TOKEN_BITS))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.decode = decode = Decode()
        decoded = Signal(Decoded)
        self._decode(m, decode, decoded)
        self._tell(m, decode.fields, decoded)
        self._control(m, decode.fields, decoded)
        self._assign(m, decode.fields, decoded)
        m.d.comb += [
            self.complete.eq(self.enable & (decoded.at_once | (decoded.emits & self.tokens.ready))),
            self.halt.eq(self.enable & decoded.halts),
            self.taken.eq(self.enable & decoded.takes),
            self.tokens.valid.eq(self.enable & decoded.emits),
            self.tokens.payload.eq(Cat(self.operand, decode.fields.channel)),
        ]
        with m.If(self.enable):
            m.d.comb += [self.begin.eq(decoded.begin), self.failure.eq(decoded.failure)]
        return m

    def _decode(self, m: Module, decode: Decode, decoded: Any) -> None:
        """The registers between program memory and the cycle in which an instruction begins."""
        stack: Any = Signal(data.ArrayLayout(PC_BITS, STACK_DEPTH))
        depth = Signal(range(STACK_DEPTH + 1))
        m.d.comb += [
            decode.word.eq(self.word),
            decode.pc.eq(self.pc),
            decode.outside.eq(self.outside),
            decode.empty.eq(depth == 0),
            decode.full.eq(depth == STACK_DEPTH),
            decode.top.eq(stack[(depth - 1)[: len(depth)]]),
            self.register.eq(decode.fields.register),
        ]
        m.d.sync += [
            decoded.eq(decode.decoded),
            self.clear.eq(~(self.at_work.as_value() & decode.awaited.as_value()).any()),
            self.operand.eq(self.registers[self.register]),
        ]
        with m.If(self.idle):
            m.d.sync += depth.eq(0)
        with m.If(self.enable & decoded.calls):
            m.d.sync += [stack[depth].eq(self.pc + 1), depth.eq(depth + 1)]
        with m.If(self.enable & decoded.returns):
            m.d.sync += depth.eq(depth - 1)

    def _tell(self, m: Module, fields: Any, decoded: Any) -> None:
        """What a unit, or the sequencer while it waits, knows of the instruction."""
        m.d.comb += [
            self.code.eq(fields.code),
            self.input.eq(self.enable & decoded.inputs),
            self.end.eq(fields.end),
            self.yielded.eq(fields.request),
            self.yields.eq(self.yielded != 0),
            self.finds.eq(decoded.finds),
            self.found_register.eq(fields.found),
        ]

    def _control(self, m: Module, fields: Any, decoded: Any) -> None:
        """Where the program goes on."""
        used = Signal(SEGMENTS)
        with m.If(decoded.uses):
            m.d.comb += self.about.eq(1 << fields.segment)
        m.d.comb += used.eq(self.about & self.checked)
        with m.If(self.enable):
            m.d.comb += self.used.eq(used)
        goes = (
            decoded.jumps
            | (decoded.loops & (self.operand != 1))
            | (decoded.branches & self._holds(m, fields))
            | (decoded.uses & ~used.any())
        )
        m.d.comb += self.target.eq(Mux(goes, decoded.target, self.pc + 1))

    def _holds(self, m: Module, branch: Any) -> Signal:
        """Whether BRANCH's comparison holds."""
        register = self.operand
        equal, less, holds = Signal(), Signal(), Signal()
        m.d.comb += [equal.eq(register == branch.right), less.eq(register < branch.right)]
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

    def _assign(self, m: Module, fields: Any, decoded: Any) -> None:
        """What is written to a scalar register at the end of this cycle.

        The sum has bits above the register's, which tell where a count saturates.
        """
        total = Signal(REGISTER_BITS + 2)
        m.d.comb += [
            self.write.eq(self.enable & decoded.writes),
            total.eq(self.operand + fields.step),
            self.value.eq(self.request),
        ]
        below, beyond = total[-1], total[REGISTER_BITS]
        with m.If(decoded.sets):
            m.d.comb += self.value.eq(fields.value)
        with m.If(decoded.loops):
            m.d.comb += self.value.eq(self.operand - 1)
        with m.If(decoded.counts):
            m.d.comb += self.value.eq(
                (total[:REGISTER_BITS] | beyond.replicate(REGISTER_BITS))
                & ~below.replicate(REGISTER_BITS)
            )
