"""The sequencer as a Python model, cycle for cycle, given what its units answer and when."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sordino.isa.instructions import REGISTERS, STACK_DEPTH, Condition, Instruction, Opcode
from sordino.isa.registers import Error
from sordino.rtl.sequencer import SEQUENCER_COUNTERS

__all__ = ["ARRAY", "TABLE", "UNITS", "VECTOR", "Case", "Outcome", "Reply", "run_model"]

TABLE, ARRAY, VECTOR = "table", "array", "vector"
UNITS = {
    Opcode.TABLE: TABLE,
    Opcode.MATVEC: ARRAY,
    Opcode.INPUT: VECTOR,
    **{opcode: VECTOR for opcode in Opcode if opcode.value > Opcode.MATVEC.value},
}
"""Who executes what; the others are the sequencer's own."""
_NEVER = 1 << 48


@dataclass
class Reply:
    """What a unit answers, `latency` cycles after its start."""

    latency: int
    error: bool
    ended: bool
    result: int
    waiting: list[bool]


@dataclass
class Case:
    """A program and everything around it.

    words         all of program memory
    replies       of the units, in the order of their starts
    ready         of the token stream, by cycle from the one after `start`
    limit, abort  cycle limit or 0; the cycle of an abort
    """

    words: list[int]
    entry: int
    replies: list[Reply]
    ready: list[bool]
    limit: int = 0
    abort: int | None = None


@dataclass
class Outcome:
    """What a run leaves. `retired` holds (cycle, pc, next), `started` (unit, word, operand)."""

    retired: list[tuple[int, int, int]] = field(default_factory=list)
    started: list[tuple[str, int, int | None]] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    registers: list[int] = field(default_factory=lambda: [0] * REGISTERS)
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SEQUENCER_COUNTERS, 0))
    error: Error = Error.NONE
    code: int = 0
    pc: int = 0


class _Stop(Exception):
    """The machine stops in this cycle, with an error or without."""


class _Model:
    """Execute a case as the sequencer's documentation says."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.out = Outcome(pc=case.entry)
        self.stack: list[int] = []
        self.cycle = 0
        self.end = min(case.limit or _NEVER, _NEVER if case.abort is None else case.abort + 1)
        self.replies: Iterator[Reply] = iter(case.replies)

    def run(self) -> Outcome:
        try:
            while True:
                self.instruction()
        except _Stop as stop:
            (self.out.error,) = stop.args
        self.out.counters["cycles"] = self.cycle
        return self.out

    def pass_cycle(self, counter: str = "", completes: bool = False) -> None:
        """One cycle goes by; the limit stops the machine unless it does so by itself."""
        if counter:
            self.out.counters[counter] += 1
        self.cycle += 1
        if self.cycle == self.end and not completes:
            raise _Stop(Error.LIMIT)

    def retire(self, following: int) -> None:
        out = self.out
        out.retired.append((self.cycle, out.pc, following))
        out.counters["instructions"] += 1
        out.pc = following
        if self.cycle == self.end:
            raise _Stop(Error.LIMIT)

    def instruction(self) -> None:
        self.pass_cycle()
        word = self.case.words[self.out.pc] if self.out.pc < len(self.case.words) else -1
        try:
            i = Instruction.decode(word)
        except ValueError:
            self.pass_cycle(completes=True)
            raise _Stop(Error.ILLEGAL) from None
        if i.opcode in UNITS:
            self.unit(i, word)
        elif i.opcode is Opcode.EMIT:
            while not self.case.ready[self.cycle]:
                self.pass_cycle("wait_token")
            self.out.tokens.append(self.out.registers[i.register])
            self.pass_cycle("tokens", completes=True)
            self.retire(self.out.pc + 1)
        else:
            self.pass_cycle(completes=True)
            self.control(i)

    def control(self, i: Instruction) -> None:
        registers, following = self.out.registers, self.out.pc + 1
        match i.opcode:
            case Opcode.HALT:
                self.out.code = i.code
                self.end = _NEVER
                self.retire(self.out.pc)
                raise _Stop(Error.NONE)
            case Opcode.SET:
                registers[i.register] = i.value
            case Opcode.JUMP:
                following = i.target
            case Opcode.CALL:
                if len(self.stack) == STACK_DEPTH:
                    raise _Stop(Error.STACK)
                self.stack.append(following)
                following = i.target
            case Opcode.RETURN:
                if not self.stack:
                    raise _Stop(Error.STACK)
                following = self.stack.pop()
            case Opcode.LOOP:
                registers[i.register] = (registers[i.register] - 1) % 65536
                following = i.target if registers[i.register] else following
            case Opcode.BRANCH:
                r = registers[i.register]
                holds = {
                    Condition.EQ: r == i.value,
                    Condition.NE: r != i.value,
                    Condition.LT: r < i.value,
                    Condition.GE: r >= i.value,
                }
                following = i.target if holds[Condition(i.condition)] else following
        self.retire(following % 65536)

    def unit(self, i: Instruction, word: int) -> None:
        out, unit = self.out, UNITS[i.opcode]
        operand = out.registers[i.register] if i.opcode is Opcode.EMBED else None
        out.started.append((unit, word, operand))
        self.pass_cycle()
        reply = next(self.replies)
        counter = "matvec" if unit is ARRAY else unit
        for n in range(reply.latency):
            if i.opcode is Opcode.INPUT:
                out.counters["wait_input"] += reply.waiting[n]
            self.pass_cycle(counter, completes=n == reply.latency - 1)
        if reply.error and unit is not TABLE:
            raise _Stop(Error.STREAM if unit is ARRAY else Error.INPUT)
        following = out.pc + 1
        if i.opcode is Opcode.ARGMAX:
            out.registers[i.register] = reply.result
        if i.opcode is Opcode.INPUT:
            out.counters["frames"] += not reply.ended
            following = i.end if reply.ended else following
        self.retire(following)


def run_model(case: Case) -> Outcome:
    """Execute `case` as the sequencer's documentation says."""
    return _Model(case).run()
