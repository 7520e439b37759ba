"""k2's text, for `Fsa.from_str`: scores, which are negative costs, and one final state."""

from sordino.lattice.exports.symbols import Symbols
from sordino.lattice.scored import ScoredLattice

__all__ = ["k2_text"]

_FINAL = -1
"""The label on all ways into the final state."""


def k2_text(lattice: ScoredLattice, symbols: Symbols) -> str:
    """A line a way: from, to, label, score; by where it begins; last the final state."""
    end, lines = len(lattice.states), []
    for number, arc in lattice.arcs():
        target, label = (end, _FINAL) if arc.word is None else (arc.target, symbols[arc.word])
        lines.append(f"{number} {target} {label} {0.0 - arc.cost:.9g}")
    return "".join(f"{line}\n" for line in [*lines, str(end)])
