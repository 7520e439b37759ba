"""The memories that programs write."""

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.isa.fields import Store

__all__ = ["Memory", "wrap"]


def wrap(value: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """The signed integers of `bits` bits that are congruent modulo 2^bits."""
    half = 1 << (bits - 1)
    return ((value + half) & ((1 << bits) - 1)) - half


class Memory:
    """All int64, and zero at first.

    activation   (activation_words,) within int8
    state        (state_words,) within int16
    banks        (2, rows_per_lane, lanes) accumulators within accumulator_bits
    """

    def __init__(self, config: Config) -> None:
        self.activation = np.zeros(config.activation_words, np.int64)
        self.state = np.zeros(config.state_words, np.int64)
        self.banks = np.zeros((2, config.rows_per_lane, config.lanes), np.int64)

    def store(self, store: Store) -> NDArray[np.int64]:
        """A memory by name, as a view; first axis its words (rows of a bank)."""
        match store:
            case Store.ACTIVATION:
                return self.activation
            case Store.STATE:
                return self.state
            case Store.BANK0 | Store.BANK1:
                bank: NDArray[np.int64] = self.banks[store.value - Store.BANK0.value]
                return bank
            case _:
                raise ValueError(f"{store.name} is not a memory")

    def clear(self) -> None:
        """Set every word to zero."""
        for array in (self.activation, self.state, self.banks):
            array[...] = 0
