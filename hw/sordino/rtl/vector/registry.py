"""The kinds of recurrent cells that the vector unit computes."""

from sordino.rtl.vector.gru import Gru
from sordino.rtl.vector.kind import Keeps, Kind
from sordino.rtl.vector.lstm import Lstm

__all__ = ["KINDS"]

KINDS: tuple[Kind, ...] = (Lstm(), Gru())
"""The kinds by their numbers, which are the circuit's own.

Where no unit is at work the number is 0. A single value then takes the way of gate 2, which number
0 must leave alone.
"""
assert KINDS[0].keeps is Keeps.SUM
