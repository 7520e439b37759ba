# amaranth: UnusedElaboratable=no
"""Requantise against `arith.gate_preactivation`, on Python integers."""

import random
from collections.abc import Iterable
from typing import Any

import pytest
from amaranth.hdl import Const, Module, Signal, signed, unsigned

from sordino import arith
from sordino.rtl.shared.rounding import round_shifted, saturated
from sordino.rtl.vector.stages.requantise import Requantise
from sordino.rtl.vector.stages.serial_requantise import SerialRequantise
from sordino.stimuli.simulate import simulate

Kind = type[Requantise] | type[SerialRequantise]
BOTH = pytest.mark.parametrize("kind", [Requantise, SerialRequantise])
INT32 = (-(1 << 31), (1 << 31) - 1)


def rtl_requantise(
    kind: Kind, operands: list[tuple[int, int]], multiplier: int, shift: int, bits: int = 32
) -> list[int]:
    """Values of (accumulator, bias) pairs, one a cycle; the last is followed by nothing."""
    dut = kind(accumulator_bits=bits)
    values: list[int] = []

    async def drive(ctx: Any) -> None:
        ctx.set(dut.multiplier, multiplier)
        ctx.set(dut.shift, shift)
        for accumulator, bias in operands:
            ctx.set(dut.accumulator, accumulator)
            ctx.set(dut.bias, bias)
            await ctx.tick()

    async def watch(ctx: Any) -> None:
        await ctx.tick().repeat(kind.LATENCY)
        for _ in operands:
            values.append(ctx.get(dut.value))
            await ctx.tick()

    simulate(dut, drive, watch, timeout=len(operands) + kind.LATENCY + 2)
    return values


def exact(operands: Iterable[tuple[int, int]], multiplier: int, shift: int) -> list[int]:
    return [arith.gate_preactivation(a, b, multiplier, shift) for a, b in operands]


def around(point: int) -> list[tuple[int, int]]:
    """Operands whose sum is close to `point`, in several ways; all fit 32 bits."""
    found = []
    for total in range(point - 2, point + 3):
        for bias in (0, INT32[0], INT32[1], total // 2):
            if all(INT32[0] <= part <= INT32[1] for part in (total - bias, bias)):
                found.append((total - bias, bias))
    return found


@BOTH
@pytest.mark.parametrize("shift", [1, 2, 7, 8, 9, 16, 24, 31, 32, 33, 40, 47, 48, 49, 50, 62, 63])
@pytest.mark.parametrize("multiplier", [0, 1, 3, 1 << 15, 46341, (1 << 16) - 1])
def test_values_at_the_edges(kind: Kind, multiplier: int, shift: int) -> None:
    """Ties, both ends of int16, zero and the largest sums, each with its neighbours."""
    operands = [(a, b) for a in INT32 for b in INT32] + around(0)
    for value in (-32769, -32768, -2, -1, 0, 1, 2, 32767, 32768):
        for doubled in (2 * value - 1, 2 * value, 2 * value + 1):
            point = doubled * (1 << shift) // (2 * max(multiplier, 1))
            operands += around(max(2 * INT32[0], min(2 * INT32[1], point)))
    assert rtl_requantise(kind, operands, multiplier, shift) == exact(operands, multiplier, shift)


@BOTH
@pytest.mark.parametrize("bits", [24, 27, 32])
@pytest.mark.parametrize("seed", range(6))
def test_random_values(kind: Kind, bits: int, seed: int) -> None:
    rng = random.Random(seed)
    multiplier, shift = rng.randrange(1 << 15, 1 << 16), rng.randint(1, 63)
    operands = []
    for _ in range(200):
        size = rng.randint(1, bits)
        accumulator = rng.randrange(-(1 << (size - 1)), 1 << (size - 1))
        size = rng.randint(1, 32)
        operands.append((accumulator, rng.randrange(-(1 << (size - 1)), 1 << (size - 1))))
    found = rtl_requantise(kind, operands, multiplier, shift, bits)
    assert found == exact(operands, multiplier, shift)


@BOTH
def test_every_tie_goes_away_from_zero(kind: Kind) -> None:
    operands = [(value, 0) for value in range(-40, 41)]
    assert rtl_requantise(kind, operands, 1, 1) == [
        (abs(a) + 1) // 2 * (1 if a > 0 else -1) for a, _ in operands
    ]


@BOTH
def test_accumulators_of_33_bits_are_refused(kind: Kind) -> None:
    with pytest.raises(ValueError, match=r"^wanted accumulator_bits to be 1 to 32, got 33$"):
        kind(accumulator_bits=33)


@pytest.mark.parametrize("shift", [1, 2, 5])
@pytest.mark.parametrize("bits", [1, 3, 9, 12])
def test_expressions(bits: int, shift: int) -> None:
    m = Module()
    value, narrow, rounded = Signal(signed(9)), Signal(signed(12)), Signal(signed(12))
    m.d.comb += [narrow.eq(saturated(value, bits)), rounded.eq(round_shifted(value, shift))]

    async def job(ctx: Any) -> None:
        for number in range(-256, 256):
            ctx.set(value, number)
            assert ctx.get(narrow) == arith.saturate(number, bits)
            assert ctx.get(rounded) == arith.round_shift(number, shift)

    simulate(m, job, timeout=1)


def test_expressions_refuse_what_they_cannot_do() -> None:
    with pytest.raises(TypeError, match=r"^saturated\(\) wants a signed value, not unsigned\(4\)$"):
        saturated(Signal(unsigned(4)), 3)
    with pytest.raises(ValueError, match=r"^wanted shift to be a positive integer, got 0$"):
        round_shifted(Const(1, signed(4)), 0)
