"""tANS encoder: the inverse of the decoder table that `image.tans.expand` makes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sordino.arch import STREAM_WORD_BITS
from sordino.codec.alphabet import Alphabet
from sordino.image.tans import Symbol, expand

__all__ = ["Encoder"]

# A step of the encoder in one integer: state before, number of fresh bits, their value.
_STATE_BITS = 9
_COUNT_BITS = 4


class Encoder:
    """An encoder of streams with one table of symbols.

    Values are those of the symbols without `padding`, or PADDING for the one with it. A table
    whose symbols do not fit the image is refused (EncodingError, TableError).
    """

    def __init__(self, symbols: Sequence[Symbol], state_bits: int) -> None:
        self._state_bits = state_bits
        for symbol in symbols:
            symbol.encode()
        self._alphabet = Alphabet(symbols)
        self._extras = np.array([symbol.extra for symbol in symbols], np.int64)
        self._steps = _steps(symbols, state_bits)

    def encode(self, values: NDArray[np.int64]) -> tuple[NDArray[np.uint16], int]:
        """The stream of these values as words and its exact length in bits.

        No values make no words. Raises ValueError where a value has no symbol.
        """
        if not values.size:
            return np.zeros(0, np.uint16), 0
        numbers, raw = self._alphabet.split(values)
        state, steps = 0, []
        table = self._steps
        mask = (1 << _STATE_BITS) - 1
        # The decoder ends in state 0, so encoding starts there, with the last symbol.
        for number in numbers[::-1].tolist():
            step = table[number][state]
            steps.append(step)
            state = step & mask
        taken = np.array(steps[::-1], np.int64) >> _STATE_BITS
        bits = taken & ((1 << _COUNT_BITS) - 1)
        codes = (taken >> _COUNT_BITS) | raw << bits
        return _pack(
            np.concatenate(([state], codes)),
            np.concatenate(([self._state_bits], bits + self._extras[numbers])),
        )


def _steps(symbols: Sequence[Symbol], state_bits: int) -> list[list[int]]:
    """The state before, and the fresh bits in between, for each symbol and state after it."""
    number_of = {symbol: number for number, symbol in enumerate(symbols)}
    steps = np.zeros((len(symbols), 1 << state_bits), np.int64)
    for state, entry in enumerate(expand(symbols, state_bits)):
        fresh = np.arange(1 << entry.bits)
        steps[number_of[entry.symbol], entry.next_base + fresh] = (
            fresh << _COUNT_BITS | entry.bits
        ) << _STATE_BITS | state
    listed: list[list[int]] = steps.tolist()
    return listed


def _pack(codes: NDArray[np.int64], lengths: NDArray[np.int64]) -> tuple[NDArray[np.uint16], int]:
    """Concatenate codes of at most 16 bits, least significant bit first."""
    ends = np.cumsum(lengths)
    starts = ends - lengths
    word, shift = starts // STREAM_WORD_BITS, starts % STREAM_WORD_BITS
    shifted = codes << shift
    total = int(ends[-1])
    words = -(-total // STREAM_WORD_BITS)
    # Codes share no bit, so sums are unions; they stay far below 2^53.
    low = np.bincount(word, shifted & 0xFFFF, words + 1)
    high = np.bincount(word + 1, shifted >> STREAM_WORD_BITS, words + 1)
    return (low[:words] + high[:words]).astype(np.uint16), total
