"""A decoder from model input to words: a transducer, a search, and a language model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.decode.beam import BeamOptions, Fusion, Hypothesis, beam_search
from sordino.decode.trace import Trace
from sordino.decode.transducer import Transducer
from sordino.speech.text import spell

__all__ = ["Decoder"]


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """A transducer, the options of its search, and a language model beside it, if any."""

    transducer: Transducer[Any]
    options: BeamOptions
    fusion: Fusion | None = None

    def hypotheses(self, x: NDArray[Any], trace: Trace | None = None) -> list[Hypothesis]:
        """The hypotheses for an input (frames, dim), best first; to `trace` all that was seen."""
        return beam_search(self.transducer, np.asarray(x), self.options, self.fusion, trace)

    def spelt(self, hypothesis: Hypothesis) -> str:
        """The words of a hypothesis."""
        return spell(self.transducer.tokens[token] for token in hypothesis.tokens)

    def text(self, x: NDArray[Any]) -> str:
        """The words of the best hypothesis."""
        return self.spelt(self.hypotheses(x)[0])
