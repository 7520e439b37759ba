"""The vector unit against the exact machine: every memory, after every instruction."""

import random
from functools import cache
from typing import Any

import numpy as np
import pytest

from sordino.arch import Config
from sordino.golden.memory import Memory
from sordino.isa.choices import Function, Space
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Add, Argmax, Cell, Copy, Drain, Embed, Fill, Input
from sordino.testing.vector_bench import (
    VectorBench,
    VectorResult,
    assert_same,
    exact,
    random_contents,
)

LANES = (4, 8, 16)
FUNCTIONS = ("wide", *Function.__members__)


@cache
def bench(lanes: int, accumulator_bits: int = 32, rows_per_lane: int = 7) -> VectorBench:
    return VectorBench(
        Config(
            lanes=lanes,
            group=4,
            x_fifo=8,
            lane_words=16,
            group_words=16,
            rows_per_lane=rows_per_lane,
            accumulator_bits=accumulator_bits,
            activation_words=200,
            state_words=190,
            parameter_words=120,
        )
    )


def biases(config: Config, rng: np.random.Generator, spread: float = 1.0) -> bytes:
    high = int(spread * (1 << 31))
    return rng.integers(-high, high, 4 * config.parameter_words).astype("<i4").tobytes()


def check(
    lanes: int,
    *instructions: Instruction,
    seed: int = 0,
    operand: int = 0,
    spread: float = 1.0,
    parameters: bytes | None = None,
    accumulator_bits: int = 32,
    rows_per_lane: int = 7,
) -> list[VectorResult]:
    """Execute, each instruction in the cycle in which the one before is done, and compare."""
    dut = bench(lanes, accumulator_bits, rows_per_lane)
    config, rng = dut.config, np.random.default_rng(seed)
    wanted = random_contents(config, rng, spread)
    words = biases(config, rng, spread) if parameters is None else parameters
    results: list[VectorResult] = []

    async def job(ctx: Any) -> None:
        nonlocal wanted
        dut.load(ctx, wanted, words)
        for instruction in instructions:
            result = await dut.execute(ctx, instruction, operand)
            state = exact(instruction, config, wanted, words, operand)
            wanted = state.memory
            assert_same(dut.contents(ctx), wanted)
            assert result.cycles == instruction.duration(config)
            if isinstance(instruction, Argmax):
                assert result.result == state.registers[instruction.register]
            results.append(result)

    dut.run(job)
    return results


def make(operation: type[Instruction], **fields: Any) -> Instruction:
    return operation(**fields)


def shift_for(lanes_bits: int, spread: float) -> int:
    """A shift that leaves values of about 16 bits, some of them saturating."""
    return max(1, int(lanes_bits + np.log2(spread)))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("units", [1, 3, 17, 28])
def test_cell(lanes: int, units: int) -> None:
    units = min(units, 7 * lanes // 4)
    for seed, spread in enumerate((1.0, 2.0**-8, 2.0**-14)):
        instruction = Cell(
            bank=seed % 2,
            units=units,
            parameters=5,
            state=7,
            destination=11,
            multiplier=40000 + seed,
            shift=shift_for(31, spread),
        )
        check(lanes, instruction, seed=seed + units, spread=spread)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_drain(lanes: int, function: str) -> None:
    wide = function == "wide"
    for seed, rows in enumerate((1, 2, 7)):
        spread = 2.0 ** (-7 * seed)
        instruction = Drain(
            bank=seed % 2,
            rows=rows,
            parameters=3,
            destination=9,
            wide=wide,
            function=Function.NONE if wide else Function[function],
            multiplier=65535 - seed,
            shift=shift_for(31 if wide or function == "TANH" else 39, spread),
        )
        check(lanes, instruction, seed=seed, spread=spread)


@pytest.mark.parametrize("accumulator_bits", [24, 29])
def test_narrow_accumulators_with_biases_of_32_bits(accumulator_bits: int) -> None:
    fields = {"parameters": 3, "multiplier": 50001, "shift": 31, "destination": 60}
    check(
        8,
        Cell(bank=0, units=13, state=20, **fields),
        Drain(bank=1, rows=7, wide=1, **fields),
        seed=accumulator_bits,
        accumulator_bits=accumulator_bits,
    )


@pytest.mark.parametrize("count", [1, 3, 17, 90])
@pytest.mark.parametrize("function", list(Function))
def test_add(count: int, function: Function) -> None:
    for a, b, multiplier, shift in ((2, 96, 32768, 23), (40, 40, 65535, 30), (99, 1, 1, 1)):
        instruction = Add(
            a=a,
            b=b,
            destination=100,
            count=count,
            function=function,
            multiplier=multiplier,
            shift=shift,
        )
        check(4, instruction, seed=count)


def entries(values: list[tuple[int, int]], first: int) -> bytes:
    """ARGMAX entries from parameter word `first` on."""
    flat = [number for entry in values for number in entry]
    return bytes(16 * first) + np.array(flat, "<i4").tobytes()


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_argmax(lanes: int, rows: int) -> None:
    rng = np.random.default_rng(lanes + rows)
    slots = lanes * rows
    for outputs in (0, 1, min(29, slots), slots):
        indices = rng.permutation([*range(outputs), *[-1] * (slots - outputs)])
        values = [(int(rng.integers(-(1 << 31), 1 << 31)), int(i)) for i in indices]
        instruction = Argmax(bank=rows % 2, rows=rows, parameters=4, register=6)
        check(lanes, instruction, parameters=entries(values, 4), seed=outputs)


@pytest.mark.parametrize("bias", [-(1 << 31), 0, (1 << 31) - 1])
@pytest.mark.parametrize("descending", [False, True])
def test_argmax_gives_the_lowest_of_equal_slots(bias: int, descending: bool) -> None:
    # Accumulators are 0 after a FILL: sums are equal, but for two slots.
    indices = list(range(3, 31))
    if descending:
        indices.reverse()
    values = [(bias, index) for index in indices]
    values[5] = ((1 << 31) - 1, -7)
    fill = Fill(space=Space.BANK1, count=7)
    argmax = Argmax(bank=1, rows=7, parameters=0)
    results = check(4, fill, argmax, fill, argmax, parameters=entries(values, 0))
    assert [results[1].result, results[3].result] == [4 if indices[5] == 3 else 3] * 2


def test_argmax_does_not_wrap() -> None:
    # -2^31 - 2^31 needs 33 bits; wrapped to 32 it would be the largest.
    dut = bench(4)
    wanted = Memory(dut.config)
    wanted.banks[0, 0] = [-(1 << 31), 5, (1 << 31) - 1, 6]
    values = [(-(1 << 31), 0), (0, 1), ((1 << 31) - 1, 2), (0, 3)]

    async def job(ctx: Any) -> None:
        dut.load(ctx, wanted, entries(values, 0))
        assert (await dut.execute(ctx, Argmax(rows=1))).result == 2

    dut.run(job)


@pytest.mark.parametrize("count", [1, 3, 16, 17, 100])
def test_embed(count: int) -> None:
    for operand, stride in ((0, 9), (3, 7), (11, 9)):
        instruction = Embed(parameters=2, stride=stride, destination=count, count=count)
        check(4, instruction, operand=operand, seed=count)


def test_embed_takes_large_rows() -> None:
    # The product has 32 bits, of which an address takes 24.
    dut = bench(4)
    wanted = (3 + 65535 * 65521) % (1 << 24)

    async def job(ctx: Any) -> None:
        instruction = Embed(parameters=3, stride=65521, count=1)
        await dut.start(ctx, instruction, 65535)
        await ctx.tick()
        assert ctx.get(dut.vector.parameter_address) == wanted
        await dut.finish(ctx, limit=10)

    dut.run(job)


@pytest.mark.parametrize("space", list(Space))
@pytest.mark.parametrize("value", [-128, -1, 0, 127])
def test_fill(space: Space, value: int) -> None:
    for destination, count in ((0, 1), (2, 5), (0, 7)):
        instruction = Fill(space=space, destination=destination, count=count, value=value)
        check(8, instruction)


@pytest.mark.parametrize("space", [Space.ACTIVATION, Space.STATE])
def test_copy(space: Space) -> None:
    for source, destination, count in ((0, 1, 1), (90, 3, 80), (3, 90, 80), (10, 27, 17)):
        instruction = Copy(space=space, source=source, destination=destination, count=count)
        check(8, instruction)


def test_instructions_follow_without_a_gap() -> None:
    """What one leaves in the pipelines does not reach the next."""
    rng = random.Random(5)
    scale = {"multiplier": 40000, "shift": 31, "parameters": 2}
    pool = [
        Cell(bank=1, units=13, state=4, destination=30, **scale),
        Cell(bank=0, units=1, state=4, destination=30, **scale),
        Drain(bank=0, rows=1, destination=70, wide=1, **scale),
        Drain(bank=1, rows=3, destination=7, function=Function.TANH, **scale),
        Argmax(bank=0, rows=2, parameters=50, register=1),
        Add(a=20, b=80, destination=50, count=25, function=Function.TANH),
        Add(a=21, b=8, destination=5, count=2, multiplier=33333, shift=20),
        Embed(parameters=6, stride=3, destination=88, count=20),
        Fill(space=Space.ACTIVATION, destination=6, count=1, value=-5),
        Fill(space=Space.BANK1, destination=1, count=3, value=77),
        Fill(space=Space.BANK0, count=7, value=-128),
        Copy(space=Space.STATE, source=4, destination=100, count=40),
    ]
    parameters = entries([(rng.randint(-9, 9), rng.randint(-2, 9)) for _ in range(140)], 50)
    check(8, *rng.choices(pool, k=60), operand=4, parameters=parameters)


def test_banks_of_one_row() -> None:
    fields = {"parameters": 3, "multiplier": 50001, "shift": 31, "destination": 60}
    check(
        4,
        Cell(bank=0, units=1, state=20, **fields),
        Drain(bank=1, rows=1, wide=1, **fields),
        Fill(space=Space.BANK0, count=1, value=-9),
        Argmax(bank=0, rows=1, parameters=1, register=2),
        rows_per_lane=1,
        parameters=entries([(n % 5, n) for n in range(60)], 0),
    )


EMPTY = (Input, Cell, Drain, Argmax, Add, Embed)


@pytest.mark.parametrize("operation", [*EMPTY, Fill, Copy])
def test_nothing_to_do_takes_as_long_as_one_element(operation: type[Instruction]) -> None:
    dut = bench(4)
    before = random_contents(dut.config, np.random.default_rng(1))
    one = {"rows": 1, "units": 1, "count": 1}
    instruction = make(operation)
    slots = 4 if "rows" in instruction.fields else 1
    single = make(operation, **{name: one[name] for name in one if name in instruction.fields})

    async def job(ctx: Any) -> None:
        dut.load(ctx, before, b"")
        result = await dut.execute(ctx, instruction)
        assert (result.ended, result.error, result.result) == (False, False, 0)
        assert result.cycles == single.duration(dut.config) - slots + 1
        assert_same(dut.contents(ctx), before)

    dut.run(job)


def test_durations_are_what_the_documentation_says() -> None:
    config = bench(8).config
    for operation, fields, cycles in (
        (Input, {"count": 5}, 5 + 2),
        (Fill, {"count": 5}, 5 + 2),
        (Copy, {"count": 5}, 5 + 3),
        (Embed, {"count": 5}, 5 + 4),
        (Argmax, {"rows": 5}, 40 + 4),
        (Drain, {"rows": 5}, 40 + 10),
        (Drain, {"rows": 5, "function": Function.TANH}, 40 + 14),
        (Add, {"count": 5}, 5 + 10),
        (Add, {"count": 5, "function": Function.TANH}, 5 + 14),
        (Cell, {"units": 5}, 5 + 23),
    ):
        assert make(operation, **fields).duration(config) == cycles
