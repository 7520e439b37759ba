"""End-pointers for one transducer: examples made, networks trained, weighed on training speakers.

Nothing here reads the development speakers. Every network is trained twice: without the `tuning`
speakers, to say what it is worth on them, and then on all.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import click
import numpy as np

from campaigns.common import MODELS, corpus_in, data_option, runs_option
from campaigns.endpoints_data import FRAME_MS, Sets
from sordino.endpoint.decisions import Level
from sordino.endpoint.export import save_endpointer
from sordino.endpoint.integers import IntegerEndpointer
from sordino.endpoint.judge import LEVELS, Grid, choose_final, network_frames
from sordino.endpoint.recipe import INPUTS, EndpointRecipe
from sordino.endpoint.sets import Example, read
from sordino.extras import needs
from sordino.speech.corpora.datasets import Split

__all__ = ["MODEL", "main", "scores_of"]

MODEL = MODELS / "voices_rnnt_causal.npz"
_MOST = 0.02
_TRIED = 2
"""Seeds below this were for trials; trainings splice with this one and on."""


def scores_of(tensors: dict[str, np.ndarray], recipe: EndpointRecipe,
              examples: list[Example]) -> list[np.ndarray]:  # fmt: skip
    """The machine's scores of examples."""
    inputs = [read(one, recipe.inputs) for one in examples]
    network = IntegerEndpointer(tensors, recipe.bits)
    return network.scores(inputs, [one.run for one in examples])


def _weigh(tensors: dict[str, np.ndarray], recipe: EndpointRecipe,
           examples: list[Example]) -> tuple[Level, float, float]:  # fmt: skip
    """The best level for a final decision on examples, the share cut early, and ms waited."""
    scores = scores_of(tensors, recipe, examples)
    found = Grid(network_frames(scores, examples), examples)
    point = choose_final(found, np.ones(len(examples), np.bool_), _MOST)
    early = found.early[point]
    return LEVELS[point], float(early.mean()), float(found.wait[point][~early].mean() * 40)


def _together(sets: Sets, splits: Sequence[Split], seed: int) -> list[Example]:
    """One version of all utterances of some splits."""
    return [one for split in splits for one in sets.spliced(split, seed)]


def _made(sets: Sets, recipe: EndpointRecipe, name: str, versions: int, weigh: bool) -> None:
    """One network: trained without the tuning speakers, weighed, trained on all, written."""
    from sordino.endpoint.network import Version, train  # imports torch, which is optional

    begin = time.process_time()

    def spliced(*splits: Split) -> list[Version]:
        seeds = range(_TRIED, _TRIED + versions)
        return [partial(_together, sets, splits, seed) for seed in seeds]

    judged, level = sets.behind("tuning"), Level(0.0, 1)
    if weigh:
        level, early, wait = _weigh(train(spliced("fitting"), recipe), recipe, judged)
        click.echo(
            f"{name}: on the tuning speakers {early:.1%} early at {wait:.0f} ms "
            f"({level.frames} frames of {level.threshold:g})"
        )
    tensors = train(spliced("fitting", "tuning"), recipe)
    widths = [read(judged[0], (one,)).shape[1] for one in recipe.inputs]
    save_endpointer(
        sets.folder / f"{name}.endpoint.npz",
        tensors,
        recipe,
        widths,
        {"speculative": level, "final": level},
        transducer=sets.sha256,
        frame_ms=float(FRAME_MS),
        recipe=" ".join(f"{key}={value}" for key, value in asdict(recipe).items()),
    )
    click.echo(f"{name}: {time.process_time() - begin:.0f} s of one core")


@click.command()
@data_option
@runs_option
@click.option(
    "--model",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=MODEL,
    help="The transducer.  [default: the repository's models/voices_rnnt_causal.npz]",
)
@click.option("--name", default="endpointer", show_default=True, help="What files begin with.")
@click.option("--seed", "seeds", type=click.IntRange(0, 9), multiple=True, default=(0, 1, 2),
              show_default=True, help="Networks that differ in what is drawn alone.")  # fmt: skip
@click.option("--weigh/--no-weigh", default=True,
              help="Train without the tuning speakers first, to see what it is worth.")  # fmt: skip
@click.option("--units", type=click.IntRange(1, 64), default=EndpointRecipe.units,
              show_default=True, help="Units of the LSTM.")  # fmt: skip
@click.option("--zeros", type=click.FloatRange(0, 0.99), default=EndpointRecipe.zeros,
              show_default=True, help="Share of its weights that become zero.")  # fmt: skip
@click.option("--input", "inputs", type=click.Choice(INPUTS), multiple=True,
              default=EndpointRecipe.inputs, show_default=True,
              help="What it reads beside the run of blanks.")  # fmt: skip
@click.option("--versions", type=click.IntRange(1, 9), default=6, show_default=True,
              help="How often each utterance is spliced; memory holds one at a time.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), default=EndpointRecipe.epochs,
              show_default=True, help="How often it sees each utterance.")  # fmt: skip
def main(
    data: Path,
    runs: Path,
    model: Path,
    name: str,
    seeds: tuple[int, ...],
    weigh: bool,
    units: int,
    zeros: float,
    inputs: tuple[str, ...],
    versions: int,
    epochs: int,
) -> None:
    """Train end-pointers beside a transducer; `endpoints` then chooses thresholds and reports."""
    with needs("training"):
        import torch
    torch.set_num_threads(1)
    sets = Sets(model, corpus_in(data), runs)
    recipe = EndpointRecipe(units=units, zeros=zeros, inputs=inputs, epochs=epochs)
    for seed in seeds:
        _made(sets, replace(recipe, seed=seed), f"{name}{seed}", versions, weigh)
    click.echo(f"{sets.folder}: {len(seeds)} end-pointers")
