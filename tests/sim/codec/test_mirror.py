"""Weights' alphabets: every weight has its symbol, rare levels share one with their negatives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.codec.alphabet import Alphabet
from sordino.codec.buckets import choose_symbols
from sordino.codec.mirror import SymbolSpan, mirrored_cover
from sordino.image.tans import MAX_VALUE_EXTRA_BITS, Symbol, expand


@given(
    state_bits=st.integers(4, 9),
    step=st.integers(1, 40),
    scale=st.floats(0.2, 60),
    low=st.sampled_from([-128, -127, 0, 1]),
    size=st.integers(1, 2000),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_weights_alphabets_are_valid(
    state_bits: int, step: int, scale: float, low: int, size: int, seed: int
) -> None:
    levels = np.rint(np.random.default_rng(seed).laplace(scale=scale, size=size)) * step
    values = levels.clip(low, 127).astype(np.int64)
    symbols = choose_symbols(values, padding=0, state_bits=state_bits, top=127, weights=True)
    assert len(expand(symbols, state_bits)) == 1 << state_bits
    mirrored = [symbol.mirrored for symbol in symbols]
    assert mirrored == sorted(mirrored), "mirrored symbols are last"
    for symbol in symbols:
        symbol.encode()
        assert symbol.base >= -128
        assert symbol.base + symbol.span <= 128
        assert symbol.extra - symbol.mirrored <= MAX_VALUE_EXTRA_BITS
    numbers, raw = Alphabet(symbols).split(values)
    for value, number, bits in zip(values.tolist(), numbers.tolist(), raw.tolist(), strict=True):
        symbol = symbols[number]
        assert bits >> symbol.extra == 0
        if symbol.mirrored:
            assert value == (-1 if bits & 1 else 1) * (symbol.base + (bits >> 1))
        else:
            assert value == symbol.base + bits


def test_rare_levels_share_with_their_negatives() -> None:
    values = np.repeat([-7, 7, -14, 14, -21, 21], [900, 900, 80, 80, 2, 2])
    symbols = choose_symbols(values, padding=0, state_bits=4, top=127, weights=True)
    assert [(symbol.base, symbol.extra, symbol.mirrored) for symbol in symbols] == [
        (-7, 0, False),
        (7, 0, False),
        (14, 1, True),
        (21, 1, True),
    ]
    assert [symbol.frequency for symbol in symbols] == [7, 7, 1, 1]


def test_one_sided_levels_are_not_mirrored() -> None:
    values = np.repeat([1, 5, 9], [900, 30, 3])
    symbols = choose_symbols(values, padding=0, state_bits=4, top=127, weights=True)
    assert not any(symbol.mirrored for symbol in symbols)


def test_a_mirrored_symbol_is_never_alone() -> None:
    symbols = choose_symbols(np.array([-3, 3]), padding=0, state_bits=4, top=127, weights=True)
    assert symbols == (Symbol(-3, 3, 16),)
    assert mirrored_cover(-3, np.bincount([0, 6]), 4, 0) == [SymbolSpan(-3, 0), SymbolSpan(3, 0)]


def test_all_of_int8_has_its_place() -> None:
    counts = np.ones(256, np.int64)
    covered = np.zeros(256, np.int64)
    for span in mirrored_cover(-128, counts, 8, 1 << 20):
        assert span.count(-128, counts) == 1 << span.extra
        for value in range(1 << span.extra - span.mirrored):
            covered[128 + span.base + value] += 1
            if span.mirrored:
                covered[128 - span.base - value] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("value", [2, -2, 8, -8, 100, -128])
def test_values_without_symbol_are_refused(value: int) -> None:
    alphabet = Alphabet([Symbol(0, 1, 15), Symbol(3, 3, 1, mirrored=True)])
    with pytest.raises(ValueError, match=f"no symbol stands for {value}$"):
        alphabet.split(np.array([1, -3, 6, value]))
