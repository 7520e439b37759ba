"""Elements in order: none, one, and banks of one row."""

from typing import Any

import numpy as np
import pytest

from sordino.arch import VECTOR_GATES
from sordino.isa.choices import Space
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Add, Argmax, Cell, Copy, Drain, Embed, Fill, Gru, Input, Multiply
from sordino.testing.benches.vector_bench import (
    argmax_entries,
    assert_same,
    check_vector,
    random_contents,
    small_vector_bench,
)


@pytest.mark.parametrize("vector_gates", VECTOR_GATES)
def test_banks_of_one_row(vector_gates: int) -> None:
    fields = {"parameters": 3, "multiplier": 50001, "shift": 31, "destination": 60}
    check_vector(
        4,
        Cell(bank=0, units=1, state=20, **fields),
        Gru(bank=1, units=1, state=21, **fields),
        Drain(bank=1, rows=1, wide=1, **fields),
        Fill(space=Space.BANK0, count=1, value=-9),
        Argmax(bank=0, rows=1, parameters=1, register=2),
        rows_per_lane=1,
        vector_gates=vector_gates,
        parameters=argmax_entries([(n % 5, n) for n in range(60)], 0),
    )


EMPTY = (Input, Cell, Gru, Drain, Argmax, Add, Multiply, Embed)


@pytest.mark.parametrize("operation", [*EMPTY, Fill, Copy])
@pytest.mark.parametrize("vector_gates", VECTOR_GATES)
def test_nothing_to_do_takes_as_long_as_one_element(
    operation: type[Instruction], vector_gates: int
) -> None:
    dut = small_vector_bench(4, vector_gates=vector_gates)
    before = random_contents(dut.config, np.random.default_rng(1))
    one = {"rows": 1, "units": 1, "count": 1}
    instruction = operation()
    slots = 4 if "rows" in instruction.fields else 1
    single = operation(**{name: one[name] for name in one if name in instruction.fields})

    async def job(ctx: Any) -> None:
        dut.load(ctx, before, b"")
        result = await dut.execute(ctx, instruction)
        assert (result.ended, result.error) == (False, False)
        if operation is Argmax:  # of others than ARGMAX and READ the result means nothing
            assert result.result == 0
        assert result.cycles == single.duration(dut.config) - slots + 1
        assert_same(dut.contents(ctx), before)

    dut.run(job)
