"""Language models interpolated: the probability of each word is a weighted sum of theirs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sordino.errors import InputError
from sordino.lattice.scored import WordModel

__all__ = ["Mixed", "Mixture"]


@dataclass(frozen=True, slots=True)
class Mixed:
    """The states of the models, and logarithms of their weights; `-inf` for one that is out."""

    states: tuple[Any, ...]
    weights: tuple[float, ...]


class Mixture:
    """Models with a weight each, above 0, whose sum is made 1.

    memory  from 0 to 1: how much a model's weight grows with the probability of what was said so
            far. With 0 weights stay as they are; with 1 they are the chances that all of it is the
            model's, and the probability of a whole utterance is the weighted sum of theirs

    A model that says a word never (`-inf`) is out for the rest of the utterance, and the others'
    weights grow. InputError for weights that are none, and where no model is left that says a word.
    """

    def __init__(
        self, models: Sequence[WordModel], weights: Sequence[float], memory: float = 0.0
    ) -> None:
        if not models or len(models) != len(weights):
            raise InputError(
                f"wanted a weight for each of {len(models)} language models, got {len(weights)}"
            )
        for weight in weights:
            if not 0 < weight < math.inf:
                raise InputError(f"wanted weights above 0 for language models, got {weight}")
        if not 0 <= memory <= 1:
            raise InputError(f"wanted a memory from 0 to 1, got {memory}")
        total = math.fsum(weights)
        self._models, self._memory = tuple(models), memory
        self._start = tuple(math.log(weight / total) for weight in weights)

    def start(self) -> Mixed:
        """The state before the first word."""
        return Mixed(tuple(model.start() for model in self._models), self._start)

    def say(self, state: Mixed, word: str) -> tuple[Mixed, float]:
        """The state after one more word, and the nats for it."""
        states, logs = list(state.states), [-math.inf] * len(self._models)
        for number, model in enumerate(self._models):
            if state.weights[number] > -math.inf:
                states[number], logs[number] = model.say(state.states[number], word)
        nats = _log_sum([w + n for w, n in zip(state.weights, logs, strict=True)])
        if nats == -math.inf:
            raise InputError(f"wanted a language model that says any word, got none for {word!r}")
        after = [
            w + self._memory * n if n > -math.inf else -math.inf
            for w, n in zip(state.weights, logs, strict=True)
        ]
        total = _log_sum(after)
        return Mixed(tuple(states), tuple(weight - total for weight in after)), nats

    def finish(self, state: Mixed) -> float:
        """The nats for an end here."""
        return _log_sum(
            [
                weight + model.finish(each)
                for weight, model, each in zip(
                    state.weights, self._models, state.states, strict=True
                )
                if weight > -math.inf
            ]
        )


def _log_sum(logs: Sequence[float]) -> float:
    largest = max(logs)
    if largest == -math.inf:
        return largest
    return largest + math.log(math.fsum(math.exp(each - largest) for each in logs))
