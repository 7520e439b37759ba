"""What the vector unit computes, on numpy int64 arrays.

The arithmetic is `sordino.arith`'s; here are only the places that operands come from.
"""

import numpy as np
from numpy.typing import NDArray

from sordino import arith
from sordino.arch import QUAD
from sordino.isa.choices import Function
from sordino.isa.parameters import PARAMETER_BYTES

__all__ = [
    "add",
    "argmax",
    "bias_words",
    "drain",
    "embedding_words",
    "index_words",
    "multiply",
    "sigmoid",
    "tanh",
    "unit_lanes",
]

Ints = NDArray[np.int64]

_TANH = (np.array(arith.TANH.knots, np.int64), np.array(arith.TANH.slopes, np.int64))
_SIGMOID = (np.array(arith.SIGMOID.knots, np.int64), np.array(arith.SIGMOID.slopes, np.int64))


def tanh(z: Ints) -> Ints:
    """tanh of int16 Q3.12 as int16 Q0.15."""
    return np.asarray(arith.tanh(z, *_TANH))


def sigmoid(z: Ints) -> Ints:
    """The logistic function of int16 Q3.12 as int16 Q0.15."""
    return np.asarray(arith.sigmoid(z, *_SIGMOID))


_CURVES = {Function.TANH: tanh, Function.SIGMOID: sigmoid}


def bias_words(parameters: bytes, word: int, count: int) -> Ints:
    """`count` int32 from parameter word `word` on, four a word."""
    return np.frombuffer(parameters, "<i4", count, word * PARAMETER_BYTES).astype(np.int64)


def index_words(parameters: bytes, word: int, count: int) -> tuple[Ints, Ints]:
    """Biases and indices of `count` ARGMAX entries from parameter word `word` on."""
    pairs = bias_words(parameters, word, 2 * count).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def embedding_words(parameters: bytes, word: int, count: int) -> Ints:
    """`count` int8 from parameter word `word` on, sixteen a word."""
    return np.frombuffer(parameters, np.int8, count, word * PARAMETER_BYTES).astype(np.int64)


def unit_lanes(units: int, lanes: int) -> Ints:
    """Where gates stand: (4, units) flat indices row * lanes + lane, gates 0 to 3.

    Unit u is at row u // quads and quad u % quads, its gate k on lane (k + row) mod 4 of the quad.
    """
    row, quad = np.divmod(np.arange(units), lanes // QUAD)
    gate = np.arange(QUAD)[:, np.newaxis]
    return np.asarray(row * lanes + QUAD * quad + (gate + row) % QUAD)


def drain(
    accumulators: Ints, biases: Ints, *, wide: bool, function: Function, multiplier: int, shift: int
) -> Ints:
    """What DRAIN stores of each slot: int16 if `wide`, else int8."""
    if wide:
        return np.asarray(arith.gate_preactivation(accumulators, biases, multiplier, shift))
    return _finish(function, accumulators + biases, multiplier, shift)


def _finish(function: Function, value: Ints, multiplier: int, shift: int) -> Ints:
    if function in _CURVES:
        z = arith.saturate(arith.requantise(value, multiplier, shift), arith.PREACTIVATION.bits)
        return _curve(function, z)
    if function is Function.RELU:
        # rq keeps the sign: RELU before it is RELU after it.
        value = np.maximum(value, 0)
    return np.asarray(arith.drain_int8(arith.requantise(value, multiplier, shift)))


def _curve(function: Function, z: Ints) -> Ints:
    """The tanh or the sigmoid of Q3.12 as int8."""
    return np.asarray(arith.hidden_int8(_CURVES[function](z)))


def add(
    a: Ints,
    b: Ints,
    *,
    wide: bool = False,
    function: Function = Function.NONE,
    multiplier: int,
    shift: int,
) -> Ints:
    """What ADD stores of two int16: int16 if `wide`, else int8.

    TANH and SIGMOID use neither multiplier nor shift.
    """
    value = arith.add_joint(a, b)
    if wide:
        return np.asarray(arith.gate_preactivation(value, 0, multiplier, shift))
    if function in _CURVES:
        return _curve(function, arith.joint_preactivation(value))
    return _finish(function, value, multiplier, shift)


def multiply(state: Ints, activation: Ints, *, wide: bool, multiplier: int, shift: int) -> Ints:
    """What MULTIPLY stores of int16 times int8: int16 if `wide`, else int8."""
    value = state.astype(np.int64) * activation
    if wide:
        no_bias = np.zeros_like(value)
        return np.asarray(arith.gate_preactivation(value, no_bias, multiplier, shift))
    return np.asarray(arith.drain_int8(arith.requantise(value, multiplier, shift)))


def argmax(accumulators: Ints, biases: Ints, indices: Ints) -> int:
    """Lowest index of the largest accumulator + bias; negative indices do not count; 0 if none."""
    taken = indices >= 0
    if not taken.any():
        return 0
    values = (accumulators + biases)[taken]
    return int(indices[taken][values == values.max()].min())
