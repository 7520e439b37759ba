"""Frequencies: they sum to the states and cost least."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.codec.frequencies import LOG2_UNIT, coded_bits, log2_fixed, normalise


@given(st.integers(4, 9).map(lambda bits: 1 << bits), st.data())
@settings(deadline=None, max_examples=100)
def test_frequencies_sum_to_the_states(states: int, data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(1, 10**6), min_size=1, max_size=states))
    frequencies = normalise(counts, states)
    assert sum(frequencies) == states
    assert len(frequencies) == len(counts)
    assert min(frequencies) >= 1
    # Nobody rarer has more states.
    pairs = sorted(zip(counts, frequencies, strict=True))
    for (fewer, low), (more, high) in pairwise(pairs):
        assert low <= high or fewer == more


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=4))
@settings(deadline=None, max_examples=50)
def test_frequencies_cost_least(counts: list[int]) -> None:
    states = 16
    cuts = combinations(range(1, states), len(counts) - 1)
    every = [np.diff([0, *cut, states]).tolist() for cut in cuts]
    least = min(coded_bits(counts, frequencies) for frequencies in every)
    assert coded_bits(counts, normalise(counts, states)) == least


def test_known_frequencies() -> None:
    assert normalise([1], 16) == [16]
    assert normalise([3, 3], 16) == [8, 8]
    assert normalise([1000, 1, 1], 16) == [14, 1, 1]
    assert normalise([1] * 16, 16) == [1] * 16
    assert normalise([1, 1, 1], 16) == [6, 5, 5]


@pytest.mark.parametrize("count", [0, 17])
def test_wrong_numbers_of_symbols_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"wanted 1 to 16 symbols, got {count}"):
        normalise([1] * count, 16)


def test_fixed_point() -> None:
    assert log2_fixed([1, 2, 1024]).tolist() == [0, LOG2_UNIT, 10 * LOG2_UNIT]
    assert coded_bits([4, 1], [8, 8]) == 5 * LOG2_UNIT
    assert coded_bits([7], [16]) == 0
