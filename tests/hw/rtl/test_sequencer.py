"""The sequencer alone, with stand-ins for the units: cycle for cycle equal to a Python model.

Random programs of every opcode, illegal words and jumps outside program memory among them; units
answer after random times; tokens, limit and abort come at random.
"""

import random
from functools import partial

import pytest
from amaranth.hdl import Const

from sordino.arch import Config
from sordino.isa import timing
from sordino.isa.fields import SEGMENTS
from sordino.isa.instruction import OPCODE_BITS, REGISTERS, STACK_DEPTH
from sordino.isa.operations import (
    ISA,
    Branch,
    Call,
    Embed,
    Emit,
    Fill,
    Halt,
    Input,
    Jump,
    Loop,
    Matvec,
    Return,
    Set,
    Use,
    Write,
)
from sordino.isa.registers import Error, LoadTarget
from sordino.rtl.sequencer import SEQUENCER_COUNTERS, Sequencer
from sordino.rtl.shared.ports import RETIRES
from sordino.stimuli.simulate import simulate
from sordino.testing.twins.sequencer import (
    ARRAY,
    TABLE,
    VECTOR,
    Case,
    Outcome,
    Reply,
    beside_units,
    run_model,
)

CONFIG = Config(
    lanes=4,
    group=4,
    x_fifo=8,
    lane_words=16,
    group_words=16,
    rows_per_lane=1,
    program_words=20,
)
MOST_CYCLES = 500
ORDER = (TABLE, ARRAY, VECTOR)
ILLEGAL = sorted({*range(1 << OPCODE_BITS)} - {operation.number for operation in ISA})
OVERLAPS = [*range(8), 0, 7, 7, 7]
CONTROL = (Halt, Set, Jump, Call, Return, Loop)


def random_instruction(rng, strict):
    """Any instruction with addresses mostly inside the program, or now and then an illegal word."""
    if rng.random() < 0.02:
        return rng.choice(ILLEGAL) | rng.getrandbits(123) << 5
    operation = rng.choice([*ISA, *CONTROL, Set, Emit, Branch, Use])
    if operation in (Halt, Return) and rng.random() < 0.6:
        operation = Set
    address = lambda: rng.randrange(CONFIG.program_words + (rng.random() < 0.1))  # noqa: E731
    common = {
        "register": rng.randrange(REGISTERS),
        "target": address(),
        "end": address(),
        "value": rng.choice([0, 1, 2, 65535]) if operation is not Fill else -1,
        "condition": rng.randrange(4),
        "code": rng.randrange(256),
        "count": rng.randrange(65536),
        "source": rng.randrange(256),
        "rows": rng.randrange(2048),
        "channel": rng.randrange(16),
        "step": rng.choice([0, 1, -1, 65535, -65536, rng.randrange(-65536, 65536)]),
        "request": rng.choice([0, address()]),
        "state": rng.randrange(65536),
        "segment": rng.randrange(SEGMENTS),
        "otherwise": address(),
    }
    common = {k: v for k, v in common.items() if k in operation.FIELDS}
    return operation(overlaps=0 if strict else rng.choice(OVERLAPS), **common).encode()


def random_reply(rng):
    latency = rng.choice([1, 1, 2, 3, 9, 25])
    return Reply(
        latency=latency,
        error=rng.random() < 0.02,
        ended=rng.random() < 0.3,
        result=rng.choice([0, 1, 65535, rng.randrange(65536)]),
        waiting=[rng.random() < 0.5 for _ in range(latency)],
        requested=rng.random() < 0.5,
    )


def random_case(rng, strict):
    case = Case(
        words=[random_instruction(rng, strict) for _ in range(CONFIG.program_words)],
        entry=rng.choice([0, rng.randrange(CONFIG.program_words)]),
        replies=[random_reply(rng) for _ in range(MOST_CYCLES)],
        ready=[rng.random() < 0.5 for _ in range(MOST_CYCLES)],
        requests=[rng.choice([0, 1, 65535]) for _ in range(rng.randrange(4))],
        checked=frozenset(n for n in range(SEGMENTS) if rng.random() < 0.7),
        limit=MOST_CYCLES,
    )
    cycles = run_model(case).counters["cycles"]
    match rng.randrange(4):
        case 0 if cycles < MOST_CYCLES:
            case.limit = 0
        case 1:  # around the end, exactly at it among them
            case.limit = max(1, cycles - rng.randrange(3))
        case 2:
            case.abort = rng.randrange(cycles)
    return case


def is_input(word):
    return word & 0x1F == Input.number


class Bench:
    """A sequencer between stand-ins; runs one case after the other without a reset."""

    def __init__(self):
        self.dut = Sequencer(CONFIG)
        self.units = {TABLE: self.dut.table, ARRAY: self.dut.array, VECTOR: self.dut.vector}
        self.case = None
        self.outcome = None
        self.rng = random.Random(1)
        self.aborts = 0

    async def load(self, ctx, case):
        load = self.dut.load
        for target in (LoadTarget.PARAMETERS, LoadTarget.PROGRAM):
            for address in range(4 * len(case.words)):
                # Words for another target are none of the sequencer's business.
                word = case.words[address // 4] >> 32 * (address % 4) & 0xFFFFFFFF
                word ^= 0xFFFF * (target is LoadTarget.PARAMETERS)
                payload = {"target": target, "unit": 0, "address": address, "data": word}
                ctx.set(load.payload, payload)
                ctx.set(load.valid, 1)
                await ctx.tick()
        ctx.set(load.valid, 0)

    async def start(self, ctx, case):
        dut = self.dut
        ctx.set(dut.run.entry, case.entry)
        ctx.set(dut.run.limit, case.limit)
        ctx.set(dut.run.start, 1)
        await ctx.tick()
        ctx.set(dut.run.start, 0)
        # They are read with `start` only.
        ctx.set(dut.run.entry, 0xFFFF)
        ctx.set(dut.run.limit, 1)

    async def run_case(self, ctx, case):
        """Run to the end and return the outcome."""
        dut = self.dut
        self.case, out = case, Outcome()
        self.outcome, self.aborts = out, 0
        self.replies = iter(case.replies)
        requests = iter(case.requests)
        request = next(requests, 0)
        ctx.set(dut.checked, sum(1 << n for n in case.checked))
        await self.start(ctx, case)
        cycle = 0
        while True:
            ctx.set(dut.tokens.ready, case.ready[min(cycle, len(case.ready) - 1)])
            ctx.set(dut.run.abort, cycle == case.abort)
            trace = ctx.get(dut.trace)
            if trace.issue.valid:
                out.issued.append((cycle, trace.issue.pc))
            for who, event in sorted(zip(RETIRES, trace.retire, strict=True)):
                if event.valid:
                    own = who == "own" or is_input(case.words[event.pc])
                    out.retired.append((cycle, who, event.pc, trace.next if own else None))
            busy = ctx.get(dut.run.busy)
            assert busy != ctx.get(dut.run.finished)
            if not busy:
                break
            token = dut.tokens
            ctx.set(dut.request, request)
            out.in_use.append(ctx.get(dut.in_use))
            _, _, given, value, taken = await ctx.tick().sample(
                token.valid & token.ready, token.payload, dut.taken
            )
            if given:
                out.tokens.append(value)
            if taken:
                request = next(requests, 0)
            cycle += 1
            assert cycle <= MOST_CYCLES
        out.registers = list(ctx.get(dut.registers))
        counters = ctx.get(dut.counters)
        out.counters = {name: counters[name] for name in SEQUENCER_COUNTERS}
        out.error, out.code, out.pc = (
            Error(ctx.get(dut.run.error)),
            ctx.get(dut.run.code),
            ctx.get(dut.run.pc),
        )
        self.aborts += ctx.get(dut.array.abort)
        await ctx.tick()
        return out

    async def unit(self, ctx, name):
        """A stand-in: notes what is started, answers as the case says; noise when not `done`."""
        dut = self.dut
        unit, vector = self.units[name], dut.vector.arguments
        arguments = {
            TABLE: dut.table.arguments,
            ARRAY: dut.array.arguments.matvec,
            VECTOR: vector.word,
        }
        held = unit.arguments.as_value() if name != VECTOR else Const(0)
        while True:
            _, _, started, seen, word, operand, aborted = await ctx.tick().sample(
                unit.start,
                arguments[name].as_value(),
                vector.word.as_value(),
                vector.operand,
                unit.abort,
            )
            if not started:
                continue
            assert not aborted
            if name != VECTOR:
                argument_bits = (1 << len(arguments[name].as_value())) - 1
                assert seen == word >> 8 & argument_bits
            reads = word & 0x1F in (Embed.number, Write.number)
            self.outcome.started.append((name, word, operand if reads else None))
            await self.answer(ctx, name, unit, next(self.replies), word, held)

    async def answer(self, ctx, name, unit, reply, word, held):
        rng = self.rng
        with_error = name == ARRAY or is_input(word)
        answers = {
            TABLE: (),
            ARRAY: ((unit.error, reply.error),),
            VECTOR: (
                (unit.error, reply.error and with_error),
                (self.dut.vector.ended, reply.ended),
                (self.dut.vector.requested, reply.requested),
                (self.dut.vector.result, reply.result),
            ),
        }
        before = None
        for n in range(reply.latency):
            last = n == reply.latency - 1
            ctx.set(unit.done, last)
            for signal, value in answers[name]:
                ctx.set(signal, value if last else rng.getrandbits(len(signal)))
            if name == VECTOR:
                ctx.set(unit.waiting, is_input(word) and reply.waiting[n])
            _, _, aborted, now = await ctx.tick().sample(unit.abort, held)
            assert before in (None, now), "arguments hold until done"
            before = now
            if aborted:
                break
        ctx.set(unit.done, 0)
        if name == VECTOR:
            ctx.set(unit.waiting, 0)

    def simulate(self, testbench, timeout=60_000):
        simulate(
            self.dut,
            testbench,
            timeout=timeout,
            background=[partial(self.unit, name=n) for n in ORDER],
        )


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_random_programs(seed, strict):
    rng = random.Random(seed)
    bench = Bench()
    errors = []

    async def testbench(ctx):
        for _ in range(40):
            case = random_case(rng, strict)
            expected = run_model(case)
            await bench.load(ctx, case)
            out = await bench.run_case(ctx, case)
            assert out == expected
            assert bench.aborts == (out.error is not Error.NONE)
            if out.error is Error.NONE:
                n = out.counters
                inputs = sum(is_input(case.words[pc]) for _, _, pc, _ in out.retired)
                units = sum(who != "own" for _, who, _, _ in out.retired)
                each = beside_units(n["instructions"], units, inputs)
                each += sum(n[name] for name in ("matvec", "vector", "table", "wait_token"))
                assert n["cycles"] == each if strict else n["cycles"] <= each
            else:
                await check_refuses_start(ctx, bench.dut, out.error)
            errors.append(out.error)

    bench.simulate(testbench)
    assert {Error.NONE, Error.LIMIT, Error.STACK, Error.ILLEGAL} <= set(errors)


async def check_refuses_start(ctx, dut, error):
    """With a sticky error START does nothing; CLEAR forgets the error and nothing else."""
    code, pc = ctx.get(dut.run.code), ctx.get(dut.run.pc)
    ctx.set(dut.run.start, 1)
    await ctx.tick()
    ctx.set(dut.run.start, 0)
    await ctx.tick()
    assert not ctx.get(dut.run.busy)
    assert Error(ctx.get(dut.run.error)) is error
    assert (ctx.get(dut.run.code), ctx.get(dut.run.pc)) == (code, pc)
    ctx.set(dut.run.clear, 1)
    await ctx.tick()
    ctx.set(dut.run.clear, 0)
    assert Error(ctx.get(dut.run.error)) is Error.NONE
    assert ctx.get(dut.run.finished)


def program(*instructions):
    words = [operation(**fields).encode() for operation, fields in instructions]
    return words + [0] * (CONFIG.program_words - len(words))


def plain_case(*instructions, replies=(), **settings):
    ready = [True] * MOST_CYCLES
    return Case(
        words=program(*instructions), entry=0, replies=list(replies), ready=ready, **settings
    )


def run_plain(case):
    bench, outcomes = Bench(), []

    async def testbench(ctx):
        await bench.load(ctx, case)
        outcomes.append(await bench.run_case(ctx, case))

    bench.simulate(testbench)
    return outcomes[0]


def test_calls_nest_as_deep_as_the_stack():
    nested = [(Call, {"target": n + 1}) for n in range(STACK_DEPTH)]
    out = run_plain(plain_case(*nested, (Halt, {"code": 7})))
    assert (out.error, out.code) == (Error.NONE, 7)
    too_deep = [*nested, (Call, {"target": 0})]
    out = run_plain(plain_case(*too_deep))
    assert (out.error, out.pc) == (Error.STACK, STACK_DEPTH)
    assert out.counters["instructions"] == STACK_DEPTH


@pytest.mark.parametrize(("operation", "error"), [(Matvec, Error.STREAM), (Input, Error.INPUT)])
def test_unit_errors_stop_the_machine_there(operation, error):
    reply = Reply(latency=3, error=True, ended=False, result=0, waiting=[False] * 3)
    out = run_plain(plain_case((Set, {"value": 1}), (operation, {}), replies=[reply]))
    assert (out.error, out.pc, out.counters["frames"]) == (error, 1, 0)
    assert [pc for _, _, pc, _ in out.retired] == [0]


TWO = 2 * timing.SEQUENCER_CYCLES


@pytest.mark.parametrize("limit", range(1, TWO + 2))
def test_limit_is_a_number_of_cycles(limit):
    """A limit of what two instructions take is enough."""
    out = run_plain(plain_case((Set, {"value": 1}), (Halt, {}), limit=limit))
    assert out.error is (Error.LIMIT if limit < TWO else Error.NONE)
    assert out.counters["cycles"] == min(limit, TWO)
    assert out.pc == (limit >= timing.SEQUENCER_CYCLES)
