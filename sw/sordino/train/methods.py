"""A recipe's tables for what is special in a training: low bits, zeros, a teacher."""

from dataclasses import dataclass

from sordino.train.checks import one_of, within

__all__ = ["QuantiseRecipe", "SparsifyRecipe", "TeacherRecipe"]

_UNITS = ("single", "connection")


@dataclass(frozen=True, kw_only=True)
class QuantiseRecipe:
    """Weights that lie on the compiler's grid while training (straight through: forward rounded,
    backward as if not).

    bits   of a weight: the 2^bits − 1 values evenly spaced around zero; 0: not quantised
    clip   largest weight of a matrix that the grid reaches, as a quantile of its magnitudes
    """

    bits: int = 0
    clip: float = 0.997

    def __post_init__(self) -> None:
        if self.bits != 0:
            within(self, "bits", 2, 8)
        within(self, "clip", 0.5, 1)


@dataclass(frozen=True, kw_only=True)
class SparsifyRecipe:
    """Weights that become zero while training, by magnitude, along a cubic schedule (M. Zhu and
    S. Gupta, "To prune, or not to prune", 2017, arXiv:1710.01878).

    zeros        share of every matrix but the embedding at the end; 0: none
    unit         what becomes zero: single weights, or whole connections (an LSTM's four gates'
                 weights of one input and one unit; elsewhere one column in four neighbouring rows)
    end          share of all steps after which the final share is reached
    every        steps from one choice of the zeros to the next
    """

    zeros: float = 0.0
    unit: str = "single"
    end: float = 0.5
    every: int = 20

    def __post_init__(self) -> None:
        within(self, "zeros", 0, 0.999)
        one_of(self, "unit", _UNITS)
        within(self, "end", 0.001, 1)
        within(self, "every", 1, 100_000)


@dataclass(frozen=True, kw_only=True)
class TeacherRecipe:
    """A larger network to learn from (`sordino train --teacher`).

    weight  of the divergence between what teacher and network expect at every node of the lattice
            (S. Panchapagesan et al., "Efficient knowledge distillation for RNN-transducer models",
            2021, arXiv:2011.06110), in nats a node; with a `labels` of false, 0 still learns from
            what the teacher wrote
    labels  true: transcripts are the data's; false: they are never read, the teacher writes them
    """

    weight: float = 0.0
    labels: bool = True

    def __post_init__(self) -> None:
        within(self, "weight", 0, 1000)

    @property
    def used(self) -> bool:
        """Whether there is anything to learn from a teacher."""
        return bool(self.weight) or not self.labels
