"""HTK's standard lattice format, version 1.1: words and both logarithms on links, times at nodes.

The links that end an utterance have the word !NULL and lead to the one node after all others.
"""

from fractions import Fraction

from sordino.errors import InputError
from sordino.lattice.scored import ScoredLattice

__all__ = ["slf_text"]

_NULL = "!NULL"


def slf_text(lattice: ScoredLattice, name: str, seconds: Fraction | None) -> str:
    """A lattice's file; `seconds` are those of a frame, None where nobody knows: no times then.

    Logarithms are natural. Raises InputError for a name with white space.
    """
    if name.split() != [name]:
        raise InputError(
            f"wanted an utterance's name without spaces, got {name!r}; rename the file"
        )
    arcs, end = list(lattice.arcs()), len(lattice.states)
    lines = ["VERSION=1.1", f"UTTERANCE={name}", "base=2.718281828", "lmscale=1.0", "acscale=1.0"]
    lines += [f"start=0 end={end}", f"N={end + 1} L={len(arcs)}"]
    for number, ends in enumerate(lattice.ends(seconds)):
        time = "" if ends is None else f" t={ends:.3f}"
        lines.append(f"I={number}{time}")
    for place, (number, arc) in enumerate(arcs):
        target, word = (end, _NULL) if arc.word is None else (arc.target, _quoted(arc.word))
        logs = f"a={0.0 - arc.transducer:.9g} l={0.0 - arc.language:.9g}"
        lines.append(f"J={place} S={number} E={target} W={word} {logs}")
    return "".join(f"{line}\n" for line in lines)


def _quoted(word: str) -> str:
    """A word as HTK reads it: quotation marks at its begin, and backslashes, are marked."""
    word = word.replace("\\", "\\\\")
    return f"\\{word}" if word[0] in "'\"" else word
