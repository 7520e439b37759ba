"""Word errors of a network while it learns, and of its model in the machine's integers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from sordino.compiler.numbers.precision import Precision
from sordino.model.load import load_model
from sordino.speech.features import FeatureDefinition
from sordino.speech.wer import Wer, word_error_rate
from sordino.train.corpus.data import Spoken, in_order
from sordino.train.corpus.tokens import CHARACTERS, TokenSet
from sordino.train.integer_decoding import IntegerDecoder
from sordino.train.networks.network import Network
from sordino.train.recipes.methods import ContextRecipe

__all__ = ["Measure", "scores", "transcribe"]

_DECODED = 64
"""Utterances decoded at once."""


def transcribe(
    network: Network,
    spoken: Sequence[Spoken],
    definition: FeatureDefinition,
    tokens: TokenSet = CHARACTERS,
    context: ContextRecipe | None = None,
) -> list[str]:
    """The greedy transcripts of a network in the order of `spoken`, each after its context."""
    texts = [""] * len(spoken)
    for numbers, batch in in_order(spoken, definition, _DECODED, context):
        parts = (batch.x, batch.frames, batch.skipped)
        found = network.transcribe(*map(torch.from_numpy, parts))
        for number, said in zip(numbers, found, strict=True):
            texts[number] = tokens.spell(said)
    return texts


class Measure:
    """A measurement of word errors on the same utterances, made again whenever it is called."""

    def __init__(
        self, spoken: Sequence[Spoken], definition: FeatureDefinition, tokens: TokenSet
    ) -> None:
        self._spoken, self._definition, self._tokens = spoken, definition, tokens

    def network(self, network: Network, context: ContextRecipe | None = None) -> Wer:
        """The errors of a network; its encoder begins with a zero state, or after its context."""
        return self._score(
            transcribe(network, self._spoken, self._definition, self._tokens, context)
        )

    def machine(self, path: Path, precision: Precision) -> Wer:
        """The errors of an exported model on the exact machine."""
        model, definition = load_model(path), self._definition
        inputs = [definition.quantise(definition.model_input(s.cepstra)) for s in self._spoken]
        found = IntegerDecoder(model, precision).transcribe(inputs)
        return self._score([self._tokens.spell(said) for said in found])

    def _score(self, texts: Sequence[str]) -> Wer:
        """The word errors of the utterances that have a transcript."""
        known = [(s.text, text) for s, text in zip(self._spoken, texts, strict=True) if s.text]
        return word_error_rate([said for said, _ in known], [heard for _, heard in known])


def scores(score: Wer, machine: Wer | None, after: Wer | None) -> dict[str, Any]:
    """Word errors as `result.json` has them: as trained, on the machine, after context."""
    return {
        "wer": score.wer,
        "errors": score.errors,
        "words": score.words,
        "utterances": score.utterances,
        "utterance_errors": list(score.utterance_errors),
        "utterance_words": list(score.utterance_words),
        "context_wer": None if after is None else after.wer,
        "context_utterance_errors": None if after is None else after.utterance_errors,
        "machine_wer": None if machine is None else machine.wer,
        "machine_errors": None if machine is None else machine.errors,
        "machine_utterance_errors": None if machine is None else machine.utterance_errors,
    }
