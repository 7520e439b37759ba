"""A lattice of what a search has looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.decode.beam import Hypothesis
from sordino.decode.decoder import Decoder
from sordino.decode.trace import Trace
from sordino.errors import InputError
from sordino.lattice.determinise import determinise
from sordino.lattice.graph import END, MOST_ARCS, MOST_STATES, Lattice
from sordino.lattice.reduce import Ways, minimise, prune, single, ways_of
from sordino.lattice.trellis import PARTS, Trellis

__all__ = ["RICH", "WIRE", "Form", "WordGraph", "listen", "word_graph"]

_MOST_PLACES = 4 * MOST_STATES
"""States of the deterministic graph, before it is pruned for a form and minimal."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """How much a lattice holds.

    nats   paths are left out that are so far behind the search's best, by the transducer
    arcs   words on ways for each word of the best path; where there are more, nats are fewer
    step   nats of a step of its costs
    times  whether it has the words' times
    """

    nats: float
    arcs: float
    step: float
    times: bool


WIRE = Form(nats=4.5, arcs=20.0, step=0.25, times=False)
"""What is sent."""
RICH = Form(nats=6.0, arcs=30.0, step=0.25, times=True)
"""More paths, and when words end. Both were chosen on training speakers, see docs/lattice.md."""


@dataclass(frozen=True)
class WordGraph:
    """All that may have been said, before a form is chosen.

    ways    the deterministic graph; costs in parts of a nat
    best    the words of the search's best path
    times   for each word of `best`, the frame of its last letter on the search's best path
    ends    for each state of `ways`, the frame of the last letter before it
    frames  of the utterance
    """

    ways: Ways
    best: tuple[str, ...]
    times: tuple[int, ...]
    ends: dict[int, int]
    frames: int

    def lattice(self, form: Form) -> Lattice:
        """The lattice of a form: minimal, deterministic, with the search's best path as its own."""
        most = int(form.nats * PARTS)
        lattice, stands = minimise(prune(self.ways, self.best, most), self.best, form.step)
        while most and not self._fits(lattice, form):
            most = max(0, most - PARTS // 4)
            lattice, stands = minimise(prune(self.ways, self.best, most), self.best, form.step)
        if not self._fits(lattice, form):
            lattice, stands = minimise(single(self.ways, self.best), self.best, form.step)
        if not form.times:
            return lattice
        # Alignments of one path cost the same here; which was the best, the search knows.
        words = (arc.target for arc in lattice.best_arcs() if arc.target != END)
        own = dict(zip(words, self.times, strict=True))
        states = [
            replace(state, frame=own.get(place, self.ends[number]))
            for place, (state, number) in enumerate(zip(lattice.states, stands, strict=True))
        ]
        return replace(lattice, states=tuple(states), frames=self.frames)

    def _fits(self, lattice: Lattice, form: Form) -> bool:
        most = min(MOST_ARCS - MOST_STATES, form.arcs * (len(self.best) + 1))
        return len(lattice.states) <= MOST_STATES and lattice.arcs <= most


def word_graph(
    trace: Trace, tokens: Sequence[str], best: Hypothesis, words: Sequence[str], *, signed: bool
) -> WordGraph:
    """The graph of a search's trace, whose best hypothesis spells `words`.

    `signed`: something else than the transducer took part in the search, so that its best may have
    others before it by the transducer alone. InputError where the best path has too many words.
    """
    if len(words) >= MOST_STATES:
        raise InputError(
            f"wanted an utterance of less than {MOST_STATES} words for a lattice, got "
            f"{len(words)}; cut it at a pause"
        )
    trellis = Trellis(trace, tokens, signed=signed)
    most = trellis.beyond(best.acoustic) + int(max(WIRE.nats, RICH.nats) * PARTS)
    places = determinise(trellis, words, most, _MOST_PLACES)
    ends = {number: place.frame for number, place in enumerate(places)}
    times = trellis.word_ends(best)
    return WordGraph(ways_of(places), tuple(words), times, ends, trellis.frames)


def listen(decoder: Decoder, x: NDArray[Any]) -> tuple[list[Hypothesis], WordGraph]:
    """The hypotheses for an input (frames, dim), best first, and the graph of all around them."""
    if not decoder.options.merge:
        raise InputError("wanted a search that merges paths for a lattice, got one without")
    trace = Trace()
    found = decoder.hypotheses(np.asarray(x), trace)
    signed = decoder.fusion is not None or decoder.options.internal > 0
    words = decoder.spelt(found[0]).split()
    return found, word_graph(trace, decoder.transducer.tokens, found[0], words, signed=signed)
