"""What an instruction is: worked out ahead of the cycle in which it begins."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.choices import Condition
from sordino.isa.fields import SEGMENTS, Store, Words
from sordino.isa.hazards import waits
from sordino.isa.instruction import ALL_UNITS, REGISTERS, Instruction, Unit
from sordino.isa.operations import ISA, Opcode
from sordino.isa.registers import Error
from sordino.rtl.dispatch import UNITS, Units
from sordino.rtl.shared.ports import PC_BITS, REGISTER_BITS, TOKEN_BITS

__all__ = ["Decode", "Decoded", "Fields"]


def _registers(operation: type[Instruction], *, written: bool) -> list[str]:
    """The fields of an operation that name a register which it writes, or one which it reads."""
    found = []
    for name in operation.meant(Words):
        words = operation.FIELDS[name].meaning
        if words.store is Store.REGISTER and (words.writes if written else words.reads):
            found.append(name)
    return found


_OWN = tuple(Opcode[operation.mnemonic] for operation in ISA if not operation.unit)
_FAILING = (Opcode.CALL, Opcode.RETURN)
_AT_ONCE = tuple(opcode for opcode in _OWN if opcode not in (Opcode.EMIT, *_FAILING))
_WRITING = tuple(Opcode[o.mnemonic] for o in ISA if not o.unit and _registers(o, written=True))
_FINDING = tuple(Opcode[o.mnemonic] for o in ISA if o.unit and _registers(o, written=True))


_NAMED = [(o, n) for o in ISA for n in _registers(o, written=False)]
_NAMED += [(o, n) for o in ISA if not o.unit for n in _registers(o, written=True)]
assert {o.FIELDS[n].offset for o, n in _NAMED} == {0}, "one place, no choice"
_RESULTS = {o: name for o in ISA if o.unit for name in _registers(o, written=True)}
"""Operations of units that write a register, with the field that names it."""


class Decoded(data.Struct):
    """An instruction, but for its fields.

    begin      the unit that executes it, if it is one's
    at_once    it is the sequencer's own, and done as it begins
    emits      it is EMIT, which is done when its token is taken
    halts, sets, counts, calls, returns, loops, branches, uses, takes, inputs
               it is that operation
    jumps      it always goes on at `target`
    writes     it is the sequencer's own, and writes a register
    finds      it is a unit's, and has a result for a register
    failure    it cannot be executed
    target     where it goes on if not at the next address; of HALT its own address
    """

    begin: Units
    at_once: 1
    emits: 1
    halts: 1
    sets: 1
    counts: 1
    calls: 1
    returns: 1
    jumps: 1
    loops: 1
    branches: 1
    uses: 1
    takes: 1
    inputs: 1
    writes: 1
    finds: 1
    failure: Error
    target: PC_BITS


class Fields(data.Struct):
    """Fields of the operations that have them; of others, anything.

    register          that which the sequencer's own reads or writes, or a unit's reads
    found             that which a unit's writes
    code              of HALT
    end, request      of INPUT
    channel           of EMIT
    segment           of USE
    condition, right  of BRANCH
    value             of SET
    step              of COUNT
    """

    register: range(REGISTERS)
    found: range(REGISTERS)
    code: 8
    end: PC_BITS
    request: PC_BITS
    channel: TOKEN_BITS - REGISTER_BITS
    segment: range(SEGMENTS)
    condition: Condition
    right: REGISTER_BITS
    value: REGISTER_BITS
    step: signed(REGISTER_BITS + 1)


class Decode(wiring.Component):
    """Decode an instruction, combinationally.

    Members
    -------
    word, pc
        The instruction and its address.
    outside
        `pc` is outside program memory: there is no instruction.
    empty, full, top
        The stack: whether it is empty or full, and the address on top.
    decoded, fields
        What the instruction is, and what it says.
    awaited
        Units that must be idle before it begins; one that fails waits for all of them, so that
        nothing else can fail in the same cycle.
    """

    word: In(ISA.word)
    pc: In(PC_BITS)
    outside: In(1)
    empty: In(1)
    full: In(1)
    top: In(PC_BITS)
    decoded: Out(Decoded)
    fields: Out(Fields)
    awaited: Out(Units)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        decoded = self.decoded
        with m.If(self.outside):
            m.d.comb += decoded.failure.eq(Error.ILLEGAL)
        with m.Else():
            self._kinds(m, decoded)
        self._targets(m)
        self._waits(m)
        self._fields(m)
        return m

    def _kinds(self, m: Module, decoded: Any) -> None:
        """What it is, and whether it fails."""
        flags: tuple[tuple[Any, tuple[Any, ...]], ...] = (
            (decoded.at_once, _AT_ONCE),
            (decoded.emits, (Opcode.EMIT,)),
            (decoded.halts, (Opcode.HALT,)),
            (decoded.sets, (Opcode.SET,)),
            (decoded.counts, (Opcode.COUNT,)),
            (decoded.loops, (Opcode.LOOP,)),
            (decoded.branches, (Opcode.BRANCH,)),
            (decoded.uses, (Opcode.USE,)),
            (decoded.takes, (Opcode.TAKE,)),
            (decoded.inputs, (Opcode.INPUT,)),
            (decoded.jumps, (Opcode.HALT, Opcode.JUMP)),
            (decoded.writes, _WRITING),
            (decoded.finds, _FINDING),
            *((decoded.begin[name], _of_unit(name)) for name in UNITS),
        )
        opcode = self.word.opcode
        for flag, opcodes in flags:
            with m.Switch(opcode), m.Case(*opcodes):
                m.d.comb += flag.eq(1)
        with m.Switch(opcode):
            with m.Case(Opcode.CALL):
                with m.If(self.full):
                    m.d.comb += decoded.failure.eq(Error.STACK)
                with m.Else():
                    m.d.comb += [decoded.calls.eq(1), decoded.jumps.eq(1), decoded.at_once.eq(1)]
            with m.Case(Opcode.RETURN):
                with m.If(self.empty):
                    m.d.comb += decoded.failure.eq(Error.STACK)
                with m.Else():
                    m.d.comb += [decoded.returns.eq(1), decoded.jumps.eq(1), decoded.at_once.eq(1)]
            with m.Case(*(operation.number for operation in ISA)):
                pass
            with m.Default():
                m.d.comb += decoded.failure.eq(Error.ILLEGAL)

    def _targets(self, m: Module) -> None:
        arguments = self.word.arguments
        with m.Switch(self.word.opcode):
            for opcode, target in (
                (Opcode.HALT, self.pc),
                (Opcode.JUMP, arguments.jump.target),
                (Opcode.CALL, arguments.call.target),
                (Opcode.RETURN, self.top),
                (Opcode.LOOP, arguments.loop.target),
                (Opcode.BRANCH, arguments.branch.target),
                (Opcode.USE, arguments.use.otherwise),
            ):
                with m.Case(opcode):
                    m.d.comb += self.decoded.target.eq(target)

    def _fields(self, m: Module) -> None:
        arguments, fields = self.word.arguments, self.fields
        m.d.comb += [
            fields.register.eq(arguments.set.register),
            fields.code.eq(arguments.halt.code),
            fields.end.eq(arguments.input.end),
            fields.request.eq(arguments.input.request),
            fields.channel.eq(arguments.emit.channel),
            fields.segment.eq(arguments.use.segment),
            fields.condition.eq(arguments.branch.condition),
            fields.right.eq(arguments.branch.value),
            fields.value.eq(arguments.set.value),
            fields.step.eq(arguments.count.step),
        ]
        with m.Switch(self.word.opcode):
            for operation, name in _RESULTS.items():
                with m.Case(operation.number):
                    register = arguments[operation.mnemonic.lower()][name]
                    m.d.comb += fields.found.eq(register)

    def _waits(self, m: Module) -> None:
        """The units, by their bits in `Unit`, that must be idle before it begins."""
        overlaps = self.word.overlaps.as_value()
        m.d.comb += self.awaited.eq(~overlaps)
        with m.Switch(self.word.opcode):
            for operation in ISA:
                always = waits(operation(overlaps=ALL_UNITS)).value
                if always:
                    with m.Case(operation.number):
                        m.d.comb += self.awaited.eq(~overlaps | always)
        with m.If(self.decoded.failure != Error.NONE):
            m.d.comb += self.awaited.eq(~0)


def _of_unit(name: str) -> tuple[Any, ...]:
    """The opcodes of a unit's operations."""
    unit = Unit[name.upper()]
    return tuple(Opcode[operation.mnemonic] for operation in ISA if operation.unit is unit)
