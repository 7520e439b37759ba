# amaranth: UnusedElaboratable=no
"""Events in the circuit are as far apart as `isa.timing` says.

Where the circuit is built from a constant, so that both would move together, the test has numbers
of its own. `tests/hw/test_timing.py` changes every constant and wants one of these tests to fail.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from sordino.arch import Config
from sordino.isa import operations, timing
from sordino.isa.choices import Function, Space
from sordino.isa.instruction import Instruction
from sordino.rtl.lanes.lane import Lane
from sordino.rtl.tables import TableLoader
from sordino.rtl.vector.cell import Cell
from sordino.rtl.vector.fetch import SCALAR, Fetch
from sordino.rtl.vector.gru import Gru
from sordino.rtl.vector.plan import Order
from sordino.rtl.vector.registry import KINDS
from sordino.rtl.vector.stages.argmax import Argmax
from sordino.rtl.vector.stages.curve import tanh
from sordino.rtl.vector.stages.requantise import Requantise
from sordino.stimuli.simulate import simulate
from sordino.testing.benches.vector_bench import VectorBench, assert_same, exact, random_contents

CONFIG = Config(
    lanes=4,
    group=4,
    x_fifo=8,
    state_bits=4,
    lane_words=64,
    group_words=64,
    rows_per_lane=4,
    activation_words=64,
    state_words=32,
    parameter_words=32,
    program_words=32,
    tables=2,
    matrices=1,
)
SETTLED = 40
"""Cycles after which a block's output is that of operands that hold still."""


def delay(dut: Any, port: Any, step: Callable[[Any], None], *, before: Any = None) -> int:
    """Cycles from a step of the inputs to that of an output."""
    found: list[int] = []

    async def testbench(ctx: Any) -> None:
        if before is not None:
            before(ctx)
        await ctx.tick().repeat(SETTLED)
        old = ctx.get(port)
        step(ctx)
        for cycles in range(SETTLED):
            if ctx.get(port) != old:
                found.append(cycles)
                return
            await ctx.tick()

    simulate(dut, testbench, timeout=3 * SETTLED)
    assert found, "nothing has changed"
    return found[0]


def test_curve() -> None:
    dut = tanh()
    assert delay(dut, dut.value, lambda ctx: ctx.set(dut.z, 3000)) == timing.CURVE


def test_requantise() -> None:
    dut = Requantise(accumulator_bits=24)

    def settings(ctx: Any) -> None:
        ctx.set(dut.multiplier, 1 << 15)
        ctx.set(dut.shift, 16)

    step = delay(dut, dut.value, lambda ctx: ctx.set(dut.accumulator, 999), before=settings)
    assert step == timing.REQUANTISE


def test_argmax() -> None:
    dut = Argmax(CONFIG)

    def value(ctx: Any) -> None:
        ctx.set(dut.index, 5)
        ctx.set(dut.valid, 1)

    assert delay(dut, dut.result, value) == timing.ARGMAX


def test_fetch() -> None:
    """Of the lanes of a quad each has another accumulator; the place's lane changes."""
    dut = Fetch(CONFIG)

    def lanes(ctx: Any) -> None:
        ctx.set(dut.order, Order.SLOTS)
        ctx.set(dut.accumulators, [10, 20, 30, 40])

    step = delay(dut, dut.operands[SCALAR], lambda ctx: ctx.set(dut.phase, 1), before=lanes)
    assert step == timing.FETCH


GATES = {"i": 0, "f": 1, "g": 2, "o": 3}
CELL = {
    "squashed": timing.CELL_CANDIDATE,
    "state": timing.CELL_STATE,
    "hidden": timing.CELL_HIDDEN,
}


@pytest.mark.parametrize(
    ("gate", "port"),
    [("g", "squashed"), *((gate, "state") for gate in "ifgc"), ("g", "hidden"), ("o", "hidden")],
)
def test_cell(gate: str, port: str) -> None:
    """A step of one gate, or of c, arrives together with those of the others."""
    dut = Cell()

    def begin(ctx: Any) -> None:
        ctx.set(dut.preactivations, [2000, 2000, 2000, 2000])
        ctx.set(dut.previous, 1000)

    def step(ctx: Any) -> None:
        if gate == "c":
            ctx.set(dut.previous, 9000)
        else:
            ctx.set(dut.preactivations[GATES[gate]], -4000)

    assert delay(dut, getattr(dut, port), step, before=begin) == CELL[port]


GRU = KINDS.index(next(kind for kind in KINDS if isinstance(kind, Gru)))
SUMS = {"n_h": 0, "r": 1, "n_x": 2, "z": 3}


@pytest.mark.parametrize("sum_", [*SUMS, "h"])
def test_gru(sum_: str) -> None:
    """A step of one sum arrives together with those of the others, one of h when it is wanted."""
    dut = Cell()

    def begin(ctx: Any) -> None:
        ctx.set(dut.kind, GRU)
        ctx.set(dut.preactivations, [2000, 2000, 2000, 2000])
        ctx.set(dut.previous, 1000)

    def step(ctx: Any) -> None:
        if sum_ == "h":
            ctx.set(dut.previous, -9000)
        else:
            ctx.set(dut.preactivations[SUMS[sum_]], -4000)

    wanted = timing.CELL_HIDDEN - (timing.CELL_LATE if sum_ == "h" else 0)
    assert delay(dut, dut.state, step, before=begin) == wanted


def test_lane() -> None:
    """A product is in the accumulator if the lane stays busy for so long after its place."""
    kept = []
    for busy in range(1, 8):
        dut = Lane(rows=2, accumulator_bits=24)

        async def testbench(ctx: Any, dut: Lane = dut, busy: int = busy) -> None:
            for port, value in ((dut.busy, 1), (dut.valid, 1), (dut.x, 3), (dut.w, 5)):
                ctx.set(port, value)
            await ctx.tick()
            ctx.set(dut.valid, 0)
            for _ in range(busy - 1):
                await ctx.tick()
            ctx.set(dut.busy, 0)
            await ctx.tick()
            kept.append(ctx.get(dut.drain.accumulators[0]) == 15)

        simulate(dut, testbench, timeout=50)
    assert kept.index(True) + 1 == timing.LANE


def test_table_loader() -> None:
    dut = TableLoader(CONFIG)
    sent, done = list[int](), list[int]()

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.unit.start, 1)
        for cycle in range(40):
            if ctx.get(dut.table.valid):
                sent.append(cycle)
            if ctx.get(dut.unit.done):
                done.append(cycle)
            await ctx.tick()
            ctx.set(dut.unit.start, 0)

    simulate(dut, testbench, timeout=50)
    assert sent[0] == 1 + timing.TABLE_READ
    assert done == [timing.table_cycles(CONFIG)]


@cache
def vector_bench(vector_gates: int = 4) -> VectorBench:
    return VectorBench(CONFIG.with_settings({"vector_gates": vector_gates}))


RATIO = {"multiplier": 9, "shift": 1}
SCALE = {"multiplier": 40000, "shift": 31, "parameters": 2}
TANH = {"function": Function.TANH}
SIGMOID = {"function": Function.SIGMOID}
INSTRUCTIONS: dict[str, tuple[int, Instruction]] = {
    "input": (5, operations.Input(destination=4, count=3)),
    "fill": (5, operations.Fill(space=Space.STATE, destination=2, count=3, value=7)),
    "copy": (6, operations.Copy(space=Space.STATE, source=4, destination=10, count=3)),
    "embed": (8, operations.Embed(parameters=2, stride=1, destination=3, count=3)),
    "argmax": (9, operations.Argmax(rows=1, parameters=2)),
    "drain": (15, operations.Drain(rows=1, destination=9, **SCALE)),
    "drain-tanh": (19, operations.Drain(rows=1, destination=9, **TANH, **SCALE)),
    "drain-sigmoid": (19, operations.Drain(rows=1, destination=9, **SIGMOID, **SCALE)),
    "add": (14, operations.Add(b=9, destination=9, count=3, **RATIO)),
    "add-wide": (14, operations.Add(b=9, destination=20, count=3, wide=1, **RATIO)),
    "add-activation": (14, operations.Add(a=40, b=9, count=3, from_activation=1, **RATIO)),
    "add-tanh": (18, operations.Add(b=9, destination=9, count=3, **TANH)),
    "add-sigmoid": (18, operations.Add(b=9, destination=9, count=3, **SIGMOID)),
    "multiply": (14, operations.Multiply(activation=9, destination=20, count=3, **RATIO)),
    "gru": (27, operations.Gru(units=3, state=4, destination=9, **SCALE)),
    "cell": (27, operations.Cell(units=3, state=4, destination=9, **SCALE)),
}
"""Cycles from `start` to `done`: numbers of the test's own, since `timing` builds the unit."""
SERIAL = {"embed": 9, "gru": 38, "cell": 38}
"""Those of a serial unit that differ."""


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_vector_instruction(name: str) -> None:
    cycles, _ = INSTRUCTIONS[name]
    check_cycles(name, cycles, 4)


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_serial_vector_instruction(name: str) -> None:
    cycles, _ = INSTRUCTIONS[name]
    check_cycles(name, SERIAL.get(name, cycles), 1)


def check_cycles(name: str, cycles: int, vector_gates: int) -> None:
    """The instruction takes so many cycles, as it says, and does what it should."""
    dut, instruction = vector_bench(vector_gates), INSTRUCTIONS[name][1]
    reads = isinstance(instruction, operations.Input)
    rng = np.random.default_rng(cycles)
    words = rng.integers(-(1 << 30), 1 << 30, 4 * CONFIG.parameter_words).astype("<i4").tobytes()
    before = random_contents(CONFIG, rng)

    async def job(ctx: Any) -> None:
        dut.features = [1, 2, 3] if reads else []
        await ctx.tick()
        dut.load(ctx, before, words)
        result = await dut.execute(ctx, instruction)
        assert result.cycles - result.waited == cycles == instruction.duration(dut.config)
        if reads:
            assert dut.contents(ctx).activation[4:7].tolist() == [1, 2, 3]
        else:
            assert_same(dut.contents(ctx), exact(instruction, CONFIG, before, words).memory)

    dut.run(job)


@pytest.mark.parametrize("features", [0, 1, 2])
def test_input_at_the_end_of_input(features: int) -> None:
    dut = vector_bench()
    instruction = operations.Input(destination=0, count=3)

    async def job(ctx: Any) -> None:
        dut.features, dut.ends = [1] * features, True
        await ctx.tick()
        result = await dut.execute(ctx, instruction)
        dut.ends = False
        assert (result.ended, result.error) == (not features, bool(features))
        met = timing.FIRST_ELEMENT + features
        assert result.cycles - result.waited == met + timing.INPUT_END

    dut.run(job)
