"""From model input to words: a transducer, a search, and what else has a say."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.decode.beam import BeamOptions, Fusion, Hypothesis, beam_search
from sordino.decode.transducer import Transducer
from sordino.speech.text import spell

__all__ = ["Decoder"]


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """Everything that decoding needs."""

    transducer: Transducer[Any]
    options: BeamOptions
    fusion: Fusion | None = None

    def hypotheses(self, x: NDArray[Any]) -> list[Hypothesis]:
        """Of an input (frames, dim), best first."""
        return beam_search(self.transducer, np.asarray(x), self.options, self.fusion)

    def spelt(self, hypothesis: Hypothesis) -> str:
        """Its words."""
        return spell(self.transducer.tokens[token] for token in hypothesis.tokens)

    def text(self, x: NDArray[Any]) -> str:
        """The words of the best hypothesis."""
        return self.spelt(self.hypotheses(x)[0])
