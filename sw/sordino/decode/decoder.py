"""A decoder from model input to words: a transducer, a search, and what is beside it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.decode.beam import BeamOptions, Fusion, Hypothesis, beam_search
from sordino.decode.phrases.fusion import PhraseFusion
from sordino.decode.sum import FusionSum
from sordino.decode.trace import Trace
from sordino.decode.transducer import Transducer
from sordino.speech.text import spell

__all__ = ["Decoder"]


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """A transducer, the options of its search, and what else has a say in it, if anything has."""

    transducer: Transducer[Any]
    options: BeamOptions
    fusion: Fusion | None = None

    @property
    def phrases(self) -> PhraseFusion | None:
        """The phrases that take part in the search, if any do."""
        parts = self.fusion.parts if isinstance(self.fusion, FusionSum) else (self.fusion,)
        return next((part for part in parts if isinstance(part, PhraseFusion)), None)

    def hypotheses(self, x: NDArray[Any], trace: Trace | None = None) -> list[Hypothesis]:
        """The hypotheses for an input (frames, dim), best first; to `trace` all that was seen."""
        return beam_search(self.transducer, np.asarray(x), self.options, self.fusion, trace)

    def spelt(self, hypothesis: Hypothesis) -> str:
        """The words of a hypothesis."""
        return spell(self.transducer.tokens[token] for token in hypothesis.tokens)

    def text(self, x: NDArray[Any]) -> str:
        """The words of the best hypothesis."""
        return self.spelt(self.hypotheses(x)[0])
