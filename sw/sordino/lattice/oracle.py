"""How few errors a choice from a lattice could have: exact, by composition.

The reference, a transducer of edits (a word for itself costs nothing; for another, for none, or
none for a word, one) and the lattice make one graph; its shortest path is the answer. A state of it
is one of the lattice and the number of reference words behind it.
"""

from collections.abc import Sequence

import numpy as np

from sordino.lattice.graph import Lattice

__all__ = ["oracle_errors"]


def oracle_errors(lattice: Lattice, reference: Sequence[str]) -> int:
    """Word errors of the path that is nearest to a reference."""
    words = np.array([*reference], dtype=object)
    left = np.arange(len(words), -1, -1)
    """Errors where the lattice has ended and so many reference words are left."""
    least = [left] * (len(lattice.states) + 1)  # END is the last
    for number in range(len(lattice.states) - 1, -1, -1):
        found = np.full(len(left), np.iinfo(np.int64).max // 2)
        for arc in lattice.states[number].arcs:
            after = least[arc.target]
            if arc.word is None:
                np.minimum(found, after, out=found)
                continue
            np.minimum(found, after + 1, out=found)
            np.minimum(found[:-1], after[1:] + (words != arc.word), out=found[:-1])
        # Reference words that nothing stands for: each costs one more.
        found = np.minimum.accumulate((found + np.arange(len(left)))[::-1])[::-1]
        least[number] = found - np.arange(len(left))
    return int(least[0][0])
