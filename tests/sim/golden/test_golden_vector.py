"""Vector operations against scalar rational arithmetic written from the contract's equations."""

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.golden import cells, vector
from sordino.isa.choices import Function

Ints = NDArray[np.int64]


def nearest(value: Fraction) -> int:
    """Ties away from zero."""
    magnitude = math.floor(abs(value) + Fraction(1, 2))
    return magnitude if value >= 0 else -magnitude


def clamp(value: int, bits: int) -> int:
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


def curve(z: int, knot) -> int:
    """Straight segments of 1/32 between rounded knots, odd."""
    magnitude = min(abs(z), 32767)
    s, f = divmod(magnitude, 128)
    a, b = (min(32767, nearest(Fraction(knot(k / 32)) * 2**15)) for k in (s, s + 1))
    value = a + ((b - a) * f + 64) // 128
    return -value if z < 0 else value


def tanh(z: int) -> int:
    return curve(z, math.tanh)


def sigmoid(z: int) -> int:
    return curve(z, lambda x: 1 / (1 + math.exp(-x)) - 0.5) + 2**14


def requantised(value: int, multiplier: int, shift: int) -> int:
    return nearest(Fraction(value * multiplier, 2**shift))


def slow_cell(gates, biases, c: int, multiplier: int, shift: int) -> tuple[int, int]:
    """One unit; gates i f g o."""
    zi, zf, zg, zo = (
        clamp(requantised(a + b, multiplier, shift), 16) for a, b in zip(gates, biases, strict=True)
    )
    i, f, g, o = sigmoid(zi), sigmoid(zf), tanh(zg), sigmoid(zo)
    exact = Fraction(f, 2**15) * Fraction(c, 2**11) + Fraction(i, 2**15) * Fraction(g, 2**15)
    c = clamp(nearest(exact * 2**11), 16)
    h = Fraction(o, 2**15) * Fraction(tanh(clamp(2 * c, 16)), 2**15)
    return c, clamp(nearest(h * 2**7), 8)


def ints(rng: np.random.Generator, bits: int, *shape: int) -> Ints:
    """Signed integers of all magnitudes up to `bits` bits, extremes among them."""
    values = rng.integers(-1 << (bits - 1), 1 << (bits - 1), shape)
    values >>= rng.integers(0, bits, shape)
    values[rng.random(shape) < 0.05] = -1 << (bits - 1)
    return values


SCALES = [(32768, 20), (65535, 33), (40000, 1), (1, 1), (0, 5), (65535, 63), (51234, 25)]


@pytest.mark.parametrize(("multiplier", "shift"), SCALES)
def test_cell_equals_scalar(multiplier: int, shift: int) -> None:
    rng = np.random.default_rng(shift)
    gates, biases, c = ints(rng, 32, 4, 60), ints(rng, 32, 4, 60), ints(rng, 16, 60)
    got = cells.lstm(gates, biases, c, multiplier=multiplier, shift=shift)
    expected = [
        slow_cell(gates[:, u].tolist(), biases[:, u].tolist(), int(c[u]), multiplier, shift)
        for u in range(60)
    ]
    assert list(zip(got[0].tolist(), got[1].tolist(), strict=True)) == expected


def test_cell_is_a_float_lstm_within_rounding() -> None:
    """One step, |c| < 4, pre-activations Q3.12 given exactly: the errors that the formats make.

    c' is off by 1/2 LSB of Q4.11 from rounding and by what the curves add: 1.25 LSB of Q0.15 in f
    times 4, 1.25 in i, 3.77 in tanh(g): 10 / 16 of a Q4.11 LSB. h then by 1/2 LSB of Q0.7 and the
    same share of 1/16 of that.
    """
    rng = np.random.default_rng(7)
    z = rng.integers(-1 << 15, 1 << 15, (4, 20000)) >> rng.integers(0, 4, (4, 20000))
    c = rng.integers(-4 << 11, 4 << 11, 20000)
    c_new, h_new = cells.lstm(z, np.zeros_like(z), c, multiplier=2, shift=1)

    def logistic(x):
        return 1 / (1 + np.exp(-x))

    i, f, o = logistic(z[[0, 1, 3]] / 2**12)
    exact_c = f * (c / 2**11) + i * np.tanh(z[2] / 2**12)
    exact_h = o * np.tanh(exact_c)
    c_error = np.abs(c_new - exact_c * 2**11).max()
    h_error = np.abs(h_new - np.minimum(exact_h * 2**7, 127)).max()
    assert 0.5 < c_error < 0.5 + 10 / 16, c_error
    assert 0.5 < h_error < 0.6, h_error


def slow_gru(sums, biases, h: int, multiplier: int, shift: int) -> tuple[int, int]:
    """One unit; sums n_h r n_x z."""
    n_h, r, n_x, z = (
        clamp(requantised(a + b, multiplier, shift), 16) for a, b in zip(sums, biases, strict=True)
    )
    n = tanh(clamp(nearest(n_x + Fraction(sigmoid(r), 2**15) * n_h), 16))
    h = n + nearest(Fraction(sigmoid(z), 2**15) * (h - n))
    return h, clamp(nearest(Fraction(h, 2**8)), 8)


@pytest.mark.parametrize(("multiplier", "shift"), SCALES)
def test_gru_equals_scalar(multiplier: int, shift: int) -> None:
    rng = np.random.default_rng(shift)
    sums, biases, h = ints(rng, 32, 4, 60), ints(rng, 32, 4, 60), ints(rng, 16, 60)
    got = cells.gru(sums, biases, h, multiplier=multiplier, shift=shift)
    expected = [
        slow_gru(sums[:, u].tolist(), biases[:, u].tolist(), int(h[u]), multiplier, shift)
        for u in range(60)
    ]
    assert list(zip(got[0].tolist(), got[1].tolist(), strict=True)) == expected


LOW, HIGH = -(1 << 15), (1 << 15) - 1


@pytest.mark.parametrize(
    ("sums", "h", "expected"),
    [
        # n_h, r, n_x, z; the gates at their ends are 11 and 32757 of 32768, tanh is 32767.
        ((0, 0, 0, 0), 0, (0, 0)),
        ((0, 0, 0, HIGH), HIGH, (32756, 127)),
        ((0, 0, 0, HIGH), LOW, (-32757, -128)),
        ((0, 0, 0, LOW), HIGH, (11, 0)),
        ((0, 0, HIGH, LOW), LOW, (32767 - 22, 127)),
        ((0, 0, LOW, LOW), HIGH, (-32767 + 22, -128)),
        ((HIGH, HIGH, HIGH, LOW), 0, (32767 - 11, 127)),
        ((LOW, HIGH, LOW, LOW), 0, (-32767 + 11, -128)),
        ((HIGH, HIGH, LOW, LOW), 0, (-96, 0)),
    ],
)
def test_gru_at_both_ends(sums: tuple[int, ...], h: int, expected: tuple[int, int]) -> None:
    """Sums are given exactly (2 / 2^1). n_h and n_x at opposite ends leave -12 / 4096, of which the
    tanh is -96 / 32768."""
    column = np.array(sums, np.int64)[:, np.newaxis]
    got = cells.gru(column, 0 * column, np.array([h]), multiplier=2, shift=1)
    assert (int(got[0][0]), int(got[1][0])) == expected


@pytest.mark.parametrize(("multiplier", "shift"), SCALES)
@pytest.mark.parametrize("function", list(Function))
def test_drain_equals_scalar(function: Function, multiplier: int, shift: int) -> None:
    rng = np.random.default_rng(10 * shift + function.value)
    acc, bias = ints(rng, 32, 200), ints(rng, 32, 200)
    acc[:20], bias[:20] = -bias[:20] + np.arange(-10, 10), bias[:20]
    scale = {"multiplier": multiplier, "shift": shift}
    values = [
        requantised(a + b, multiplier, shift)
        for a, b in zip(acc.tolist(), bias.tolist(), strict=True)
    ]
    expected = {
        Function.NONE: [clamp(v, 8) for v in values],
        Function.RELU: [clamp(max(v, 0), 8) for v in values],
        Function.TANH: [clamp(nearest(Fraction(tanh(clamp(v, 16)), 256)), 8) for v in values],
        Function.SIGMOID: [clamp(nearest(Fraction(sigmoid(clamp(v, 16)), 256)), 8) for v in values],
    }[function]
    got = vector.drain(acc, bias, wide=False, function=function, **scale)
    assert got.tolist() == expected
    wide = vector.drain(acc, bias, wide=True, function=Function.NONE, **scale)
    assert wide.tolist() == [clamp(v, 16) for v in values]


@pytest.mark.parametrize(("multiplier", "shift"), [(32768, 20), (65535, 22), (9, 1), (65535, 63)])
@pytest.mark.parametrize("function", list(Function))
def test_add_equals_scalar(function: Function, multiplier: int, shift: int) -> None:
    rng = np.random.default_rng(10 * shift + function.value)
    a, b = ints(rng, 16, 300), ints(rng, 16, 300)
    sums = [clamp(x + y, 16) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    expected = {
        Function.NONE: [clamp(requantised(v, multiplier, shift), 8) for v in sums],
        Function.RELU: [clamp(requantised(max(v, 0), multiplier, shift), 8) for v in sums],
        Function.TANH: [clamp(nearest(Fraction(tanh(clamp(2 * v, 16)), 256)), 8) for v in sums],
        Function.SIGMOID: [
            clamp(nearest(Fraction(sigmoid(clamp(2 * v, 16)), 256)), 8) for v in sums
        ],
    }[function]
    got = vector.add(a, b, function=function, multiplier=multiplier, shift=shift)
    assert got.tolist() == expected
    wide = vector.add(a, b, wide=True, multiplier=multiplier, shift=shift)
    assert wide.tolist() == [clamp(requantised(v, multiplier, shift), 16) for v in sums]


@pytest.mark.parametrize(("multiplier", "shift"), [(32768, 20), (65535, 22), (9, 1), (65535, 63)])
def test_multiply_equals_scalar(multiplier: int, shift: int) -> None:
    rng = np.random.default_rng(shift)
    a, b = ints(rng, 16, 300), ints(rng, 8, 300)
    a[0], b[0] = -(1 << 15), -(1 << 7)
    values = [
        requantised(x * y, multiplier, shift) for x, y in zip(a.tolist(), b.tolist(), strict=True)
    ]
    for wide, bits in ((False, 8), (True, 16)):
        got = vector.multiply(a, b, wide=wide, multiplier=multiplier, shift=shift)
        assert got.tolist() == [clamp(value, bits) for value in values]


@pytest.mark.parametrize("function", [Function.TANH, Function.SIGMOID])
def test_an_addition_with_a_curve_does_not_look_at_the_shift(function: Function) -> None:
    a = np.arange(-5, 5) * 1000
    values = [
        vector.add(a, a, function=function, multiplier=m, shift=s).tolist()
        for m, s in ((0, 0), (77, 9))
    ]
    assert values[0] == values[1]


def test_a_sigmoid_is_0_to_127() -> None:
    """The ends, one half, and the first values that saturate; z is Q3.12, given exactly."""
    z = np.array([-(1 << 15), -32767, -1, 0, 1, 23000, 32767, 1 << 20])
    drained = vector.drain(z, 0 * z, wide=False, function=Function.SIGMOID, multiplier=2, shift=1)
    assert drained.tolist() == [0, 0, 64, 64, 64, 127, 127, 127]
    added = vector.add(z[:-1] >> 1, 0 * z[:-1], function=Function.SIGMOID, multiplier=0, shift=0)
    assert added.tolist() == [0, 0, 64, 64, 64, 127, 127]


@pytest.mark.parametrize(
    ("values", "indices", "expected"),
    [
        ([1, 5, 3], [10, 11, 12], 11),
        ([5, 5, 5], [12, 10, 11], 10),
        ([9, 5, 5], [-1, 12, 7], 7),
        ([9, 9], [-1, -5], 0),
        ([-(2**31), -(2**31) + 1], [3, 4], 4),
        ([0], [65535], 65535),
        ([2, 1], [0, 0], 0),
    ],
)
def test_argmax(values: list[int], indices: list[int], expected: int) -> None:
    zero = np.zeros(len(values), np.int64)
    assert vector.argmax(np.array(values), zero, np.array(indices)) == expected
    assert vector.argmax(zero, np.array(values), np.array(indices)) == expected


def test_argmax_adds_beyond_32_bits() -> None:
    large = np.array([2**31 - 1, 2**31 - 1])
    assert vector.argmax(large, np.array([1, 2]), np.array([0, 1])) == 1


@pytest.mark.parametrize("lanes", [4, 8, 12])
def test_unit_lanes(lanes: int) -> None:
    units = 5 * lanes // 4
    where = vector.unit_lanes(units, lanes)
    for u in range(units):
        row, quad = divmod(u, lanes // 4)
        for k in range(4):
            assert where[k, u] == row * lanes + 4 * quad + (k + row) % 4
    assert sorted(where.reshape(-1).tolist()) == list(range(4 * units))


def test_parameter_layouts() -> None:
    words = np.array([1, -2, 3, -(2**31), 2**31 - 1, 6, 7, -8], "<i4").tobytes()
    assert vector.bias_words(words, 1, 3).tolist() == [2**31 - 1, 6, 7]
    biases, indices = vector.index_words(words, 0, 3)
    assert (biases.tolist(), indices.tolist()) == ([1, 3, 2**31 - 1], [-2, -(2**31), 6])
    assert vector.embedding_words(bytes(range(120, 152)), 0, 18).tolist() == [
        *range(120, 128),
        *range(-128, -118),
    ]
