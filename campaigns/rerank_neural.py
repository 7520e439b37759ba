"""The training of the re-ranker's small recurrent language model, on one core."""

import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from campaigns.rerank_training import Training
from sordino.rerank.grammar.classes import Grammar
from sordino.rerank.grammar.sample import Sampler
from sordino.rerank.neural import END, UNKNOWN, NeuralWords

__all__ = ["train"]

_MOST_WORDS = 40
_IGNORED = -100
_WORD_DROPOUT = 0.01
"""So many words become the unknown one, which nothing says otherwise."""


class _Network(nn.Module):
    def __init__(self, count: int, options: Training) -> None:
        super().__init__()
        self.vectors = nn.Embedding(count, options.width)
        self.layer = nn.GRU(options.width, options.hidden, batch_first=True)
        self.output = nn.Linear(options.hidden, count)
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.layer(self.dropout(self.vectors(numbers)))
        return self.output(self.dropout(hidden))

    @torch.no_grad()
    def numbers(self, words: Sequence[str]) -> NeuralWords:
        layer = self.layer
        inputs = self.vectors.weight @ layer.weight_ih_l0.T + layer.bias_ih_l0
        return NeuralWords(
            tuple(words),
            inputs=inputs.numpy().copy(),
            hidden=layer.weight_hh_l0.numpy().copy(),
            bias=layer.bias_hh_l0.numpy().copy(),
            outputs=self.output.weight.numpy().copy(),
            output_bias=self.output.bias.numpy().copy(),
        )


def train(
    grammar: Grammar, transcripts: Sequence[Sequence[str]], words: Sequence[str], options: Training
) -> NeuralWords:
    """Train a model on sentences of a grammar and transcripts; the same seed, the same model."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    numbers = {word: number for number, word in enumerate(words, start=2)}
    texts = [
        [numbers.get(word, UNKNOWN) for word in text[:_MOST_WORDS]]
        for text in _texts(grammar, transcripts, options)
    ]
    network = _Network(len(words) + 2, options)
    batches = _batches(texts, options)
    optimiser = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=options.rate, total_steps=len(batches)
    )
    for batch in batches:
        said, wanted = _padded([texts[place] for place in batch])
        scores = network(said)
        loss = nn.functional.cross_entropy(
            scores.flatten(0, 1), wanted.flatten(), ignore_index=_IGNORED
        )
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return network.numbers(words)


def _texts(
    grammar: Grammar, transcripts: Sequence[Sequence[str]], options: Training
) -> list[Sequence[str]]:
    generator, sampler = random.Random(options.seed), Sampler(grammar, options.seed)
    return [
        generator.choice(transcripts)
        if generator.random() < options.transcripts
        else sampler.sentence()
        for _ in range(options.sentences)
    ]


def _batches(texts: Sequence[Sequence[int]], options: Training) -> list[list[int]]:
    """Places of sentences of about the same length, in any order."""
    generator, many = random.Random(options.seed), options.batch * 32
    found = []
    for begin in range(0, len(texts), many):
        places = range(begin, min(begin + many, len(texts)))
        part = sorted(places, key=lambda place: len(texts[place]))
        batches = [part[n : n + options.batch] for n in range(0, len(part), options.batch)]
        generator.shuffle(batches)
        found += batches
    return found


def _padded(texts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """What is said before each word, and the words and ends that follow."""
    longest = max(map(len, texts)) + 1
    said = np.full((len(texts), longest), END)
    wanted = np.full((len(texts), longest), _IGNORED)
    for row, text in enumerate(texts):
        said[row, 1 : len(text) + 1] = text
        wanted[row, : len(text)] = text
        wanted[row, len(text)] = END
    inputs = torch.from_numpy(said)
    lost = (torch.rand(inputs.shape) < _WORD_DROPOUT) & (inputs > UNKNOWN)
    return torch.where(lost, UNKNOWN, inputs), torch.from_numpy(wanted)
