"""A recipe's tables for what the network hears, and how large it is."""

from dataclasses import dataclass

from sordino.image.section.features import MEANS
from sordino.train.recipes.checks import one_of, within

__all__ = ["FeatureRecipe", "NetworkRecipe"]

_TOKENS = ("characters", "pieces")
_CHARACTERS = 28
"""A to Z, apostrophe and the space."""


@dataclass(frozen=True, kw_only=True)
class FeatureRecipe:
    """How recordings become input; the rest of the front end is `FeatureDefinition`'s default.

    stack                  frames of 10 ms in one input vector
    utterance_mean_weight  share of the utterance's mean that is subtracted
    global_mean_weight     share of the training data's mean that is subtracted
    mean_over              what the utterance's mean is taken over: the whole utterance, or what has
                           been heard of it (running): then nothing looks further ahead than the
                           deltas, 40 ms, and words can be recognised while spoken
    prior_frames           frames at the training data's mean with which a running mean begins
    fraction_bits          of the int8 input: 5 clips at ±4 standard deviations
    """

    stack: int = 3
    utterance_mean_weight: float = 0.7
    global_mean_weight: float = 0.3
    mean_over: str = "utterance"
    prior_frames: float = 100.0
    fraction_bits: int = 5

    def __post_init__(self) -> None:
        within(self, "stack", 1, 16)
        within(self, "utterance_mean_weight", 0, 1)
        within(self, "global_mean_weight", 0, 1)
        one_of(self, "mean_over", MEANS)
        within(self, "prior_frames", 0, 100_000)
        within(self, "fraction_bits", 0, 7)


@dataclass(frozen=True, kw_only=True)
class NetworkRecipe:
    """Sizes of the RNN-T.

    encoder_layers, encoder_hidden        LSTM layers over the input, and units of each
    embedding                             width of a token's embedding
    prediction_layers, prediction_hidden  LSTM layers over the tokens, and units of each
    joint_hidden                          width of the joint, whose activation is tanh
    max_symbols                           tokens in a frame at most, when decoding
    tokens                                what the network writes: characters, or word pieces of the
                                          training transcripts
    pieces                                how many word pieces, the letters among them
    """

    encoder_layers: int = 3
    encoder_hidden: int = 256
    embedding: int = 128
    prediction_layers: int = 1
    prediction_hidden: int = 128
    joint_hidden: int = 192
    max_symbols: int = 5
    tokens: str = "characters"
    pieces: int = 64

    def __post_init__(self) -> None:
        for name in ("encoder_layers", "prediction_layers"):
            within(self, name, 1, 16)
        for name in ("encoder_hidden", "embedding", "prediction_hidden", "joint_hidden"):
            within(self, name, 1, 4096)
        within(self, "max_symbols", 1, 100)
        one_of(self, "tokens", _TOKENS)
        within(self, "pieces", _CHARACTERS, 10_000)

    @property
    def token_count(self) -> int:
        """Tokens with the blank."""
        return 1 + (self.pieces if self.tokens == "pieces" else _CHARACTERS)
