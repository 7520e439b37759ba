"""A transducer whose probabilities are drawn: it writes words of A and B."""

from functools import cache

import numpy as np

__all__ = ["Liking", "Toy", "input_of"]


class Toy:
    """Its state is the tokens so far, `most` at the most."""

    def __init__(self, seed: int, most: int = 5, pieces: bool = False) -> None:
        self.tokens = ["<blank>", "▁A", "B", "▁", "A "] if pieces else ["<blank>", " ", "A", "B"]
        self._seed, self._most, self.blank, self.max_symbols = seed, most, 0, 3
        self.scores = cache(self._draw)

    def encode(self, x):
        return list(range(len(x)))

    def start(self):
        return ()

    def advance(self, state, token):
        return (*state, token)

    def _draw(self, frame, state):
        generator = np.random.default_rng([self._seed, frame, *state])
        drawn = generator.exponential(size=len(self.tokens)) ** 2
        if len(state) == self._most:
            drawn[1:] = 0
        with np.errstate(divide="ignore"):
            return np.log(drawn / drawn.sum())


class Liking:
    """A fusion that adds for every token 2, whatever is heard."""

    def start(self):
        return 0

    def advance(self, state, token):
        return state + (token == 2)

    def score(self, state):
        return 2.5 * state

    def final(self, state):
        return 2.5 * state


def input_of(frames: int) -> np.ndarray:
    return np.zeros((frames, 6), np.int8)
