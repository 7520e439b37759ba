"""The LSTM: c' = sat16(round(f*c + i*g)), h = sat8(round(o*tanh(c')))."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import C, Value

from sordino.arith import CELL_STATE, GATE, HIDDEN, PREACTIVATION
from sordino.isa import operations
from sordino.rtl.shared.rounding import round_shifted, saturated
from sordino.rtl.vector.kind import Hold, Keeps, Kind, Multiply

__all__ = ["Lstm"]


class Lstm(Kind):
    """Gates 0 to 3 are i f g o; the state is c.

    Its twins are `sordino.arith.cell_state`, `sordino.arith.joint_preactivation` and
    `sordino.arith.cell_hidden`.
    """

    operation = operations.Cell
    keeps = Keeps.SUM

    def factor(self, sums: Sequence[Value], state: Value) -> Any:
        """c, which f multiplies."""
        return state

    def addend(
        self, sums: Sequence[Value], gates: Sequence[Value], hold: Hold, multiply: Multiply
    ) -> Any:
        """i*g."""
        i, _, g, _ = gates
        return multiply(i, g)

    def argument(self, total: Value) -> Any:
        """c', which is Q4.11, saturated."""
        return saturated(
            total.shift_left(PREACTIVATION.fraction - CELL_STATE.fraction), PREACTIVATION.bits
        )

    def offset(self, state: Value) -> Any:
        """Nothing."""
        return C(0)

    def result(self, tanh: Value, product: Value) -> Any:
        """o*tanh(c') as int8."""
        return saturated(round_shifted(product, 2 * GATE.fraction - HIDDEN.fraction), HIDDEN.bits)
