"""Operands of EMBED, FILL and COPY: which words are read, and where they go."""

from typing import Any

import pytest

from sordino.isa.choices import Space
from sordino.isa.operations import Copy, Embed, Fill
from sordino.testing.benches.vector_bench import (
    check_vector,
    small_vector_bench,
)


@pytest.mark.parametrize("count", [1, 3, 16, 17, 100])
def test_embed(count: int) -> None:
    for operand, stride in ((0, 9), (3, 7), (11, 9)):
        instruction = Embed(parameters=2, stride=stride, destination=count, count=count)
        check_vector(4, instruction, operand=operand, seed=count)


def test_embed_takes_large_rows() -> None:
    # The product has 32 bits, of which an address takes 24.
    dut = small_vector_bench(4)
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
        check_vector(8, instruction)


@pytest.mark.parametrize("space", [Space.ACTIVATION, Space.STATE])
def test_copy(space: Space) -> None:
    for source, destination, count in ((0, 1, 1), (90, 3, 80), (3, 90, 80), (10, 27, 17)):
        instruction = Copy(space=space, source=source, destination=destination, count=count)
        check_vector(8, instruction)
