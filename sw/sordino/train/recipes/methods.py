"""A recipe's tables for what is special in a training: low bits, zeros, a teacher."""

from dataclasses import dataclass, field

from sordino.compiler.numbers.precision import CODEBOOKS, Precision
from sordino.compiler.numbers.prune import SHARES
from sordino.errors import InputError
from sordino.train.recipes.checks import one_of, plain_name, shown, within

__all__ = [
    "ContextRecipe",
    "DiscriminativeRecipe",
    "QuantiseRecipe",
    "SparsifyRecipe",
    "TeacherRecipe",
]

_UNITS = ("single", "connection")
_METHODS = {"straight_through": None, "absolute_cosine": "uniform", "regional": "lloyd-max"}
"""Ways to low bits, and the codebook that belongs to each."""


@dataclass(frozen=True, kw_only=True)
class QuantiseRecipe:
    """Weights of few bits, on the compiler's values at the end.

    bits      of a weight; 0: not quantised
    layers    other bits for the matrices whose names fit a pattern; the first that fits holds
    method    how weights come to lie on the values:
              straight_through  the forward pass sees rounded weights, the gradient passes as if
                                they were not
              absolute_cosine   a penalty |sin(π w / step)|, which is zero on the values of an even
                                grid, zero among them (H. D. Nguyen et al., "Quantization aware
                                training with absolute-cosine regularization for automatic speech
                                recognition", Interspeech 2020, moved by half a period)
              regional          the same between neighbouring Lloyd-Max values, and weights that are
                                set to the nearest value now and then (K. Zhen et al., "Sub-8-bit
                                quantization aware training for 8-bit neural network accelerator",
                                Interspeech 2022, arXiv:2206.15408)
    codebook  where the values lie: uniform, or lloyd-max; the methods with a penalty have theirs
    clip      largest weight of a matrix that an even grid reaches, as a quantile of its magnitudes
    every     steps from one fitting of Lloyd-Max values to the next; regional sets the weights to
              them then
    penalty   weight of the mean penalty beside the loss, at the end of its rise
    rise      share of all steps in which it grows there from zero, along a line
    """

    bits: int = 0
    layers: dict[str, int] = field(default_factory=dict)
    method: str = "straight_through"
    codebook: str = "uniform"
    clip: float = 0.997
    every: int = 50
    penalty: float = 10.0
    rise: float = 0.5

    def __post_init__(self) -> None:
        if self.bits != 0:
            within(self, "bits", 2, 8)
        elif self.layers:
            raise InputError("wanted bits in the recipe beside [quantise.layers], got none")
        for pattern, bits in self.layers.items():
            if not 2 <= bits <= 8:
                raise InputError(
                    f"wanted bits of {pattern} from 2 to 8 in the recipe, got {shown(bits)}"
                )
        one_of(self, "method", tuple(_METHODS))
        one_of(self, "codebook", CODEBOOKS)
        wanted = _METHODS[self.method] or self.codebook
        if self.codebook != wanted:
            raise InputError(
                f"wanted codebook {wanted!r} in the recipe, which method {self.method} is for, "
                f"got {self.codebook!r}"
            )
        within(self, "clip", 0.5, 1)
        within(self, "every", 1, 100_000)
        within(self, "penalty", 0, 1e9)
        within(self, "rise", 0, 1)

    @property
    def precision(self) -> Precision | None:
        """What the compiler makes of the trained weights; None where they stay float."""
        if not self.bits:
            return None
        return Precision(self.bits, self.codebook, tuple(self.layers.items()))


@dataclass(frozen=True, kw_only=True)
class SparsifyRecipe:
    """Weights that become zero while training, along a cubic schedule (M. Zhu and S. Gupta, "To
    prune, or not to prune", 2017, arXiv:1710.01878).

    zeros        share of the matrices (all but the embedding) at the end; 0: none
    shares       how it is spread: even, the same of every matrix; or layer_adaptive, by what each
                 would lose (`layer_adaptive_shares`)
    unit         what becomes zero: single weights, or whole connections (an LSTM's four gates'
                 weights of one input and one unit; elsewhere one column in four neighbouring rows)
    method       how they are found:
                 magnitude           the smallest; the gradient reaches them, and they may return
                 compressed_sensing  turns of two steps (K. Zhen et al., "Sparsification via
                                     compressed sensing for automatic speech recognition", ICASSP
                                     2021, arXiv:2102.04932): one in which all weights learn while
                                     a soft threshold pulls them to zero, and one in which the
                                     smallest are zero and the others alone make up for it
    shrink       the soft threshold after a step of the optimiser, in learning rates
    end          share of all steps after which the final share is reached
    every        steps from one choice of the zeros to the next
    """

    zeros: float = 0.0
    unit: str = "single"
    shares: str = "even"
    method: str = "magnitude"
    shrink: float = 0.1
    end: float = 0.5
    every: int = 20

    def __post_init__(self) -> None:
        within(self, "zeros", 0, 0.999)
        one_of(self, "unit", _UNITS)
        one_of(self, "shares", SHARES)
        one_of(self, "method", ("magnitude", "compressed_sensing"))
        within(self, "shrink", 0, 1000)
        within(self, "end", 0.001, 1)
        within(self, "every", 1, 100_000)


@dataclass(frozen=True, kw_only=True)
class TeacherRecipe:
    """A larger network to learn from.

    name    of the training that makes it; empty: `sordino train --teacher` says which
    weight  of the divergence between what teacher and network expect at every node of the lattice
            (S. Panchapagesan et al., "Efficient knowledge distillation for RNN-transducer models",
            2021, arXiv:2011.06110), in nats a node; with a `labels` of false, 0 still learns from
            what the teacher wrote
    labels  true: transcripts are the data's; false: they are never read, the teacher writes them
    """

    name: str = ""
    weight: float = 0.0
    labels: bool = True

    def __post_init__(self) -> None:
        if self.name:
            plain_name("name of [teacher]", self.name)
        within(self, "weight", 0, 1000)

    @property
    def used(self) -> bool:
        """Whether there is anything to learn from a teacher."""
        return bool(self.weight) or not self.labels


@dataclass(frozen=True, kw_only=True)
class ContextRecipe:
    """What the encoder has heard before an utterance begins: its state is carried over (A. Schwarz,
    I. Sklyar and S. Wiesler, "Improving RNN-T ASR accuracy using context audio", Interspeech 2021,
    arXiv:2011.10538). Context needs no transcript; nothing is lost or won on it.

    utterances  of the same speaker, those before it in the data; from none to this many are drawn
                each time; 0: the state is always zero at the beginning
    frames      input vectors of context at most: the last ones
    """

    utterances: int = 0
    frames: int = 200

    def __post_init__(self) -> None:
        within(self, "utterances", 0, 100)
        within(self, "frames", 1, 100_000)


@dataclass(frozen=True, kw_only=True)
class DiscriminativeRecipe:
    """Minimum word error rate training beside, or nearly instead of, the likelihood (J. Guo et al.,
    "Efficient minimum word error rate training of RNN-Transducer", Interspeech 2020,
    arXiv:2007.13802); from the first epoch without CTC alone.

    weight      of the expected word errors of an utterance above their mean; 0: not used
    hypotheses  of each utterance: the greedy one, and others that are drawn
    temperature of the distribution that they are drawn from: higher is more varied
    likelihood  weight of the other losses beside it
    """

    weight: float = 0.0
    hypotheses: int = 4
    temperature: float = 1.0
    likelihood: float = 0.1

    def __post_init__(self) -> None:
        within(self, "weight", 0, 1000)
        within(self, "hypotheses", 2, 64)
        within(self, "temperature", 0.01, 10)
        within(self, "likelihood", 0, 1000)
