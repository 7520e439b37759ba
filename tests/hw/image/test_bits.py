"""Short codes: known patterns, round trips, and refusal of what no writer makes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.image.bits import BitReader, BitsError, BitWriter


@pytest.mark.parametrize(
    ("number", "order", "pattern"),
    [(0, 0, "1"), (1, 0, "010"), (2, 0, "011"), (3, 0, "00100"), (0, 2, "100"), (7, 2, "01011")],
)
def test_patterns(number: int, order: int, pattern: str) -> None:
    writer = BitWriter()
    writer.golomb(number, order)
    assert f"{int.from_bytes(writer.to_bytes(), 'little'):0{writer.bits}b}"[::-1] == pattern


def test_small_numbers_of_either_sign_are_short() -> None:
    for number, bits in ((0, 1), (-1, 3), (1, 3), (-2, 5), (2, 5), (-3, 5), (3, 5), (-4, 7)):
        writer = BitWriter()
        writer.signed(number)
        assert writer.bits == bits


_NUMBER = st.one_of(
    st.tuples(st.just("golomb"), st.integers(0, 2**32 - 2), st.integers(0, 3)),
    st.tuples(st.just("signed"), st.integers(-(2**30), 2**30)),
    st.integers(0, 40).flatmap(
        lambda width: st.tuples(st.just("fixed"), st.integers(0, (1 << width) - 1), st.just(width))
    ),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(_NUMBER, max_size=20))
def test_round_trip(numbers) -> None:
    writer = BitWriter()
    for kind, number, *more in numbers:
        getattr(writer, kind)(number, *more)
    reader = BitReader(writer.to_bytes())
    for kind, number, *more in numbers:
        assert getattr(reader, kind)(*more) == number
    assert reader.bits == writer.bits
    reader.close()


def test_numbers_that_do_not_fit() -> None:
    writer = BitWriter()
    with pytest.raises(BitsError, match=r"^wanted a number of 3 bits, got 8$"):
        writer.fixed(8, 3)
    with pytest.raises(BitsError, match=r"^wanted a number of 3 bits, got -1$"):
        writer.fixed(-1, 3)
    with pytest.raises(BitsError, match=r"^wanted a number below 2\^32, got -1$"):
        writer.golomb(-1)
    with pytest.raises(BitsError, match=r"^wanted a number below 2\^33, got "):
        writer.golomb(1 << 33, 1)


def test_bits_that_end_too_early_or_too_late() -> None:
    with pytest.raises(BitsError, match=r"^wanted 9 more bits after 0, there are 8$"):
        BitReader(b"\1").fixed(9)
    with pytest.raises(BitsError, match=r"^wanted 1 more bits after 8, there are 8$"):
        BitReader(b"\0").golomb()
    with pytest.raises(BitsError, match=r"^wanted a number below 2\^32 before 32$"):
        BitReader(bytes(9)).golomb()
    for contents in (b"\2", b"\0\0"):
        reader = BitReader(contents)
        reader.fixed(1)
        with pytest.raises(BitsError, match=r"^wanted 1 bits and zeros up to the byte, got more$"):
            reader.close()
