"""The arithmetic contract against exact rational arithmetic and against itself on arrays."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino import arith

INPUTS = np.arange(-(1 << 15), 1 << 15, dtype=np.int64)
TABLES = {
    curve.name: (np.array(curve.knots, np.int64), np.array(curve.slopes, np.int64))
    for curve in (arith.TANH, arith.SIGMOID)
}
int16 = st.integers(-(1 << 15), (1 << 15) - 1)
int32 = st.integers(-(1 << 31), (1 << 31) - 1)
wide = st.integers(-(1 << 50), 1 << 50)
shifts = st.integers(1, 63)
multipliers = st.integers(0, (1 << arith.MULTIPLIER_BITS) - 1)
examples = settings(max_examples=200, deadline=None)


def half_away(value: Fraction) -> int:
    """Nearest integer, ties away from zero."""
    magnitude = math.floor(abs(value) + Fraction(1, 2))
    return magnitude if value >= 0 else -magnitude


def clamp(value: int, bits: int) -> int:
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


@pytest.mark.parametrize(
    ("value", "shift", "expected"),
    [
        (3, 1, 2),
        (-3, 1, -2),
        (1, 1, 1),
        (-1, 1, -1),
        (5, 2, 1),
        (6, 2, 2),
        (-6, 2, -2),
        (-5, 2, -1),
    ],
)
def test_round_shift_takes_halves_away_from_zero(value: int, shift: int, expected: int) -> None:
    assert arith.round_shift(value, shift) == expected


@given(wide, shifts)
@examples
def test_round_shift_is_the_nearest_integer(value: int, shift: int) -> None:
    assert arith.round_shift(value, shift) == half_away(Fraction(value, 1 << shift))
    assert arith.round_shift(value, shift) == -arith.round_shift(-value, shift)


@given(wide, st.integers(2, 40))
@examples
def test_saturate_is_the_nearest_representable(value: int, bits: int) -> None:
    assert arith.saturate(value, bits) == clamp(value, bits)


@given(int32, int32, multipliers, shifts)
@examples
def test_gate_preactivation(acc: int, bias: int, multiplier: int, shift: int) -> None:
    exact = half_away(Fraction((acc + bias) * multiplier, 1 << shift))
    assert arith.requantise(acc + bias, multiplier, shift) == exact
    assert arith.gate_preactivation(acc, bias, multiplier, shift) == clamp(exact, 16)


@given(int16, int16, int16, int16)
@examples
def test_cell_and_joint_formulas(i: int, f: int, g: int, c: int) -> None:
    c_exact = Fraction(f, 1 << 15) * Fraction(c, 1 << 11) + Fraction(i, 1 << 15) * Fraction(
        g, 1 << 15
    )
    assert arith.cell_state(i, f, g, c) == clamp(half_away(c_exact * (1 << 11)), 16)
    h_exact = Fraction(i, 1 << 15) * Fraction(g, 1 << 15) * (1 << 7)
    assert arith.cell_hidden(i, g) == clamp(half_away(h_exact), 8)
    assert arith.add_joint(i, g) == clamp(i + g, 16)
    assert arith.joint_activation(i >> 8) == Fraction(i >> 8, 1 << 7) * (1 << 11)
    assert arith.joint_preactivation(c) == clamp(2 * c, 16)
    candidate = Fraction(g) + Fraction(i, 1 << 15) * f
    assert arith.gru_candidate(g, i, f) == clamp(half_away(candidate), 16)
    assert arith.gru_hidden(i, g, c) == g + half_away(Fraction(i, 1 << 15) * (c - g))
    assert arith.hidden_int8(g) == clamp(half_away(Fraction(g, 1 << 8)), 8)
    assert arith.drain_int8(c) == clamp(c, 8)


@given(st.integers(1, 32767), int16, int16)
@examples
def test_the_new_state_of_a_gru_is_between_the_old_one_and_the_candidate(
    z: int, n: int, h: int
) -> None:
    """So it fits int16 without saturation; z is never 0 and never 1."""
    assert min(n, h) <= arith.gru_hidden(z, n, h) <= max(n, h)


def test_a_state_stands_still_where_its_step_is_less_than_half_a_unit() -> None:
    """At the greatest z, 32757, a step is 11/32768 of the way: 1489 units of h then do not move."""
    z = arith.sigmoid(arith.PREACTIVATION.high)
    assert z == 32757
    assert arith.gru_hidden(z, 0, 1489) == 1489
    assert arith.gru_hidden(z, 0, 1490) == 1489
    assert arith.gru_hidden(z, 0, -1490) == -1489


@given(st.lists(st.tuples(int16, int16, int16, int16), min_size=1, max_size=20))
@examples
def test_arrays_equal_integers_16_bits(rows: list[tuple[int, int, int, int]]) -> None:
    i, f, g, c = np.array(rows, np.int64).T
    assert arith.cell_state(i, f, g, c).tolist() == [arith.cell_state(*row) for row in rows]
    assert arith.cell_hidden(i, g).tolist() == [arith.cell_hidden(r[0], r[2]) for r in rows]
    assert arith.add_joint(i, g).tolist() == [arith.add_joint(r[0], r[2]) for r in rows]
    assert arith.gru_candidate(i, f, g).tolist() == [arith.gru_candidate(*r[:3]) for r in rows]
    assert arith.gru_hidden(i, f, g).tolist() == [arith.gru_hidden(*r[:3]) for r in rows]
    assert arith.joint_preactivation(c).tolist() == [arith.joint_preactivation(r[3]) for r in rows]
    assert arith.hidden_int8(g).tolist() == [arith.hidden_int8(r[2]) for r in rows]
    assert arith.drain_int8(g).tolist() == [arith.drain_int8(r[2]) for r in rows]


@given(st.lists(st.tuples(int32, int32), min_size=1, max_size=20), multipliers, shifts)
@examples
def test_arrays_equal_integers_32_bits(
    rows: list[tuple[int, int]], multiplier: int, shift: int
) -> None:
    acc, bias = np.array(rows, np.int64).T
    assert arith.gate_preactivation(acc, bias, multiplier, shift).tolist() == [
        arith.gate_preactivation(*row, multiplier, shift) for row in rows
    ]
    assert arith.round_shift(acc, shift).tolist() == [
        arith.round_shift(row[0], shift) for row in rows
    ]
    assert arith.saturate(acc, 24).tolist() == [arith.saturate(row[0], 24) for row in rows]


@pytest.mark.parametrize(
    ("function", "curve", "exact", "worst", "at", "low", "high"),
    [
        (arith.tanh, arith.TANH, np.tanh, 3.7699, -3266, -32767, 32767),
        (arith.sigmoid, arith.SIGMOID, lambda z: 1 / (1 + np.exp(-z)), 1.2485, 6219, 11, 32757),
    ],
    ids=["tanh", "sigmoid"],
)
def test_worst_error_of_all_inputs(function, curve, exact, worst, at, low, high) -> None:
    values = function(INPUTS, *TABLES[curve.name])
    errors = np.abs(values - exact(INPUTS / 2**arith.PREACTIVATION.fraction) * 2**15)
    assert errors.max() == pytest.approx(worst, abs=1e-4), "in LSB of Q0.15"
    assert INPUTS[errors.argmax()] == at
    assert (values.min(), values.max()) == (low, high)


@pytest.mark.parametrize(
    ("function", "curve"), [(arith.tanh, arith.TANH), (arith.sigmoid, arith.SIGMOID)]
)
def test_curves_are_monotonic_and_odd(function, curve) -> None:
    values = function(INPUTS, *TABLES[curve.name])
    assert (np.diff(values) >= 0).all()
    middle = 1 << 14 if function is arith.sigmoid else 0
    odd = values - middle
    assert np.array_equal(odd[1:], -odd[:0:-1])
    assert values[0] == values[1], "-32768 counts as -32767"
    assert min(curve.slopes) >= 0


@pytest.mark.parametrize(
    ("function", "curve"), [(arith.tanh, arith.TANH), (arith.sigmoid, arith.SIGMOID)]
)
def test_curves_on_arrays_equal_integers(function, curve) -> None:
    some = [*range(-40000 + 7232, 32768, 97), -32768, -32767, -1, 0, 1, 127, 128, 32767]
    expected = [function(z) for z in some]
    assert function(np.array(some), *TABLES[curve.name]).tolist() == expected


def test_knots_are_exactly_rounded() -> None:
    for s, (knot, other) in enumerate(zip(arith.TANH.knots, arith.SIGMOID.knots, strict=True)):
        z = s / 32
        assert abs(knot - math.tanh(z) * 2**15) <= (1 if knot == 32767 else 0.5)
        assert abs(other - (1 / (1 + math.exp(-z)) - 0.5) * 2**15) <= 0.5
    assert len(arith.TANH.knots) == len(arith.TANH.slopes) + 1 == arith.CURVE_SEGMENTS + 1


@pytest.mark.parametrize(
    "number",
    [arith.PREACTIVATION, arith.GATE, arith.CELL_STATE, arith.GRU_STATE, arith.HIDDEN],
)
def test_formats(number: arith.Fixed) -> None:
    assert number.high == -number.low - 1 == 2 ** (number.bits - 1) - 1
    assert number.notation == f"Q{number.bits - 1 - number.fraction}.{number.fraction}"
