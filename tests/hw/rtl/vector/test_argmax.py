"""ARGMAX against the exact machine: the largest sum, the lowest of equal ones."""

from typing import Any

import numpy as np
import pytest

from sordino.golden.memory import Memory
from sordino.isa.choices import Space
from sordino.isa.operations import Argmax, Fill
from sordino.testing.benches.vector_bench import (
    argmax_entries,
    check_vector,
    small_vector_bench,
)

LANES = (4, 8, 16)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_argmax(lanes: int, rows: int) -> None:
    rng = np.random.default_rng(lanes + rows)
    slots = lanes * rows
    for outputs in (0, 1, min(29, slots), slots):
        indices = rng.permutation([*range(outputs), *[-1] * (slots - outputs)])
        values = [(int(rng.integers(-(1 << 31), 1 << 31)), int(i)) for i in indices]
        instruction = Argmax(bank=rows % 2, rows=rows, parameters=4, register=6)
        check_vector(lanes, instruction, parameters=argmax_entries(values, 4), seed=outputs)


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
    results = check_vector(4, fill, argmax, fill, argmax, parameters=argmax_entries(values, 0))
    assert [results[1].result, results[3].result] == [4 if indices[5] == 3 else 3] * 2


def test_argmax_does_not_wrap() -> None:
    # -2^31 - 2^31 needs 33 bits; wrapped to 32 it would be the largest.
    dut = small_vector_bench(4)
    wanted = Memory(dut.config)
    wanted.banks[0, 0] = [-(1 << 31), 5, (1 << 31) - 1, 6]
    values = [(-(1 << 31), 0), (0, 1), ((1 << 31) - 1, 2), (0, 3)]

    async def job(ctx: Any) -> None:
        dut.load(ctx, wanted, argmax_entries(values, 0))
        assert (await dut.execute(ctx, Argmax(rows=1))).result == 2

    dut.run(job)
