"""PositionWalker against arithmetic on place indices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import MAX_WRAPS
from sordino.isa import timing
from sordino.rtl.lanes.position import PositionWalker
from sordino.stimuli.simulate import simulate

PADDING = -1


def walk(rows: int, symbols: list[int]) -> list[tuple[int, int, bool]]:
    """(row, wraps, padding) of every symbol, in integers."""
    row, found = -1, []
    for symbol in symbols:
        if symbol == PADDING:
            found.append((row, MAX_WRAPS, True))
        else:
            wraps, row = divmod(row + symbol + 1, rows)
            found.append((row, wraps, False))
    return found


def rtl_walk(rows: int, symbols: list[int], seed: int | None = None):
    """Outputs in order as (row, wraps, padding, overrun), with random pauses if there is a seed."""
    dut, found = PositionWalker(), []
    rng = np.random.default_rng(seed)

    async def testbench(ctx) -> None:
        ctx.set(dut.rows, rows)
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        sent, taking, moves = 0, 0, 0
        for _ in range(8 * len(symbols) + 8 * timing.WALK):
            move = seed is None or rng.random() < 0.7
            offer = sent < len(symbols) and (seed is None or rng.random() < 0.7)
            symbol = symbols[sent] if offer else 0
            ctx.set(dut.move, int(move))
            ctx.set(dut.i_valid, int(offer))
            ctx.set(dut.i_run, 0 if symbol == PADDING else symbol)
            ctx.set(dut.i_padding, int(symbol == PADDING))
            if move and ctx.get(dut.valid):
                row, wraps = ctx.get(dut.row), ctx.get(dut.wraps)
                padding, overrun = bool(ctx.get(dut.padding)), bool(ctx.get(dut.overrun))
                found.append((row, wraps, padding, overrun))
            assert ctx.get(dut.pending) == (sent - len(found) > ctx.get(dut.valid & ~dut.move))
            taking += ctx.get(dut.taking & dut.move)
            await ctx.tick()
            sent += offer and move
            moves += move
            if len(found) == len(symbols):
                break
        assert taking == sum(symbol != PADDING for symbol in symbols)
        if seed is None:
            assert moves == len(symbols) + timing.WALK
        ctx.set(dut.move, 1)
        ctx.set(dut.i_valid, 0)
        for _ in range(timing.WALK + 1):
            await ctx.tick()
            assert not ctx.get(dut.valid)

    simulate(dut, testbench, timeout=8 * len(symbols) + 10 * timing.WALK)
    return found


@settings(max_examples=30, deadline=None)
@given(
    rows=st.sampled_from([1, 2, 3, 7, 12, 29, 64, 1000, 1024]),
    seed=st.integers(0, 2**32),
    stalls=st.booleans(),
)
def test_equals_integers(rows, seed, stalls) -> None:
    rng = np.random.default_rng(seed)
    symbols, row = [], -1
    for _ in range(20):
        if rng.random() < 0.2:
            symbols.append(PADDING)
            continue
        most = (MAX_WRAPS + 1) * rows - 1 - (row + 1)
        symbols.append(int(rng.choice([0, most, rng.integers(0, most + 1)])))
        row = (row + symbols[-1] + 1) % rows
    expected = [(*place, False) for place in walk(rows, symbols)]
    assert rtl_walk(rows, symbols, seed if stalls else None) == expected


@pytest.mark.parametrize("rows", [1, 3, 12, 1000])
def test_more_wraps_than_allowed_are_marked(rows) -> None:
    longest = (MAX_WRAPS + 1) * rows - 1
    assert not rtl_walk(rows, [longest])[0][3]
    for symbols in ([longest + 1], [0, longest], [min(16383, 40 * rows)]):
        assert rtl_walk(rows, symbols)[-1][3], symbols
    assert not rtl_walk(rows, [0, longest - 1])[1][3]


def test_no_rows_is_an_overrun() -> None:
    assert rtl_walk(0, [5])[0][3]
