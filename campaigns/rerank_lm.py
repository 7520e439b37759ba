"""The language models of the re-ranker: estimated, weighed on held-out speakers, and written.

The training speakers are parted into groups. Each group's transcripts are scored by models of the
others' transcripts; what the mixture's weights are, is chosen by these scores alone.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from campaigns.beam import ORDER
from campaigns.common import ROOT, data_option, output_option, write_page
from campaigns.rerank_training import Training
from sordino.decode.arpa import save_arpa
from sordino.decode.ngram import estimate
from sordino.extras import needs
from sordino.files import read_text, write_atomically
from sordino.lattice.scored import WordModel
from sordino.reference.markdown import table
from sordino.rerank.grammar.classes import Grammar, load_grammar, reweighted
from sordino.rerank.grammar.estimate import estimate_weights
from sordino.rerank.grammar.words import GrammarWords
from sordino.rerank.neural import NeuralWords, Recurrent, save_neural
from sordino.rerank.ngram_words import NgramWords
from sordino.speech.corpora.datasets import load_dataset

__all__ = ["FOLDER", "KINDS", "Scored", "best_weights", "main", "mixed", "models", "parts"]

FOLDER = ROOT / "sw" / "sordino" / "rerank" / "shipped"
PARTS = 5
KINDS = ("ngram", "grammar", "neural")
NAMES = {"ngram": f"word {ORDER}-gram", "grammar": "class grammar", "neural": "neural"}
MIXTURES = (("ngram",), ("ngram", "grammar"), ("ngram", "neural"), KINDS)
SHARE = 0.05
"""The weights are multiples of it."""
MEMORIES = (0.0, 0.5, 1.0)
SORTS = ("words", "spelled", "mixed")
"""Sentences without letters, of letters alone, and of both."""


@dataclass(frozen=True)
class Scored:
    """A sentence and the nats of each of its words and of its end, (words + 1,), by each model."""

    words: tuple[str, ...]
    nats: dict[str, tuple[float, ...]]

    @property
    def kind(self) -> str:
        """What it is made of."""
        letters = [len(word) == 1 for word in self.words]
        if all(letters):
            return "spelled"
        return "mixed" if any(letters) else "words"


def nats_of(model: WordModel, words: Sequence[str]) -> tuple[float, ...]:
    """The nats of each word and of the end; `-inf` after a word that is never said."""
    state, found = model.start(), list[float]()
    for word in words:
        state, nats = model.say(state, word)
        found.append(nats)
        if nats == -math.inf:
            return (*found, *[-math.inf] * (len(words) + 1 - len(found)))
    return (*found, model.finish(state))


def trained(
    grammar: Grammar,
    sentences: Sequence[Sequence[str]],
    training: Training,
) -> NeuralWords:
    """The neural model of a grammar and sentences; InputError where torch is missing."""
    with needs("campaign rerank-lm", "train"):
        from campaigns.rerank_neural import train
    words = sorted({*grammar.words, *(word for sentence in sentences for word in sentence)})
    return train(grammar, sentences, words, training)


def parts(speakers: Sequence[str]) -> dict[str, int]:
    """The group of each speaker."""
    return {name: number % PARTS for number, name in enumerate(sorted(set(speakers)))}


def models(
    grammar: Grammar, sentences: Sequence[Sequence[str]], training: Training
) -> tuple[dict[str, WordModel], dict[str, list[float]]]:
    """The models of these sentences, and the weights that the grammar has then."""
    flat = {name: [1.0] * len(ways) for name, ways in grammar.classes.items()}
    weights = estimate_weights(grammar.with_weights(flat), sentences)
    grammar = grammar.with_weights(weights)
    return {
        "ngram": NgramWords(estimate(sentences, ORDER)),
        "grammar": GrammarWords(grammar),
        "neural": Recurrent(trained(grammar, sentences, training)),
    }, weights


def stacked(scored: Sequence[Scored], kinds: Sequence[str]) -> NDArray[np.float64]:
    """The nats (models, sentences, words and ends), 0 after the end of a shorter sentence."""
    longest = max(len(each.words) + 1 for each in scored)
    found = np.zeros((len(kinds), len(scored), longest))
    for row, kind in enumerate(kinds):
        for column, each in enumerate(scored):
            found[row, column, : len(each.words) + 1] = each.nats[kind]
    return found


def mixed(
    nats: NDArray[np.float64], weights: Sequence[float], memory: float
) -> NDArray[np.float64]:
    """The nats of each sentence, (sentences,), by a `Mixture` of the models."""
    shares = np.repeat(np.log(weights)[:, None], nats.shape[1], axis=1)
    total = np.zeros(nats.shape[1])
    for place in range(nats.shape[2]):
        shares -= np.logaddexp.reduce(shares, axis=0)
        now = nats[:, :, place]
        total += np.logaddexp.reduce(shares + now, axis=0)
        said = now > -np.inf
        shares = np.where(said, shares + memory * np.where(said, now, 0.0), -np.inf)
    return total


def perplexity(
    scored: Sequence[Scored], kinds: Sequence[str], weights: Sequence[float], memory: float
) -> float:
    """The perplexity of words and ends by a mixture."""
    total = mixed(stacked(scored, kinds), weights, memory).sum()
    return math.exp(-total / sum(len(each.words) + 1 for each in scored))


def best_weights(
    scored: Sequence[Scored], kinds: Sequence[str], memory: float
) -> tuple[float, tuple[float, ...]]:
    """The least perplexity, and the weights that have it: multiples of SHARE."""
    steps = round(1 / SHARE)
    nats, count = stacked(scored, kinds), sum(len(each.words) + 1 for each in scored)
    least, chosen = math.inf, tuple[float, ...]()
    for point in product(range(1, steps + 1), repeat=len(kinds)):
        if sum(point) == steps:
            weights = tuple(n / steps for n in point)
            found = math.exp(-mixed(nats, weights, memory).sum() / count)
            least, chosen = min((least, chosen), (found, weights))
    return least, chosen


def _held_out(
    sentences: Sequence[tuple[str, tuple[str, ...]]], grammar: Grammar, training: Training
) -> list[Scored]:
    """Every speaker's sentences, by models of the other groups' ones."""
    group = parts([speaker for speaker, _ in sentences])
    found = []
    for number in range(PARTS):
        others = [words for speaker, words in sentences if group[speaker] != number]
        made, _ = models(grammar, others, training)
        for speaker, words in sentences:
            if group[speaker] == number:
                nats = {kind: nats_of(model, words) for kind, model in made.items()}
                found.append(Scored(words, nats))
        click.echo(f"group {number + 1} of {PARTS} is scored", err=True)
    return found


def _rows(scored: Sequence[Scored]) -> list[tuple[str, ...]]:
    rows = []
    for kinds in MIXTURES:
        for memory in MEMORIES if len(kinds) > 1 else (0.0,):
            least, weights = best_weights(scored, kinds, memory)
            sorts = [
                [s for s in scored if s.kind == kind] for kind in ("words", "spelled", "mixed")
            ]
            rows.append(
                (
                    " + ".join(NAMES[kind] for kind in kinds),
                    f"{memory:g}" if len(kinds) > 1 else "–",
                    " / ".join(f"{weight:g}" for weight in weights),
                    f"{least:.2f}",
                    *(f"{perplexity(sort, kinds, weights, memory):.2f}" for sort in sorts),
                )
            )
    return rows


def _write(
    grammar: Grammar,
    sentences: Sequence[Sequence[str]],
    training: Training,
    weights: Sequence[float],
    memory: float,
) -> dict[str, int]:
    """All files of the mixture; returns the bytes of each."""
    flat = {name: [1.0] * len(ways) for name, ways in grammar.classes.items()}
    found = estimate_weights(grammar.with_weights(flat), sentences)
    source = FOLDER / "grammar.toml"
    write_atomically(source, reweighted(read_text(source, "grammar"), found))
    grammar = load_grammar(source)
    save_arpa(estimate(sentences, ORDER), FOLDER / "words.arpa")
    save_neural(FOLDER / "neural.safetensors", trained(grammar, sentences, training))
    text = f"# Chosen by `make rerank-lm`: docs/results/rerank-lm.md.\nmemory = {memory:g}\n"
    files = {"ngram": "words.arpa", "grammar": "grammar.toml", "neural": "neural.safetensors"}
    for kind, weight in zip(KINDS, weights, strict=True):
        text += f'\n[{kind}]\nfile = "{files[kind]}"\nweight = {weight:g}\n'
    write_atomically(FOLDER / "models.toml", text)
    return {path.name: path.stat().st_size for path in sorted(FOLDER.iterdir())}


@click.command()
@data_option
@output_option("rerank-lm.md")
@click.option(
    "--sentences",
    type=click.IntRange(1),
    default=Training.sentences,
    show_default=True,
    help="Sentences that each neural model is trained on.",
)
def main(data: Path, output: Path, sentences: int) -> None:
    """Estimate and train the re-ranker's language models, and write them where they ship."""
    begin = time.process_time()
    training = Training(sentences=sentences)
    spoken = [(u.speaker, tuple(u.text.split())) for u in load_dataset(data / "an4", "train")]
    grammar = load_grammar(FOLDER / "grammar.toml")
    scored = _held_out(spoken, grammar, training)
    rows = _rows(scored)
    memory = min(MEMORIES, key=lambda memory: best_weights(scored, KINDS, memory)[0])
    _, weights = best_weights(scored, KINDS, memory)
    sizes = _write(grammar, [words for _, words in spoken], training, weights, memory)
    unsaid = sum(each.nats["grammar"][-1] == -math.inf for each in scored)
    chosen = " / ".join(f"{weight:g}" for weight in weights)
    page = [
        f"{len(scored)} transcripts of {len(parts([s for s, _ in spoken]))} training speakers of "
        f"AN4, in {PARTS} groups of speakers. Each group is scored by models of the other groups: "
        "the n-gram, the grammar's weights and the neural model have not seen it. The development "
        f"speakers take no part. The grammar does not say {unsaid} of the transcripts; there the "
        "other models are alone. Perplexities are of words and of ends.\n",
        f"Weights are multiples of {SHARE:g} with the least perplexity. Memory: how much a model's "
        "weight grows with the probability of what was said so far; 0 is interpolation word by "
        "word, 1 that of whole utterances.\n",
        f"Chosen: **{chosen}**, memory **{memory:g}**. The models that ship are then made of all "
        f"of these speakers. All of it took {(time.process_time() - begin) / 60:.0f} minutes of "
        "one core.\n",
        table(
            ("models", "memory", "weights", "perplexity", "words alone", "spelled", "mixed"), rows
        ),
        "\n## What ships\n",
        table(("file", "bytes"), [(name, f"{size:,}") for name, size in sizes.items()]),
    ]
    write_page(output, "Language models of the re-ranker", page)
