"""Streams symbol by symbol: the encoder inverts the decoder table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.codec.encode import Encoder
from sordino.codec.frequencies import normalise
from sordino.codec.walk import PADDING
from sordino.image.tans import Symbol, TableError, expand
from sordino.isa.encoding import EncodingError

TWO = (Symbol(10, 0, 8), Symbol(20, 0, 8))


def read(
    words: list[int], symbols: tuple[Symbol, ...], state_bits: int, count: int
) -> tuple[list[int], int, int]:
    """The contract's decoder on one big integer: values, end state, bits read."""
    stream = sum(int(word) << 16 * at for at, word in enumerate(words))
    table = expand(symbols, state_bits)
    used = 0

    def take(bits: int) -> int:
        nonlocal used
        found = stream >> used & ((1 << bits) - 1)
        used += bits
        return found

    state, values = take(state_bits), []
    for _ in range(count):
        entry = table[state]
        state = entry.next_base | take(entry.bits)
        sign = -1 if entry.symbol.mirrored and take(1) else 1
        raw = take(entry.symbol.extra - entry.symbol.mirrored)
        values.append(PADDING if entry.symbol.padding else sign * (entry.symbol.base + raw))
    return values, state, used


def test_a_stream_worked_by_hand() -> None:
    """Two symbols of 8 of 16 states alternate: state y means symbol y mod 2, next (y & 14) | bit.

    For 20, 10, 20 backwards from state 0: 20 is state 1 with bit 0, 10 before state 1 is state 0
    with bit 1, 20 before state 0 is state 1 with bit 0. So the stream is state 1, bits 0, 1, 0.
    """
    words, bits = Encoder(TWO, 4).encode(np.array([20, 10, 20]))
    assert (words.tolist(), bits) == ([0b010_0001], 7)


def test_extra_bits_follow_the_state_bits() -> None:
    """The table as above, with raw bits: 23 is base 20 and raw 3, 10 is base 10 and raw 0."""
    symbols = (Symbol(10, 1, 8), Symbol(20, 2, 8))
    words, bits = Encoder(symbols, 4).encode(np.array([23, 10, 21]))
    assert (words.tolist(), bits) == ([0b010_01_110_0001], 12)


def test_a_mirrored_symbols_first_raw_bit_is_its_sign() -> None:
    """Of 16 states 15 mean 0: from state 0 on it takes a bit for every second one or so.

    The mirrored symbol's only state is 7 and takes four bits to state 0; -6 is sign 1 and raw 01.
    """
    symbols = (Symbol(0, 0, 15), Symbol(5, 3, 1, mirrored=True))
    assert [n for n, e in enumerate(expand(symbols, 4)) if e.symbol.mirrored] == [7]
    words, bits = Encoder(symbols, 4).encode(np.array([-6]))
    assert (words.tolist(), bits) == ([0b01_1_0000_0111], 11)
    words, bits = Encoder(symbols, 4).encode(np.array([8]))
    assert (words.tolist(), bits) == ([0b11_0_0000_0111], 11)


def test_single_symbols_take_raw_bits_only() -> None:
    words, bits = Encoder((Symbol(-4, 3, 256),), 8).encode(np.array([3, -4, -3]))
    assert (words.tolist(), bits) == ([0x4700, 0x0000], 17)
    words, bits = Encoder((Symbol(7, 0, 256),), 8).encode(np.array([7] * 100))
    assert (words.tolist(), bits) == ([0], 8)


def test_no_values_no_words() -> None:
    words, bits = Encoder(TWO, 4).encode(np.zeros(0, np.int64))
    assert (words.tolist(), bits) == ([], 0)


@given(
    state_bits=st.integers(4, 9),
    symbols=st.integers(1, 12),
    padding=st.booleans(),
    mirrored=st.integers(0, 4),
    size=st.integers(1, 300),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_streams_read_back(
    state_bits: int, symbols: int, padding: bool, mirrored: int, size: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    states = (1 << state_bits) - mirrored
    frequencies = normalise((rng.exponential(size=symbols) * 1000 + 1).astype(int), states)
    extras = rng.integers(0, 8, symbols).tolist()
    first = 0 if padding else -300  # -1 stands for padding
    bases = (first + np.cumsum([0, *(1 << np.array(extras[:-1], int))])).tolist()
    table = tuple(
        Symbol(0, 0, frequency, padding=True)
        if padding and number == symbols - 1
        else Symbol(base, extra, frequency)
        for number, (base, extra, frequency) in enumerate(
            zip(bases, extras, frequencies, strict=True)
        )
    )
    base = max(2, bases[-1] + 128)  # -1 stands for padding
    for extra in rng.integers(1, 8, mirrored).tolist():
        table += (Symbol(base, extra, 1, mirrored=True),)
        base += table[-1].span
    values = [
        PADDING
        if s.padding
        else (s.base + int(rng.integers(s.span))) * (-1 if s.mirrored and rng.integers(2) else 1)
        for s in (table[number] for number in rng.integers(len(table), size=size))
    ]
    words, bits = Encoder(table, state_bits).encode(np.array(values))
    assert len(words) == -(-bits // 16)
    assert read(words.tolist(), table, state_bits, size) == (values, 0, bits)


@pytest.mark.parametrize("value", [9, 11, 21, -1])
def test_values_without_symbol_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match=f"no symbol stands for {value}"):
        Encoder(TWO, 4).encode(np.array([10, value]))


def test_tables_that_do_not_fit_are_refused() -> None:
    with pytest.raises(EncodingError, match="base"):
        Encoder((Symbol(8192, 0, 16),), 4)
    with pytest.raises(EncodingError, match="extra"):
        Encoder((Symbol(0, 8, 16),), 4)
    with pytest.raises(TableError, match="sum to 16"):
        Encoder((Symbol(0, 0, 8),), 4)
