"""Multiplier and shift: normalised, near, and refused where the machine ends."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.compiler.limits.errors import CompileError
from sordino.layers.numbers.requantise import multiplier_shift


@given(st.floats(2.0**-47, 2.0**15 - 1))
@settings(max_examples=200, deadline=None)
def test_multiplier_is_normalised_and_near(ratio: float) -> None:
    multiplier, shift = multiplier_shift(ratio, "l")
    assert 1 << 15 <= multiplier < 1 << 16
    assert 1 <= shift <= 63
    assert multiplier * 2.0**-shift == pytest.approx(ratio, rel=2.0**-16)


def test_multiplier_at_its_ends() -> None:
    assert multiplier_shift(2.0**-60, "l") == (8, 63)
    assert multiplier_shift(0.99999999, "l") == (1 << 15, 15)
    with pytest.raises(CompileError, match=r"encoder\.0: weights are too large"):
        multiplier_shift(2.0**15, "encoder.0")
