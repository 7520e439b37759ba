"""Lattices as bytes: what is written is read, and nothing else is."""

import binascii
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.decode.ngram import estimate
from sordino.errors import InputError
from sordino.lattice.coding import tables
from sordino.lattice.coding.range_coder import MOST_TOTAL, Reader, Writer
from sordino.lattice.coding.vocabulary import MOST_LETTERS, Vocabulary
from sordino.lattice.coding.wire import MOST_BYTES, pack, unpack
from sordino.lattice.graph import END, MOST_ARCS, MOST_STATES, Arc, Lattice, State
from sordino.speech.text import Speller
from tests.sw.lattice.shapes import TOKENS, VOCABULARY, every_path, lattices

EMPTY = Lattice((State((Arc(None, END, 0),)),), 0.25)
ONE = Lattice((State((Arc("YES", 1, 0),)), State((Arc(None, END, 0),))), 0.25)


@settings(deadline=None)
@given(lattice=lattices())
def test_a_lattice_is_read_as_it_was_written(lattice: Lattice) -> None:
    lattice.check()
    data = pack(lattice, VOCABULARY)
    assert unpack(data, VOCABULARY) == lattice
    assert lattice.paths == len(list(every_path(lattice)))


@settings(deadline=None, max_examples=20)
@given(lattice=lattices(most=4), data=st.data())
def test_any_flipped_bit_is_refused(lattice: Lattice, data: st.DataObject) -> None:
    written = pack(lattice, VOCABULARY)
    for bit in range(8 * len(written)):
        damaged = bytearray(written)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InputError, match=r"^wanted a lattice .*, got .*; send it again"):
            unpack(bytes(damaged), VOCABULARY)


@settings(deadline=None, max_examples=50)
@given(lattice=lattices(), data=st.data())
def test_what_is_cut_or_continued_is_refused(lattice: Lattice, data: st.DataObject) -> None:
    written = pack(lattice, VOCABULARY)
    cut = data.draw(st.integers(0, len(written) - 1))
    more = data.draw(st.binary(min_size=1, max_size=3))
    for damaged in (written[:cut], written + b"\0", written + more, more + written, 2 * written):
        with pytest.raises(InputError, match="wanted a lattice"):
            unpack(damaged, VOCABULARY)


@settings(deadline=None)
@given(noise=st.binary(max_size=80))
def test_bytes_of_right_checksum_are_a_lattice_or_refused(noise: bytes) -> None:
    head = pack(EMPTY, VOCABULARY)[:5]
    for first in range(16, 32):
        data = bytes([first]) + head[1:] + noise
        data += (binascii.crc_hqx(data, 0xFFFF) ^ 0xFFFF).to_bytes(2, "big")
        try:
            lattice = unpack(data, VOCABULARY)
        except InputError:
            continue
        lattice.check()
        assert pack(lattice, VOCABULARY) == data


def test_sizes_are_bounded_before_anything_is_read() -> None:
    with pytest.raises(InputError, match="an empty file"):
        unpack(b"", VOCABULARY)
    with pytest.raises(InputError, match=f"got {MOST_BYTES + 1:,} bytes"):
        unpack(bytes(MOST_BYTES + 1), VOCABULARY)
    long = [State((Arc("A", number + 1, 0),)) for number in range(MOST_STATES)]
    with pytest.raises(InputError, match="states"):
        pack(Lattice((*long, EMPTY.states[0]), 0.25), VOCABULARY)
    wide = (Arc("A", 1, 0), *(Arc("A" * n, 1, n) for n in range(2, MOST_ARCS + 2)))
    with pytest.raises(InputError, match="ways"):
        pack(Lattice((State(wide), EMPTY.states[0]), 0.25), VOCABULARY)


def test_the_longest_lattice_is_read() -> None:
    long = [State((Arc("A", number + 1, 0),)) for number in range(MOST_STATES - 1)]
    lattice = Lattice((*long, EMPTY.states[0]), 0.25)
    assert unpack(pack(lattice, VOCABULARY), VOCABULARY) == lattice


def test_a_word_has_a_largest_length() -> None:
    def of(word: str) -> Lattice:
        return Lattice((State((Arc(word, 1, 0),)), EMPTY.states[0]), 0.25)

    lattice = of("Q" * MOST_LETTERS)
    assert unpack(pack(lattice, VOCABULARY), VOCABULARY) == lattice
    for bad in ("Q" * (MOST_LETTERS + 1), "A B", "\x1b", "\ud800", ""):
        with pytest.raises(InputError, match="word"):
            pack(of(bad), VOCABULARY)


def test_a_lattice_of_another_model_is_refused() -> None:
    data = pack(ONE, VOCABULARY)
    speller = Speller(TOKENS, 0)
    others = (
        Vocabulary(speller, Fraction(3, 100)),
        Vocabulary(Speller(TOKENS[:-1], 0), Fraction(1, 25)),
        Vocabulary(speller, Fraction(1, 25), estimate([["YES"], ["NO"]], 2)),
    )
    for other in others:
        with pytest.raises(InputError, match=r"wanted a lattice of the vocabulary .*; give the"):
            unpack(data, other)
    assert unpack(data, Vocabulary(speller, Fraction(1, 25))) == ONE


def test_small_lattices_take_few_bytes() -> None:
    assert len(pack(EMPTY, VOCABULARY)) <= 9
    assert len(pack(ONE, VOCABULARY)) <= 9


@settings(deadline=None)
@given(data=st.data())
def test_a_range_coder_gives_back_its_symbols(data: st.DataObject) -> None:
    sizes = st.lists(st.integers(1, 50), min_size=1, max_size=20)
    symbols = []
    for table in data.draw(st.lists(sizes, max_size=60)):
        symbols.append((table, data.draw(st.integers(0, len(table) - 1))))
    writer = Writer()
    for table, symbol in symbols:
        assert writer.symbol(table, symbol) == symbol
        writer.uniform(MOST_TOTAL, symbol)
    written = writer.finish()
    bits = sum(np.log2(sum(t) / t[s]) + np.log2(MOST_TOTAL) for t, s in symbols)
    assert len(written) <= bits / 8 * 1.01 + 2
    reader = Reader(written)
    for table, symbol in symbols:
        assert reader.symbol(table) == symbol
        assert reader.uniform(MOST_TOTAL) == symbol


def test_tables_hold_frequencies() -> None:
    for name in tables.__all__:
        entry = getattr(tables, name)
        for table in entry if isinstance(entry, tuple) else [entry]:
            assert np.all(np.asarray(table) > 0), name
            assert np.sum(table) <= MOST_TOTAL
