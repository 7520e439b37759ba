"""Sizes of other formats, on matrices small enough to count by hand."""

from itertools import product
from math import log2

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.tools.peers import (
    bitmap_bits,
    block_bound_bits,
    code_lengths,
    eie_bits,
    huffman_bits,
    order0_bits,
)

# Column 0 holds 3 and -1 in rows 0 and 2, column 2 holds 3 in row 3.
SMALL = np.array([[3, 0, 0], [0, 0, 0], [-1, 0, 0], [0, 0, 3]], np.int8)


def test_order_0_entropy_by_hand() -> None:
    """9 zeros, two 3s and one -1 among 12 weights."""
    wanted = 9 * log2(12 / 9) + 2 * log2(12 / 2) + log2(12)
    assert order0_bits(SMALL) == pytest.approx(wanted)
    assert order0_bits(np.zeros((3, 5), np.int8)) == 0
    assert order0_bits(np.array([[-128, 127]], np.int8)) == 2


def test_bitmap_by_hand() -> None:
    assert bitmap_bits(SMALL, 5) == 12 + 3 * 5
    # Rows 0-1 and 2-3: six blocks; three hold a weight, so six weights are stored.
    assert bitmap_bits(SMALL, 5, 2) == 6 + 6 * 5
    # Three blocks of one column; two are kept.
    assert bitmap_bits(SMALL, 8, 4) == 3 + 8 * 8


def test_the_last_block_may_be_smaller() -> None:
    ones = np.ones((5, 2), np.int8)
    assert bitmap_bits(ones, 4, 4) == 4 + 10 * 4
    assert block_bound_bits(ones, 4) == 0


def test_block_bound_by_hand() -> None:
    """Groups of 2: three of six blocks are kept, in them 3 zeros, two 3s, one -1."""
    mask = 6.0
    values = 3 * log2(6 / 3) + 2 * log2(6 / 2) + log2(6)
    assert block_bound_bits(SMALL, 2) == pytest.approx(mask + values)


def test_in_groups_of_one_the_block_bound_is_the_entropy() -> None:
    rng = np.random.default_rng(1)
    matrix = np.rint(rng.laplace(size=(40, 30))).astype(np.int8)
    assert block_bound_bits(matrix, 1) == pytest.approx(order0_bits(matrix))


def test_eie_by_hand() -> None:
    """Column by column: runs 0, 1 and 8, three entries of 4 + 5 bits."""
    assert eie_bits(SMALL, 5) == 3 * 9
    assert eie_bits(np.zeros((4, 4), np.int8), 5) == 0


@pytest.mark.parametrize(
    ("before", "entries"), [(0, 1), (15, 1), (16, 2), (31, 2), (32, 3)], ids=str
)
def test_eie_cuts_long_runs(before: int, entries: int) -> None:
    matrix = np.zeros((1, before + 1), np.int8)
    matrix[0, before] = 1
    assert eie_bits(matrix, 4) == 8 * entries


def test_huffman_by_hand() -> None:
    """One code: lengths 1 (zero), 2 and 2; codes of -1 to 3 are listed in 16 + 5 * 4 bits."""
    assert huffman_bits(SMALL) == 16 + 20 + 9 + 3 * 2


def test_huffman_codes_runs_where_that_is_smaller() -> None:
    """Weights after 255, 599, 399 and 599 zeros; symbol 255 stands for 255 zeros."""
    matrix = np.zeros((2, 1000), np.int8)
    matrix[:, [255, 855]] = 1
    # Run symbols: 255 six times in 1 bit, 89 twice in 2, 0 and 144 once each in 3.
    runs = 16 + 4 * 256 + 6 * 1 + 2 * 2 + 2 * 3
    values = 16 + 4 * 1 + 4 * 1
    assert huffman_bits(matrix) == runs + values
    # Half as many weights do not pay for the list of code lengths.
    assert huffman_bits(matrix[:1]) == 16 + 4 * 2 + 1000
    assert huffman_bits(np.zeros((2, 3), np.int8)) == 16 + 4 + 6


def test_code_lengths_by_hand() -> None:
    assert code_lengths([]) == []
    assert code_lengths([0, 7, 0]) == [0, 1, 0]
    assert code_lengths([1, 1, 2, 4]) == [3, 3, 2, 1]
    assert code_lengths([1, 1, 2, 4], longest=2) == [2, 2, 2, 2]
    assert code_lengths([1, 1, 2, 4, 8], longest=3) == [3, 3, 3, 3, 1]


def cheapest(counts: list[int], longest: int) -> int:
    """The fewest bits of any lengths that a prefix code can have, by trying all."""
    return min(
        sum(c * n for c, n in zip(counts, lengths, strict=True))
        for lengths in product(range(1, longest + 1), repeat=len(counts))
        if sum(2.0**-n for n in lengths) <= 1
    )


@pytest.mark.parametrize("longest", [3, 4])
@pytest.mark.parametrize("seed", range(6))
def test_code_lengths_are_the_cheapest_that_fit(seed: int, longest: int) -> None:
    counts = (np.random.default_rng(seed).geometric(0.2, 6) ** 2).tolist()
    lengths = code_lengths(counts, longest)
    assert max(lengths) <= longest
    assert sum(2.0**-n for n in lengths) <= 1
    assert sum(c * n for c, n in zip(counts, lengths, strict=True)) == cheapest(counts, longest)


def test_too_many_symbols_are_refused() -> None:
    with pytest.raises(ValueError, match="5 symbols need codes of more than 2 bits"):
        code_lengths([1] * 5, 2)


def random_matrix(zeros: float) -> NDArray[np.int8]:
    rng = np.random.default_rng(5)
    values = np.rint(rng.laplace(size=(64, 64)) * 3).clip(-15, 15)
    return (values * (rng.random(values.shape) >= zeros)).astype(np.int8)


@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.9])
def test_no_format_is_smaller_than_the_entropy(zeros: float) -> None:
    matrix = random_matrix(zeros)
    for bits in (bitmap_bits(matrix, 5), eie_bits(matrix, 5), huffman_bits(matrix)):
        assert bits > order0_bits(matrix)
