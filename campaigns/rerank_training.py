"""How the re-ranker's small recurrent language model is trained: the numbers."""

from dataclasses import dataclass

__all__ = ["Training"]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the model is trained.

    sentences   that it sees, each once
    transcripts the share of them that are transcripts; the others are drawn from the grammar
    hidden      units of its layer; `width` of the words' vectors
    batch       sentences of a step, of about the same length
    rate        the largest learning rate of one cycle
    dropout     of vectors and of the layer's outputs
    """

    sentences: int = 250_000
    transcripts: float = 0.25
    hidden: int = 128
    width: int = 48
    batch: int = 128
    rate: float = 4e-3
    dropout: float = 0.1
    seed: int = 0
