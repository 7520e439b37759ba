"""The GRU: n = tanh(sat16(round(n_x + r*n_h))), h' = n + round(z*(h - n))."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Value

from sordino.arith import GATE
from sordino.isa import operations
from sordino.rtl.shared.rounding import round_shifted
from sordino.rtl.vector.kind import ALIGN, SUM_SHIFT, Hold, Keeps, Kind, Multiply

__all__ = ["Gru"]

# n_x is as far left in the sum as r*n_h, and the same shift leaves Q3.12.
_ALIGN = GATE.fraction + ALIGN
assert _ALIGN == SUM_SHIFT


class Gru(Kind):
    """Sums 0 to 3 are n_h r n_x z; the state is h.

    Its twins are `sordino.arith.gru_candidate` and `sordino.arith.gru_hidden`.
    """

    operation = operations.Gru
    keeps = Keeps.HIDDEN

    def factor(self, sums: Sequence[Value], state: Value) -> Any:
        """n_h, which r multiplies."""
        return sums[0]

    def addend(
        self, sums: Sequence[Value], gates: Sequence[Value], hold: Hold, multiply: Multiply
    ) -> Any:
        """n_x."""
        return hold(sums[2]).shift_left(_ALIGN)

    def argument(self, total: Value) -> Any:
        """The sum as it is."""
        return total

    def offset(self, state: Value) -> Any:
        """h of the step before."""
        return state

    def result(self, tanh: Value, product: Value) -> Any:
        """n - round(z*(n - h)), which is n + round(z*(h - n)): halves go away from zero."""
        return tanh - round_shifted(product, GATE.fraction)
