"""Packed tables and directory: round trips, their size, and refusal of anything else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import Config
from sordino.image.bits import BitsError
from sordino.image.packing import (
    MatrixStreams,
    directory_bits,
    pack_directory,
    pack_tables,
    table_bits,
    unpack_directory,
    unpack_tables,
)
from sordino.image.tans import Symbol
from sordino.isa.encoding import EncodingError

CONFIG = Config(
    lanes=8, group=4, x_fifo=8, lane_words=16, group_words=16, rows_per_lane=1, activation_words=16
)
_SYMBOL = st.builds(
    Symbol,
    st.integers(-8192, 8191),
    st.integers(0, 7),
    st.integers(1, 1023),
    st.booleans(),
    st.integers(-2, 1),
)
_MIRRORED = st.builds(
    Symbol,
    st.integers(1, 8191),
    st.integers(1, 7),
    st.just(1),
    tune=st.integers(-2, 1),
    mirrored=st.just(True),
)
_COUNT = st.integers(0, (1 << 26) - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(_SYMBOL | _MIRRORED, max_size=9).map(tuple), max_size=4).map(tuple))
def test_tables_round_trip(tables) -> None:
    packed = pack_tables(tables)
    assert unpack_tables(packed) == tables
    count = pack_tables(((),) * len(tables))
    assert (
        sum(map(table_bits, tables))
        <= 8 * len(packed)
        <= 8 * len(count) + 8 + sum(map(table_bits, tables))
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            MatrixStreams,
            st.tuples(_COUNT, _COUNT),
            st.tuples(_COUNT, _COUNT),
            st.tuples(*[_COUNT] * 8),
        ),
        max_size=4,
    ).map(tuple)
)
def test_directory_round_trip(matrices) -> None:
    assert unpack_directory(pack_directory(matrices, CONFIG), CONFIG) == matrices


def test_neighbouring_symbols_take_ten_to_twelve_bits() -> None:
    """Kind, extra and base as expected: a bit each, tune 2; frequencies to 20: up to 7."""
    symbols = [Symbol(base, 0, frequency) for base, frequency in enumerate([5, 20, 9, 8])]
    assert table_bits(symbols) == 5 + (5 + 5) + (5 + 7) + (5 + 5) + (5 + 5)


def test_levels_at_even_distances_take_no_more() -> None:
    """7, 14, 21, 28: the first two gaps, 7 and 6, are news (7 and 3 bits); then none is."""
    symbols = [Symbol(7 * k, 0, 8) for k in (1, 2, 3, 4)]
    assert table_bits(symbols) == 5 + (4 + 7 + 5) + (4 + 3 + 5) + 2 * (5 + 5)


def test_mirrored_symbols_end_with_their_magnitudes() -> None:
    """Of 10 to 13 and their negatives: kind takes a bit more, extra 3 more 5, base 10 more 9."""
    mirrored = Symbol(10, 3, 1, mirrored=True)
    after = Symbol(24, 3, 1, mirrored=True)  # gap 10 again
    first = 2 + 5 + 9 + 3 + 2
    assert table_bits([mirrored]) == 3 + first
    assert table_bits([mirrored, after]) == 3 + first + (2 + 1 + 1 + 3 + 2)


def test_even_streams_take_few_bits() -> None:
    """Least number 1000 in 19 bits, then two bits for each of 0 to 3 above it."""
    matrix = MatrixStreams((1000, 1003), (7, 7), (1000, 1001, 1002, 1003, 1000, 1001, 1002, 1003))
    assert directory_bits(matrix) == (19 + 5 + 2 * 2) + (7 + 5) + (19 + 5 + 8 * 2)


@pytest.mark.parametrize("symbol", [Symbol(8192, 0, 1), Symbol(0, 8, 1), Symbol(0, 0, 1024)])
def test_symbols_that_do_not_fit(symbol: Symbol) -> None:
    with pytest.raises(EncodingError):
        pack_tables([[symbol]])


def test_every_truncation_and_tail_is_refused() -> None:
    mirrored = Symbol(9, 3, 1, mirrored=True)
    padding = Symbol(0, 0, 1, padding=True)
    tables = pack_tables([[Symbol(-3, 1, 200), Symbol(4, 0, 54), mirrored, padding]])
    directory = pack_directory([MatrixStreams((5, 9), (1, 2), tuple(range(8)))], CONFIG)
    for contents, unpack in (
        (tables, unpack_tables),
        (directory, lambda part: unpack_directory(part, CONFIG)),
    ):
        unpack(contents)
        for length in range(len(contents)):
            with pytest.raises((BitsError, EncodingError)):
                unpack(contents[:length])
        for tail in (b"\0", b"\xff"):
            with pytest.raises((BitsError, EncodingError)):
                unpack(contents + tail)


def test_frequencies_are_positive() -> None:
    with pytest.raises(BitsError):
        pack_tables([[Symbol(0, 0, 0)]])
