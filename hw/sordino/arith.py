"""The arithmetic contract: formats, rounding, saturation and function curves.

Everything that computes with the machine's numbers (RTL, exact numpy machine, compiler,
training) imports this module; `docs/arithmetic.md` is generated from it. Only the standard
library is used, and every operation is written with operators alone, so that the same lines
work on Python integers and on numpy int64 arrays.

Sources: integer LSTM after R. Li and A. Alvarez, "On the Quantization of Recurrent Neural
Networks", 2021 (arXiv:2101.05453); rounding is half away from zero throughout.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ACTIVATION",
    "BIAS_BITS",
    "CELL_STATE",
    "CURVE_SEGMENTS",
    "FEATURE",
    "GATE",
    "GRU_STATE",
    "HIDDEN",
    "JOINT",
    "MAX_REQUANTISE_SHIFT",
    "MAX_X_SHIFT",
    "MULTIPLIER_BITS",
    "PREACTIVATION",
    "SIGMOID",
    "TANH",
    "WEIGHT",
    "Curve",
    "Fixed",
    "add_joint",
    "cell_hidden",
    "cell_state",
    "drain_int8",
    "gate_preactivation",
    "gru_candidate",
    "gru_hidden",
    "hidden_int8",
    "joint_activation",
    "joint_preactivation",
    "requantise",
    "round_shift",
    "saturate",
    "sigmoid",
    "tanh",
]


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A two's complement fixed-point format of `bits` bits, `fraction` of them after the point."""

    name: str
    bits: int
    fraction: int

    @property
    def low(self) -> int:
        """Smallest raw integer."""
        return -(1 << (self.bits - 1))

    @property
    def high(self) -> int:
        """Largest raw integer."""
        return (1 << (self.bits - 1)) - 1

    @property
    def notation(self) -> str:
        """Q notation without the sign bit, such as Q3.12."""
        return f"Q{self.bits - 1 - self.fraction}.{self.fraction}"


FEATURE = Fixed(name="feature", bits=8, fraction=5)
"""Model input; a model's meta may name another fraction."""
HIDDEN = Fixed(name="hidden state, int8 activation", bits=8, fraction=7)
WEIGHT = Fixed(name="weight", bits=8, fraction=0)
PREACTIVATION = Fixed(name="gate pre-activation", bits=16, fraction=12)
GATE = Fixed(name="gate (sigmoid and tanh output)", bits=16, fraction=15)
CELL_STATE = Fixed(name="cell state", bits=16, fraction=11)
GRU_STATE = Fixed(name="hidden state of a GRU", bits=16, fraction=15)
"""In int8 a hidden state would stand still where the gate z is near 1."""
JOINT = Fixed(name="joint half", bits=16, fraction=11)
ACTIVATION = HIDDEN

MAX_X_SHIFT = 7
"""A matvec multiplies x by 2^shift, shift from 0 to this."""
MULTIPLIER_BITS = 16
"""Requantisation multipliers are unsigned; normalised ones lie in [2^15, 2^16)."""
MAX_REQUANTISE_SHIFT = 63
BIAS_BITS = 32


def round_shift(value: Any, shift: int) -> Any:
    """value / 2^shift, rounded half away from zero; shift >= 1.

    floor((value + 2^(shift-1) - [value < 0]) / 2^shift): one adder with the sign as carry.
    """
    return (value + (1 << (shift - 1)) - (value < 0)) >> shift


def saturate(value: Any, bits: int) -> Any:
    """The nearest signed integer of `bits` bits."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return value + (low - value) * (value < low) + (high - value) * (value > high)


def requantise(accumulator: Any, multiplier: int, shift: int) -> Any:
    """accumulator * multiplier / 2^shift, one rounding, not saturated; shift >= 1."""
    return round_shift(accumulator * multiplier, shift)


CURVE_SEGMENTS = 256
_MAGNITUDE_BITS = PREACTIVATION.bits - 1
_FRACTION_BITS = _MAGNITUDE_BITS - (CURVE_SEGMENTS.bit_length() - 1)


@dataclass(frozen=True)
class Curve:
    """An odd function on |z| in Q3.12 as straight segments between exactly rounded knots.

    `knots` has CURVE_SEGMENTS + 1 integers in Q0.15; segment s runs from knots[s] to knots[s+1].
    """

    name: str
    knots: tuple[int, ...]

    @property
    def slopes(self) -> tuple[int, ...]:
        """Rise of each segment: knots[s+1] - knots[s], never negative."""
        return tuple(b - a for a, b in zip(self.knots, self.knots[1:], strict=False))

    def odd(self, z: Any, knots: Sequence[int] | Any = None, slopes: Any = None) -> Any:
        """Value at z (int16 Q3.12) as Q0.15; z = -32768 counts as -32767.

        magnitude m = min(|z|, 32767), segment s = m >> 7, f = m mod 128;
        value = sign(z) * (knots[s] + ((slopes[s] * f + 64) >> 7)).
        Pass numpy arrays for `knots` and `slopes` to evaluate arrays.
        """
        knots = self.knots if knots is None else knots
        slopes = self.slopes if slopes is None else slopes
        sign = 1 - 2 * (z < 0)
        magnitude = z * sign
        magnitude = magnitude - (magnitude >> _MAGNITUDE_BITS)
        segment, fraction = magnitude >> _FRACTION_BITS, magnitude & ((1 << _FRACTION_BITS) - 1)
        half = 1 << (_FRACTION_BITS - 1)
        return sign * (knots[segment] + ((slopes[segment] * fraction + half) >> _FRACTION_BITS))


def _curve(name: str, function: Callable[[float], float]) -> Curve:
    step = 2.0 ** (_FRACTION_BITS - PREACTIVATION.fraction)
    scale = 1 << GATE.fraction
    return Curve(
        name,
        tuple(
            min(GATE.high, math.floor(function(s * step) * scale + 0.5))
            for s in range(CURVE_SEGMENTS + 1)
        ),
    )


TANH = _curve("tanh", math.tanh)
SIGMOID = _curve("sigmoid - 1/2", lambda z: 1 / (1 + math.exp(-z)) - 0.5)
"""Odd part of the logistic function; `sigmoid` adds one half."""


def tanh(z: Any, knots: Any = None, slopes: Any = None) -> Any:
    """tanh of z (int16 Q3.12) as int16 Q0.15."""
    return TANH.odd(z, knots, slopes)


def sigmoid(z: Any, knots: Any = None, slopes: Any = None) -> Any:
    """Logistic function of z (int16 Q3.12) as int16 Q0.15; always within 1 to 32767."""
    return SIGMOID.odd(z, knots, slopes) + (1 << (GATE.fraction - 1))


def gate_preactivation(accumulator: Any, bias: Any, multiplier: int, shift: int) -> Any:
    """z = sat16(rq(acc + bias)), int16 Q3.12."""
    return saturate(requantise(accumulator + bias, multiplier, shift), PREACTIVATION.bits)


def cell_state(i: Any, f: Any, g: Any, c: Any) -> Any:
    """c' = sat16(round(f*c + i*g)): gates Q0.15, c and c' Q4.11, one rounding from Q.30."""
    product_fraction = 2 * GATE.fraction
    align = product_fraction - (GATE.fraction + CELL_STATE.fraction)
    total = ((f * c) << align) + i * g
    return saturate(round_shift(total, product_fraction - CELL_STATE.fraction), CELL_STATE.bits)


def joint_preactivation(value: Any) -> Any:
    """Cell state or joint sum (int16 Q4.11) as curve input (int16 Q3.12), saturated."""
    return saturate(value << (PREACTIVATION.fraction - CELL_STATE.fraction), PREACTIVATION.bits)


def cell_hidden(o: Any, tanh_c: Any) -> Any:
    """h = sat8(round(o * tanh(c'))): Q0.15 * Q0.15 to int8 Q0.7."""
    return saturate(round_shift(o * tanh_c, 2 * GATE.fraction - HIDDEN.fraction), HIDDEN.bits)


def gru_candidate(x: Any, r: Any, h: Any) -> Any:
    """sat16(round(x + r*h)): what goes into a GRU's tanh, Q3.12.

    x and h are the sums of the input and of the hidden state, each with its bias, Q3.12; the gate r
    is Q0.15. The product is rounded once, together with the sum.
    """
    return saturate(round_shift((x << GATE.fraction) + r * h, GATE.fraction), PREACTIVATION.bits)


def gru_hidden(z: Any, n: Any, h: Any) -> Any:
    """h' = n + round(z*(h - n)): all in Q0.15.

    z is between 0 and 1, so h' is between n and h, and nothing saturates.
    """
    return n + round_shift(z * (h - n), GATE.fraction)


def joint_activation(value: Any) -> Any:
    """An int8 activation as int16: 16 times as much, so that Q0.7 becomes Q4.11."""
    return value << (JOINT.fraction - ACTIVATION.fraction)


def add_joint(a: Any, b: Any) -> Any:
    """sat16(a + b), both int16 Q4.11."""
    return saturate(a + b, JOINT.bits)


def hidden_int8(value: Any) -> Any:
    """A number in Q0.15 (tanh, sigmoid, a GRU's h) as int8 Q0.7, rounded and saturated at 127.

    A sigmoid is 0 to 127 then, and 64 where it is one half.
    """
    return saturate(round_shift(value, GATE.fraction - HIDDEN.fraction), HIDDEN.bits)


def drain_int8(value: Any) -> Any:
    """A requantised value as int8, saturated; its scale is the consumer's business."""
    return saturate(value, ACTIVATION.bits)
