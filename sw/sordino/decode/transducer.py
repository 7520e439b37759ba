"""A transducer as the search sees it, whoever computes it."""

from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.model.reference import FloatRnnt, Predicted
from sordino.model.rnnt import RnntModel

__all__ = ["FloatTransducer", "Transducer", "log_softmax"]

_Floats = NDArray[np.float64]
State = TypeVar("State")


class Transducer(Protocol[State]):
    """An RNN-T in its three parts; `State` is the prediction network's, never changed in place."""

    @property
    def tokens(self) -> list[str]:
        """The text of every token."""

    @property
    def blank(self) -> int:
        """The token that stands for no token."""

    @property
    def max_symbols(self) -> int:
        """The number of tokens in one frame at most."""

    def encode(self, x: NDArray[Any]) -> NDArray[Any]:
        """One vector a frame, (T, joint), for an input (frames, dim)."""

    def start(self) -> State:
        """The state before the first token."""

    def advance(self, state: State, token: int) -> State:
        """The state after one more token."""

    def scores(self, encoded: NDArray[Any], state: State) -> _Floats:
        """Natural logarithms of all tokens' probabilities (tokens,) at one of `encode`'s."""


def log_softmax(logits: _Floats) -> _Floats:
    """Logarithms of probabilities from logits."""
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


class FloatTransducer:
    """A model in floating point.

    Its input is the machine's, int8, of which the model sees the value, or float as the features
    are before they are rounded.
    """

    def __init__(self, model: RnntModel) -> None:
        self._network = FloatRnnt(model.arrays(), model.meta)
        self._step = 2.0**-model.input_fraction
        self.tokens, self.blank = model.tokens, model.blank
        self.max_symbols = model.max_symbols

    def encode(self, x: NDArray[np.int8] | _Floats) -> _Floats:
        """The encoder's half of the joint."""
        if x.ndim != 2:
            raise InputError(f"wanted input of shape (frames, dim), got {x.shape}")
        return self._network.encoder_half(x * self._step if x.dtype == np.int8 else x)

    def start(self) -> Predicted:
        """The state before the first token."""
        return self._network.start()

    def advance(self, state: Predicted, token: int) -> Predicted:
        """The state after one more token."""
        return self._network.advance(state, token)

    def scores(self, encoded: _Floats, state: Predicted) -> _Floats:
        """Natural logarithms of the probabilities of all tokens, (tokens,)."""
        return log_softmax(self._network.logits(encoded, state))
