"""What recurrent cells compute, on numpy int64 arrays.

A step takes the accumulators and biases of the four gates (4, units), the state (units,) that the
units keep, and multiplier and shift. It returns the new state and, as int8, the hidden state, both
(units,).
"""

from collections.abc import Callable, Mapping

from sordino import arith
from sordino.golden.vector import Ints, sigmoid, tanh
from sordino.isa import operations as ops
from sordino.isa.instruction import Instruction

__all__ = ["STEPS", "Step", "gru", "lstm"]

Step = Callable[..., tuple[Ints, Ints]]
"""One step of all units."""


def lstm(gates: Ints, biases: Ints, c: Ints, *, multiplier: int, shift: int) -> tuple[Ints, Ints]:
    """New cell state of an LSTM, Q4.11, and its hidden state; its gates are i f g o."""
    z = arith.gate_preactivation(gates, biases, multiplier, shift)
    i, f, o = sigmoid(z[[0, 1, 3]])
    c = arith.cell_state(i, f, tanh(z[2]), c)
    return c, arith.cell_hidden(o, tanh(arith.joint_preactivation(c)))


def gru(sums: Ints, biases: Ints, h: Ints, *, multiplier: int, shift: int) -> tuple[Ints, Ints]:
    """New hidden state of a GRU, Q0.15, and the same as int8; its sums are n_h r n_x z."""
    v = arith.gate_preactivation(sums, biases, multiplier, shift)
    r, z = sigmoid(v[[1, 3]])
    n = tanh(arith.gru_candidate(v[2], r, v[0]))
    h = arith.gru_hidden(z, n, h)
    return h, arith.hidden_int8(h)


STEPS: Mapping[type[Instruction], Step] = {ops.Cell: lstm, ops.Gru: gru}
"""The step that each operation executes."""
