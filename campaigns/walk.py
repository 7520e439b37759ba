"""All trainings of the repository's recipes, in the order in which they need each other."""

from collections.abc import Iterator
from pathlib import Path

import click

from campaigns.common import RECIPES, corpus_in, sordino
from campaigns.post_training import compress_run, untrained_name
from campaigns.synthetic_speech import RECORDINGS, draw_lines, speak
from sordino.compiler.numbers.precision import Precision
from sordino.speech.corpora.datasets import load_dataset
from sordino.train.ancestry import Step, steps_in

__all__ = ["train_all"]

_CORPORA = {"fsdd": "fsdd/recordings"}
"""Where a recipe's own corpus is in the folder of the recordings, if it is not AN4."""
_LEFT_OUT = ("smoke",)
"""What is no measurement: it is a campaign of its own."""
_SYNTHETIC = "synthetic"
_ROUNDED = "an4_causal"
"""The float training that is rounded and pruned, without training on, in so many ways."""
_UNTRAINED = (
    *((bits, 0.0, "layer_adaptive") for bits in (8, 5, 4, 3, 2)),
    *((5, zeros, "layer_adaptive") for zeros in (0.5, 0.8, 0.9)),
    *((5, zeros, "even") for zeros in (0.5, 0.8)),
)
"""Bits, zeros, and how these are shared out."""


def train_all(data: Path, runs: Path) -> list[Path]:
    """Train what is missing, and return all folders in the order of the page.

    Float trainings come first, then what is made small, then what was rounded without training,
    then what is measured on another corpus.
    """
    steps = [step for step in steps_in(RECIPES, runs) if step.recipe.name not in _LEFT_OUT]
    _speak(data, runs / _SYNTHETIC, steps)
    for step in steps:
        _train(step, data, runs)
    rounded = list(_round(data, runs))
    own = [step for step in steps if step.recipe.name not in _CORPORA]
    others = [step.folder for step in steps if step.recipe.name in _CORPORA]
    floats = [step.folder for step in own if not step.recipe.quantise.bits]
    small = [step.folder for step in own if step.recipe.quantise.bits]
    return [*floats, *small, *rounded, *others]


def _speak(data: Path, folder: Path, steps: list[Step]) -> None:
    """Synthetic speech, where a recipe wants it and it is not there whole."""
    wanted = any(_SYNTHETIC in step.recipe.also for step in steps)
    if wanted and not (folder / "transcripts.tsv").is_file():
        known = sorted({u.text for u in load_dataset(corpus_in(data), "train")})
        speak(draw_lines(RECORDINGS, 1, known), folder)


def _train(step: Step, data: Path, runs: Path) -> None:
    if step.trained:
        if (state := step.state) != "trained":
            click.echo(f"{step.recipe.name} is {state}; delete {step.folder} to train it", err=True)
        return
    inside = _CORPORA.get(step.recipe.name)
    corpus = corpus_in(data) if inside is None else data / inside
    sordino("train", step.path, "--data", corpus, "-o", step.folder, "--runs", runs)


def _round(data: Path, runs: Path) -> Iterator[Path]:
    for bits, zeros, shares in _UNTRAINED:
        folder = runs / untrained_name(bits, zeros, shares)
        if not (folder / "result.json").is_file():
            compress_run(
                *(runs / _ROUNDED, corpus_in(data), folder),
                precision=Precision(bits, "uniform"),
                zeros=zeros,
                unit="connection",
                shares=shares,
            )
        yield folder
