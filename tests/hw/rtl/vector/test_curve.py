# amaranth: UnusedElaboratable=no
"""Curves against `arith.tanh` and `arith.sigmoid`, for all inputs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sordino import arith
from sordino.rtl.vector.stages.curve import Curve, either, sigmoid, tanh
from sordino.stimuli.simulate import simulate

INPUTS = np.arange(-(1 << 15), 1 << 15)


@pytest.mark.parametrize(
    ("make", "second", "curve", "function"),
    [
        (tanh, 0, arith.TANH, arith.tanh),
        (sigmoid, 0, arith.SIGMOID, arith.sigmoid),
        (either, 0, arith.TANH, arith.tanh),
        (either, 1, arith.SIGMOID, arith.sigmoid),
    ],
    ids=["tanh", "sigmoid", "either-tanh", "either-sigmoid"],
)
def test_all_inputs(
    make: Callable[[], Curve], second: int, curve: arith.Curve, function: Callable[..., Any]
) -> None:
    """65,536 inputs, one a cycle, in an order in which neighbours are far apart."""
    dut = make()
    order = (INPUTS * 12345 + 6789) % (1 << 16) - (1 << 15)
    values: list[int] = []

    async def drive(ctx: Any) -> None:
        if second:
            ctx.set(dut.second, second)
        for z in order.tolist():
            ctx.set(dut.z, z)
            await ctx.tick()

    async def watch(ctx: Any) -> None:
        await ctx.tick().repeat(Curve.LATENCY)
        for _ in range(len(order)):
            values.append(ctx.get(dut.value))
            await ctx.tick()

    simulate(dut, drive, watch, timeout=len(order) + Curve.LATENCY + 2)
    wanted = function(order, np.array(curve.knots), np.array(curve.slopes))
    assert len(set(order.tolist())) == len(INPUTS)
    np.testing.assert_array_equal(values, wanted)


def test_an_offset_that_leaves_int16_is_refused() -> None:
    for curves in ([(arith.TANH, 1)], [(arith.SIGMOID, 0), (arith.TANH, 1)]):
        with pytest.raises(ValueError, match=r"^tanh reaches 32767; with an offset of 1 it leaves"):
            Curve(*curves)


@pytest.mark.parametrize("count", [0, 3])
def test_a_block_has_one_curve_or_two(count: int) -> None:
    with pytest.raises(ValueError, match=f"^wanted one curve or two, got {count}$"):
        Curve(*[(arith.TANH, 0)] * count)
