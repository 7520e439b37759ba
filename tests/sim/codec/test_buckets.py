"""Alphabets: every value has a symbol, tables are valid, bits are few."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.codec.buckets import choose_symbols
from sordino.image.tans import MAX_EXTRA_BITS, Symbol, expand


@given(
    state_bits=st.integers(4, 9),
    low=st.integers(-128, 8000),
    spread=st.sampled_from([1, 2, 20, 200, 1900]),
    size=st.integers(1, 3000),
    padding=st.sampled_from([0, 0, 1, 500]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_alphabets_are_valid(
    state_bits: int, low: int, spread: int, size: int, padding: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    top = 8191
    shape = rng.laplace(size=size) * rng.integers(1, spread + 1)
    values = np.clip(np.abs(shape).astype(np.int64) % spread + low, low, top)
    if len(np.unique(values // 64)) > 1 << (state_bits - 1):
        values = low + values % 256
    symbols = choose_symbols(values, padding=padding, state_bits=state_bits, top=top)
    assert len(expand(symbols, state_bits)) == 1 << state_bits
    assert [symbol.padding for symbol in symbols] == [False] * (len(symbols) - bool(padding)) + [
        True
    ] * bool(padding)
    plain = [symbol for symbol in symbols if not symbol.padding]
    ends = [symbol.base + (1 << symbol.extra) for symbol in plain]
    assert all(end <= after.base for end, after in zip(ends, plain[1:], strict=False))
    assert max(ends) <= top + 1
    for symbol in symbols:
        symbol.encode()
        widest = state_bits - (symbol.frequency.bit_length() - 1)
        assert widest + symbol.extra <= 16
        assert symbol.extra <= MAX_EXTRA_BITS
    for value in np.unique(values).tolist():
        holders = [s for s in plain if s.base <= value < s.base + (1 << s.extra)]
        assert len(holders) == 1


def test_no_values_still_make_a_table() -> None:
    nothing = np.zeros(0, np.int64)
    assert choose_symbols(nothing, padding=0, state_bits=4, top=127) == (Symbol(0, 0, 16),)


def test_one_value_costs_nothing() -> None:
    symbols = choose_symbols(np.full(9, -5), padding=0, state_bits=6, top=127)
    assert symbols == (Symbol(-5, 0, 64),)
    assert all(entry.bits == 0 for entry in expand(symbols, 6))


def test_frequent_values_have_their_own_symbols() -> None:
    values = np.repeat([-7, 0, 1, 7], [1000, 5000, 3000, 500])
    symbols = choose_symbols(values, padding=0, state_bits=8, top=127)
    assert [(symbol.base, symbol.extra) for symbol in symbols] == [(-7, 0), (0, 0), (1, 0), (7, 0)]


def test_even_values_share_symbols() -> None:
    """Flat distributions need no more symbols than raw bits can tell apart."""
    values = np.arange(-128, 128).repeat(100)
    symbols = choose_symbols(values, padding=0, state_bits=8, top=127)
    assert symbols == (Symbol(-128, 7, 128), Symbol(0, 7, 128))


def test_no_symbol_goes_past_the_top() -> None:
    values = np.arange(-100, 128)
    for symbol in choose_symbols(values, padding=0, state_bits=4, top=127):
        assert symbol.base + (1 << symbol.extra) - 1 <= 127


@pytest.mark.parametrize(("bits", "state_bits"), [(4, 8), (5, 8), (8, 8), (8, 5)])
def test_an_alphabet_costs_little_more_than_the_entropy(bits: int, state_bits: int) -> None:
    """Laplacian weights: state bits, raw bits and table within 1 % of the entropy."""
    limit = (1 << (bits - 1)) - 1
    values = np.random.default_rng(1).laplace(scale=limit / 6, size=100_000)
    values = np.clip(np.rint(values), -limit, limit).astype(np.int64)
    symbols = choose_symbols(values, padding=0, state_bits=state_bits, top=127)
    shares = np.unique(values, return_counts=True)[1] / len(values)
    entropy = -(shares * np.log2(shares)).sum() * len(values)
    cost = 32.0 * len(symbols)
    for symbol in symbols:
        inside = (values >= symbol.base) & (values < symbol.base + (1 << symbol.extra))
        cost += inside.sum() * (state_bits - np.log2(symbol.frequency) + symbol.extra)
    assert entropy < cost < 1.01 * entropy


def test_too_many_values_are_refused() -> None:
    values = np.arange(0, 8192, 100)
    with pytest.raises(ValueError, match=r"0 to 8100 need \d+ symbols, more than 16 states hold"):
        choose_symbols(values, padding=0, state_bits=4, top=8191)
