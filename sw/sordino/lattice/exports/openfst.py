"""OpenFst, as text for `fstcompile` and as the binary that it makes of it.

A standard transducer over the tropical semiring: labels are words' numbers, in and out alike, costs
are both costs together, and a state where the utterance may end is final at that cost.
"""

import math
import struct

from sordino.lattice.exports.symbols import Symbols
from sordino.lattice.scored import ScoredLattice, ScoredState

__all__ = ["openfst_binary", "openfst_text"]

_MAGIC = 0x7EB2FDD6
_VERSION = 2
_EXPANDED_AND_MUTABLE = 3
"""The properties that every VectorFst has, and no others claimed."""


def openfst_text(lattice: ScoredLattice, symbols: Symbols) -> str:
    """A line a way: from, to, label in, label out, cost; or a final state and its cost."""
    lines = []
    for number, state in enumerate(lattice.states):
        for arc in state.arcs:
            if arc.word is None:
                lines.append(f"{number}\t{arc.cost:.9g}")
            else:
                label = symbols[arc.word]
                lines.append(f"{number}\t{arc.target}\t{label}\t{label}\t{arc.cost:.9g}")
    # The first line says which state is the first.
    lines.sort(key=lambda line: not line.startswith("0\t"))
    return "".join(f"{line}\n" for line in lines)


def openfst_binary(lattice: ScoredLattice, symbols: Symbols) -> bytes:
    """A VectorFst of standard arcs, without symbol tables."""
    kinds = b"".join(struct.pack("<i", len(kind)) + kind for kind in (b"vector", b"standard"))
    header = struct.pack("<i", _MAGIC) + kinds
    header += struct.pack("<iiQqqq", _VERSION, 0, _EXPANDED_AND_MUTABLE, 0, len(lattice.states), 0)
    return header + b"".join(_state(state, symbols) for state in lattice.states)


def _state(state: ScoredState, symbols: Symbols) -> bytes:
    final = next((arc.cost for arc in state.arcs if arc.word is None), math.inf)
    arcs = [arc for arc in state.arcs if arc.word is not None]
    data = struct.pack("<fq", final, len(arcs))
    for arc in arcs:
        label = symbols[arc.word]
        data += struct.pack("<iifi", label, label, arc.cost, arc.target)
    return data
