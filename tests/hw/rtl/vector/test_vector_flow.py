"""The vector unit's other dealings: waiting for features, the end of input, aborts."""

import copy
import random
from typing import Any

import numpy as np
import pytest

from sordino.arch import VECTOR_GATES, Config
from sordino.isa.choices import Function, Space
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Add, Argmax, Cell, Copy, Drain, Embed, Fill, Gru, Input
from sordino.stimuli.stalls import STALLS
from sordino.testing.benches.vector_bench import (
    VectorBench,
    VectorResult,
    assert_same,
    exact,
    random_contents,
)


def new_bench(vector_gates: int = 4) -> VectorBench:
    """One for each test, since features may be left in its stream."""
    return VectorBench(
        Config(
            lanes=8,
            group=4,
            x_fifo=8,
            lane_words=16,
            group_words=16,
            rows_per_lane=7,
            activation_words=150,
            state_words=150,
            parameter_words=60,
            vector_gates=vector_gates,
        )
    )


def read_input(
    features: list[int], counts: list[int], *, ends: bool, stall: str, vector_gates: int = 4
) -> tuple[list[VectorResult], list[int]]:
    """Execute INPUTs and compare memories with the exact machine; also what is left over."""
    dut = new_bench(vector_gates)
    rng = np.random.default_rng(len(features))
    before = random_contents(dut.config, rng)
    dut.features, dut.ends, dut.stall = list(features), ends, STALLS[stall](0)
    results: list[VectorResult] = []

    async def job(ctx: Any) -> None:
        dut.load(ctx, before, b"")
        wanted = copy.deepcopy(before)
        rest = list(features)
        for count in counts:
            instruction = Input(destination=13, count=count)
            result = await dut.execute(ctx, instruction)
            taken, rest = rest[:count], rest[count:]
            wanted.activation[13 : 13 + len(taken)] = taken
            assert_same(dut.contents(ctx), wanted)
            if not (result.ended or result.error):
                assert result.cycles == instruction.duration(dut.config) + result.waited
            results.append(result)

    dut.run(job)
    return results, dut.features


@pytest.mark.parametrize("vector_gates", VECTOR_GATES)
@pytest.mark.parametrize("stall", list(STALLS))
def test_input_takes_what_it_is_asked_for(stall: str, vector_gates: int) -> None:
    rng = random.Random(1)
    features = [rng.randint(-128, 127) for _ in range(60)]
    results, left = read_input(
        features, [1, 40, 17], ends=False, stall=stall, vector_gates=vector_gates
    )
    assert not any(result.ended or result.error for result in results)
    assert left == features[58:]
    if stall == "none":
        assert [result.waited for result in results] == [0, 0, 0]


@pytest.mark.parametrize("stall", list(STALLS))
def test_input_finds_the_end(stall: str) -> None:
    results, left = read_input([1, 2, 3], [3, 2, 2], ends=True, stall=stall)
    assert [(result.ended, result.error) for result in results] == [
        (False, False),
        (True, False),
        (True, False),
    ]
    assert [result.cycles - result.waited for result in results[1:]] == [3, 3]
    assert not left


@pytest.mark.parametrize("stall", list(STALLS))
def test_input_ends_in_the_middle_of_a_vector(stall: str) -> None:
    results, left = read_input([1, 2, -3, 4, -5], [3, 3], ends=True, stall=stall)
    assert [(result.ended, result.error) for result in results] == [(False, False), (False, True)]
    assert not left


def test_input_waits_as_long_as_it_takes() -> None:
    dut = new_bench()

    async def job(ctx: Any) -> None:
        await dut.start(ctx, Input(destination=0, count=1))
        for _ in range(100):
            assert ctx.get(dut.vector.unit.waiting)
            assert not ctx.get(dut.vector.unit.done)
            await ctx.tick()
        dut.features.append(42)
        await dut.finish(ctx, limit=10)
        assert dut.contents(ctx).activation[0] == 42

    dut.run(job)


ABORTED = [
    Cell(units=14, parameters=2, state=4, destination=9, multiplier=40000, shift=31),
    Gru(units=14, parameters=2, state=4, destination=9, multiplier=40000, shift=31),
    Drain(rows=6, parameters=2, destination=9, multiplier=40000, shift=31),
    Add(a=20, b=80, destination=50, count=25, function=Function.TANH),
    Argmax(rows=6, parameters=2),
    Embed(parameters=6, stride=3, destination=88, count=20),
    Fill(space=Space.BANK0, count=7, value=-128),
    Copy(space=Space.STATE, source=4, destination=100, count=40),
    Input(destination=4, count=30),
]


@pytest.mark.parametrize("vector_gates", VECTOR_GATES)
@pytest.mark.parametrize("instruction", ABORTED, ids=lambda i: i.mnemonic)
def test_abort(instruction: Instruction, vector_gates: int) -> None:
    """After an abort at any time nothing is written, and the next instruction is right."""
    dut = new_bench(vector_gates)
    dut.features = [1] * 1000
    config = dut.config
    rng = np.random.default_rng(3)
    words = np.array([[7 * n, n] for n in range(104)], "<i4").tobytes()
    again = Argmax(bank=1, rows=3, parameters=2)
    cell = ABORTED[0]

    async def job(ctx: Any) -> None:
        for wait in range(0, 40, 3):
            before = random_contents(config, rng)
            dut.load(ctx, before, words)
            await dut.start(ctx, instruction)
            for _ in range(wait):
                await ctx.tick()
            ctx.set(dut.vector.unit.abort, 1)
            await ctx.tick()
            ctx.set(dut.vector.unit.abort, 0)
            after = dut.contents(ctx)
            if wait % 2:
                for _ in range(30):
                    assert not ctx.get(dut.vector.unit.done)
                    await ctx.tick()
                assert_same(dut.contents(ctx), after)
            for following in (again, cell):
                result = await dut.execute(ctx, following)
                state = exact(following, config, after, words)
                after = state.memory
                assert_same(dut.contents(ctx), after)
                if following is again:
                    assert result.result == state.registers[0]

    dut.run(job)
