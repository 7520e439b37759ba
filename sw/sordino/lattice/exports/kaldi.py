"""Kaldi's CompactLattice as text, for `ark,t:`: both costs apart, no alignments.

A weight is the graph's cost, the acoustic cost and transition numbers, here none; ours are the
language model's and the transducer's. Both are as they were used, so a scale of 1 is right for
both; to rescore, take the graph's cost off and add another.
"""

from sordino.errors import InputError
from sordino.lattice.exports.symbols import Symbols
from sordino.lattice.scored import ScoredArc, ScoredLattice

__all__ = ["kaldi_text"]


def kaldi_text(lattice: ScoredLattice, symbols: Symbols, name: str) -> str:
    """One entry of an archive: the name, a line a way or final state, and an empty line.

    Raises InputError for a name with white space.
    """
    if name.split() != [name]:
        raise InputError(
            f"wanted an utterance's name without spaces, got {name!r}; rename the file"
        )
    lines = [name]
    for number, arc in lattice.arcs():
        if arc.word is None:
            lines.append(f"{number}\t{_weight(arc)}")
        else:
            lines.append(f"{number}\t{arc.target}\t{symbols[arc.word]}\t{_weight(arc)}")
    ways, first = lines[1:], lines[:1]
    ways.sort(key=lambda line: not line.startswith("0\t"))
    return "".join(f"{line}\n" for line in [*first, *ways, ""])


def _weight(arc: ScoredArc) -> str:
    return f"{arc.language:.9g},{arc.transducer:.9g},"
