"""Decoder tables: every state decodes one symbol, and the symbols' frequencies are kept."""

import random
from collections import Counter

import pytest
from amaranth.lib import data

from sordino.image.tans import (
    ENTRY_BYTES,
    MAX_EXTRA_BITS,
    EntryLayout,
    Symbol,
    TableError,
    expand,
    expanded_bytes,
)
from sordino.isa.encoding import EncodingError


def random_table(rng: random.Random, state_bits: int, count: int) -> tuple[Symbol, ...]:
    states = 1 << state_bits
    cuts = sorted(rng.sample(range(1, states), count - 1))
    frequencies = [b - a for a, b in zip([0, *cuts], [*cuts, states], strict=True)]
    return tuple(
        Symbol(rng.randint(-8192, 8191), rng.randint(0, MAX_EXTRA_BITS), f, rng.random() < 0.2)
        for f in frequencies
    )


@pytest.mark.parametrize("state_bits", [4, 5, 8, 9])
@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_expansion(state_bits: int, count: int) -> None:
    rng = random.Random(100 * state_bits + count)
    states = 1 << state_bits
    symbols = random_table(rng, state_bits, count)
    entries = expand(symbols, state_bits)
    assert len(entries) == states
    assert Counter(id(entry.symbol) for entry in entries) == {id(s): s.frequency for s in symbols}
    for symbol in symbols:
        reached = [
            state
            for entry in entries
            if entry.symbol is symbol
            for state in range(entry.next_base, entry.next_base + (1 << entry.bits))
        ]
        assert sorted(reached) == list(range(states)), "each symbol leads to every state once"
    for entry in entries:
        assert not entry.next_base & ((1 << entry.bits) - 1), "fresh bits fill zeros"


def test_one_symbol_takes_no_bits() -> None:
    entries = expand([Symbol(5, 0, 16)], 4)
    assert [(e.next_base, e.bits) for e in entries] == [(k, 0) for k in range(16)]


def test_spread() -> None:
    """A symbol of a quarter of the states stands at every fourth."""
    entries = expand([Symbol(0, 0, 12), Symbol(1, 0, 4)], 4)
    assert [k for k, e in enumerate(entries) if e.symbol.base == 1] == [1, 5, 9, 13]


@pytest.mark.parametrize(("tune", "state"), [(-2, 15), (-1, 14), (0, 7), (1, 2)])
def test_tune_moves_a_rare_symbol(tune: int, state: int) -> None:
    """The higher the state, the fewer bits to reach it and the rarer the symbol may be."""
    entries = expand([Symbol(0, 0, 15), Symbol(1, 0, 1, tune=tune)], 4)
    assert [k for k, e in enumerate(entries) if e.symbol.base == 1] == [state]


@pytest.mark.parametrize(
    "frequencies", [[], [15], [17], [8, 9], [16, 0], [20, -4]], ids=lambda f: "+".join(map(str, f))
)
def test_frequencies_must_sum(frequencies: list[int]) -> None:
    with pytest.raises(TableError, match=r"wanted frequencies to be positive and sum to 16, got "):
        expand([Symbol(0, 0, f) for f in frequencies], 4)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        (Symbol(8192, 0, 1), "base"),
        (Symbol(-8193, 0, 1), "base"),
        (Symbol(0, 8, 1), "extra"),
        (Symbol(0, 0, 1024), "frequency"),
        (Symbol(0, 0, -1), "frequency"),
    ],
)
def test_symbols_that_do_not_fit(symbol: Symbol, name: str) -> None:
    with pytest.raises(EncodingError, match=f"^field '{name}': "):
        symbol.encode()


def test_a_mirrored_symbols_entry() -> None:
    """Sign after the state bits, then two raw bits; the sum is of one less."""
    entry = expand([Symbol(0, 0, 15), Symbol(41, 3, 1, mirrored=True)], 4)[7]
    seen = EntryLayout.from_bits(entry.encode())
    assert (seen.total, seen.skip, seen.extra, seen.base) == (4 + 3, 4 + 1, 2, 40)
    assert seen.mirrored


@pytest.mark.parametrize(
    "symbol",
    [
        Symbol(0, 1, 1, mirrored=True),
        Symbol(5, 0, 1, mirrored=True),
        Symbol(5, 1, 2, mirrored=True),
        Symbol(5, 1, 1, padding=True, mirrored=True),
    ],
)
def test_mirrored_symbols_that_are_none(symbol: Symbol) -> None:
    with pytest.raises(EncodingError, match="wants values from 1 on, a raw bit and frequency 1"):
        symbol.encode()


def test_expanded_bytes() -> None:
    rng = random.Random(3)
    tables = [random_table(rng, 9, 20), random_table(rng, 9, 1)]
    memory = expanded_bytes(tables, 9)
    assert len(memory) == 2 * 512 * ENTRY_BYTES
    entries = [entry for table in tables for entry in expand(table, 9)]
    for number, entry in enumerate(entries):
        word = int.from_bytes(memory[8 * number : 8 * number + 8], "little")
        seen = EntryLayout.from_bits(word)
        assert seen.next_base == entry.next_base
        assert seen.mask == (1 << entry.bits) - 1
        assert seen.skip == entry.bits
        assert seen.extra == entry.symbol.extra
        assert seen.total == entry.bits + entry.symbol.extra
        assert seen.padding == entry.symbol.padding
        assert seen.base == entry.symbol.base
        assert not seen.mirrored
        assert word >> data.Layout.cast(EntryLayout).size == 0
