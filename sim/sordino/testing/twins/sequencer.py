"""The sequencer as a Python model, cycle for cycle, given what its units answer and when."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sordino.isa import timing
from sordino.isa.choices import Condition
from sordino.isa.hazards import waits
from sordino.isa.instruction import REGISTERS, STACK_DEPTH, Instruction, Unit
from sordino.isa.operations import (
    ISA,
    Argmax,
    Branch,
    Call,
    Count,
    Embed,
    Emit,
    Halt,
    Input,
    Jump,
    Loop,
    Matvec,
    Read,
    Return,
    Set,
    Take,
    Use,
    Write,
)
from sordino.isa.registers import Error
from sordino.rtl.sequencer import SEQUENCER_COUNTERS
from sordino.testing.twins.usage import UsageModel

__all__ = [
    "ARRAY",
    "TABLE",
    "UNITS",
    "VECTOR",
    "Case",
    "Outcome",
    "Reply",
    "beside_units",
    "run_model",
]

TABLE, ARRAY, VECTOR = "table", "array", "vector"
UNITS = {operation: str(operation.unit.name).lower() for operation in ISA if operation.unit}
"""Who executes what; the others are the sequencer's own."""
_BITS = {TABLE: Unit.TABLE, ARRAY: Unit.ARRAY, VECTOR: Unit.VECTOR}
_EVERY = Unit.ARRAY | Unit.VECTOR | Unit.TABLE
_NEVER = 1 << 48


@dataclass
class Reply:
    """What a unit answers, `latency` cycles after its start; only MATVEC and INPUT have errors.

    `requested` says that an INPUT `ended` because of a request.
    """

    latency: int
    error: bool
    ended: bool
    result: int
    waiting: list[bool]
    requested: bool = False


@dataclass
class Case:
    """A program and everything around it.

    words         all of program memory
    replies       of the units, in the order of their starts
    ready         of the token stream, by cycle from the one after `start`
    checked       segments that are, all the time
    requests      of the host, one after the other as they are taken; 0 for none
    limit, abort  cycle limit or 0; the cycle of an abort
    """

    words: list[int]
    entry: int
    replies: list[Reply]
    ready: list[bool]
    requests: list[int] = field(default_factory=lambda: [0])
    checked: frozenset[int] = frozenset()
    limit: int = 0
    abort: int | None = None


@dataclass
class Outcome:
    """What a run leaves.

    in_use   segments in use, as a number with a bit for each, cycle by cycle
    issued   (cycle, pc) of the instructions that began, in the trace
    retired  (cycle, who, pc, next) of those done, `next` None where the trace has none
    started  (unit, word, operand); the table loader and the array see no more than their arguments
    """

    issued: list[tuple[int, int]] = field(default_factory=list)
    retired: list[tuple[int, str, int, int | None]] = field(default_factory=list)
    started: list[tuple[str, int, int | None]] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    registers: list[int] = field(default_factory=lambda: [0] * REGISTERS)
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SEQUENCER_COUNTERS, 0))
    error: Error = Error.NONE
    code: int = 0
    pc: int = 0
    in_use: list[int] = field(default_factory=list)


class _Stop(Exception):
    """The machine stops in this cycle, with an error or without."""


@dataclass
class _Work:
    """What a unit is doing: the cycle of its start and the last one."""

    pc: int
    instruction: Instruction
    reply: Reply
    start: int
    end: int


class _Model:
    """Execute a case as the sequencer's documentation says, from event to event.

    `cycle` is the first one not yet accounted for; `seen` are the registers as they were in the one
    before; `free` says from which cycle on a unit's last instruction lets others begin; `about` has
    the bit of a checked segment whose USE may begin.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.out = Outcome(pc=case.entry)
        self.stack: list[int] = []
        self.cycle = 0
        limit = case.limit - 1 if case.limit else _NEVER
        self.last = min(limit, _NEVER if case.abort is None else case.abort)
        self.work: dict[str, _Work] = {}
        self.seen = list(self.out.registers)
        self.free = dict.fromkeys(_BITS, 0)
        self.usage = UsageModel()
        self.about = 0
        self.replies: Iterator[Reply] = iter(case.replies)
        self.requests = iter(case.requests)
        self.request = next(self.requests, 0)

    def run(self) -> Outcome:
        try:
            while True:
                self.instruction()
        except _Stop as stop:
            (self.out.error,) = stop.args
        self.out.counters["cycles"] = self.cycle
        self.out.retired.sort(key=lambda event: (event[0], event[1]))
        return self.out

    def pass_cycle(self, own: Error | None = None) -> None:
        """One cycle goes by: units work and end. `own` is how the sequencer itself stops in it."""
        now = self.cycle
        self.cycle += 1
        self.seen = list(self.out.registers)
        self.out.in_use.append(self.usage.pass_cycle(reading=TABLE in self.work) | self.about)
        error = own
        for unit, work in list(self.work.items()):
            counter = "matvec" if unit == ARRAY else unit
            if work.start < now:
                self.out.counters[counter] += 1
                if isinstance(work.instruction, Input):
                    waiting = work.reply.waiting[now - work.start - 1]
                    self.out.counters["wait_input"] += waiting
            if work.end == now:
                del self.work[unit]
                self.free[unit] = now + timing.UNIT_FREE
                error = self.finish(unit, work) or error
        if error is None and now == self.last:
            error = Error.LIMIT
        if error is not None:
            raise _Stop(error)

    def finish(self, unit: str, work: _Work) -> Error | None:
        out, i, following = self.out, work.instruction, None
        if work.reply.error and isinstance(i, (Matvec, Input)):
            out.pc = work.pc
            return Error.STREAM if unit == ARRAY else Error.INPUT
        if isinstance(i, Argmax | Read):
            out.registers[i.register] = work.reply.result
        if isinstance(i, Input):
            out.counters["frames"] += not work.reply.ended
            where = i.request if work.reply.requested else i.end
            following = out.pc = where if work.reply.ended else work.pc + 1
        out.retired.append((self.cycle, unit, work.pc, following))
        out.counters["instructions"] += 1
        return None

    def retire(self, following: int, stop: Error | None = None) -> None:
        """The sequencer's own instruction is done in this cycle."""
        out, pc = self.out, self.out.pc
        self.issue(pc)
        out.retired.append((self.cycle + 1, "own", pc, following))
        out.counters["instructions"] += 1
        out.pc = following
        self.pass_cycle(stop)
        self.about = 0

    def issue(self, pc: int) -> None:
        self.out.issued.append((self.cycle + 1, pc))

    def idle(self, units: Unit) -> None:
        """Let cycles pass until an instruction may begin that waits for `units`."""
        while any(
            unit in self.work or self.cycle < self.free[unit]
            for unit, bit in _BITS.items()
            if bit & units
        ):
            self.pass_cycle()

    def fail(self, error: Error) -> None:
        self.idle(_EVERY)
        self.pass_cycle(error)

    def instruction(self) -> None:
        for _ in range(timing.SEQUENCER_CYCLES - 1):
            self.pass_cycle()
        word = self.case.words[self.out.pc] if self.out.pc < len(self.case.words) else -1
        try:
            i = ISA.decode(word)
        except ValueError:
            self.fail(Error.ILLEGAL)
            return
        if isinstance(i, Use) and i.segment in self.case.checked:
            self.about = 1 << i.segment
        self.idle(waits(i))
        if type(i) in UNITS:
            self.unit(i, word)
        elif isinstance(i, Emit):
            while not self.case.ready[self.cycle]:
                self.out.counters["wait_token"] += 1
                self.pass_cycle()
            self.out.tokens.append(self.seen[i.register] + 65536 * i.channel)
            self.out.counters["tokens"] += 1
            self.retire(self.out.pc + 1)
        else:
            self.control(i)

    def control(self, i: Instruction) -> None:
        registers, seen, following = self.out.registers, self.seen, self.out.pc + 1
        match i:
            case Halt():
                self.out.code = i.code
                self.retire(self.out.pc, Error.NONE)
            case Set():
                registers[i.register] = i.value
            case Count():
                registers[i.register] = min(max(seen[i.register] + i.step, 0), 65535)
            case Take():
                registers[i.register] = self.request
                self.request = next(self.requests, 0)
            case Use():
                if i.segment in self.case.checked:
                    self.usage.use(i.segment)
                else:
                    following = i.otherwise
            case Jump():
                following = i.target
            case Call():
                if len(self.stack) == STACK_DEPTH:
                    self.fail(Error.STACK)
                self.stack.append(following)
                following = i.target
            case Return():
                if not self.stack:
                    self.fail(Error.STACK)
                following = self.stack.pop()
            case Loop():
                registers[i.register] = (seen[i.register] - 1) % 65536
                following = i.target if registers[i.register] else following
            case Branch():
                r = seen[i.register]
                holds = {
                    Condition.EQ: r == i.value,
                    Condition.NE: r != i.value,
                    Condition.LT: r < i.value,
                    Condition.GE: r >= i.value,
                }
                following = i.target if holds[Condition(i.condition)] else following
        self.retire(following % 65536)

    def unit(self, i: Instruction, word: int) -> None:
        out, unit, pc = self.out, UNITS[type(i)], self.out.pc
        self.issue(pc)
        if not isinstance(i, Input):
            out.pc = (pc + 1) % 65536
        self.usage.input = isinstance(i, Input)
        self.pass_cycle()
        # A stop in the cycle before suppresses the start.
        start, reply = self.cycle, next(self.replies)
        operand = self.seen[i.register] if isinstance(i, Embed | Write) else None
        out.started.append((unit, word, operand))
        self.work[unit] = _Work(pc, i, reply, start, start + reply.latency)
        if isinstance(i, Input):
            while unit in self.work:
                self.pass_cycle()


def beside_units(instructions: int, units: int, inputs: int) -> int:
    """What instructions take beside their units' own cycles, where nothing overlaps.

    `units` of all are executed by units, and `inputs` of these are INPUTs.
    """
    own = timing.SEQUENCER_CYCLES * (instructions - units + inputs)
    return own + timing.UNIT_START * units + timing.UNIT_FREE * (units - inputs)


def run_model(case: Case) -> Outcome:
    """Execute `case` as the sequencer's documentation says."""
    return _Model(case).run()
