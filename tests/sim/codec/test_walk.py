"""Walks of groups: places, runs, padding, limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import MAX_WRAPS
from sordino.codec.walk import PADDING, Walk, longest_run, walk_group


def follow(symbols: list[int], rows: int) -> list[tuple[int, int]]:
    """Places (row, column) that symbols lead to, one step at a time as the contract says it."""
    row, column, places = -1, 0, []
    for symbol in symbols:
        if symbol == PADDING:
            column += MAX_WRAPS
            continue
        wraps, row = divmod(row + symbol + 1, rows)
        assert wraps <= MAX_WRAPS
        column += wraps
        places.append((row, column))
    return places


def places_of(walk: Walk) -> list[tuple[int, int]]:
    return list(zip(walk.rows.tolist(), walk.columns.tolist(), strict=True))


@pytest.mark.parametrize(
    ("rows", "places", "symbols"),
    [
        (1, [(0, 0)], [0]),
        (1, [(0, 7)], [7]),  # from row -1 of column 0: seven columns on
        (1, [(0, 8)], [PADDING, 1]),
        (3, [(2, 0), (0, 1), (2, 1)], [2, 0, 1]),
        (2, [(1, 20)], [PADDING, PADDING, 13]),  # 20 columns on, 2 * 7 of them by padding
        (2, [(1, 0), (1, 7)], [1, 13]),
        (2, [(1, 0), (0, 8)], [1, PADDING, 0]),  # the padding stands at (1, 7)
        (2, [], []),
    ],
)
def test_known_walks(rows: int, places: list[tuple[int, int]], symbols: list[int]) -> None:
    occupied = np.zeros((rows, 24), np.bool_)
    for row, column in places:
        occupied[row, column] = True
    walk = walk_group(occupied, longest_run(rows, 8))
    assert walk.symbols.tolist() == symbols
    assert places_of(walk) == places
    assert walk.padding == symbols.count(PADDING)
    assert follow(symbols, rows) == places


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 60),
    share=st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0]),
    limit=st.integers(1, 80),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=200)
def test_walks_reach_their_places(
    rows: int, columns: int, share: float, limit: int, seed: int
) -> None:
    occupied = np.random.default_rng(seed).random((rows, columns)) < share
    longest = min(limit, longest_run(rows, 8))
    walk = walk_group(occupied, longest)
    runs = walk.symbols[walk.symbols != PADDING]
    assert runs.max(initial=0) <= longest
    assert runs.min(initial=0) >= 0
    places = places_of(walk)
    assert follow(walk.symbols.tolist(), rows) == places
    wanted = [(int(r), int(c)) for c, r in np.argwhere(occupied.T)]
    if longest == longest_run(rows, 8):
        assert places == wanted
    else:
        assert [place for place in places if occupied[place]] == wanted
        assert walk.padding == 0 or longest >= MAX_WRAPS * rows


@pytest.mark.parametrize(
    ("rows", "state_bits", "longest"),
    [(1, 4, 7), (64, 8, 511), (1024, 9, 8191), (1024, 6, 8063), (1024, 4, 1919), (239, 4, 1911)],
)
def test_longest_run(rows: int, state_bits: int, longest: int) -> None:
    assert longest_run(rows, state_bits) == longest
