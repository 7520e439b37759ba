"""What each method of training costs: time of a step, on the same batches."""

import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import click

from campaigns.common import RECIPES, corpus_in, data_option, output_option, runs_option, write_page
from sordino.reference.markdown import table
from sordino.train.ancestry import Sources, Step, find_sources
from sordino.train.recipes.recipe import Recipe, load_recipe

__all__ = ["step_times"]

TIMED = (
    "an4_causal",
    "an4_causal_g4_80",
    "an4_cosine",
    "an4_regional",
    "an4_csp",
    "an4_mixed",
    "an4_distilled",
    "an4_context",
    "an4_causal_mwer",
)
"""The recipes of the page."""
HEADER = ("recipe", "what it is", "ms of the processor a step", "against the first")
_FIRST = 3
"""Steps that are not counted: memory is fetched and kernels are chosen in them."""


class _EnoughError(Exception):
    """Ends a training that has been timed."""


def step_times(recipe: Recipe, data: Path, steps: int, sources: Sources) -> list[float]:
    """Seconds of the processor for `steps` steps, none of CTC alone, from the fourth on."""
    from sordino.train.session import train  # imports torch, which is optional

    times: list[float] = []

    def on_step(done: int, _steps: int, _text: str) -> None:
        times.append(time.process_time())
        if done > _FIRST + steps:
            raise _EnoughError

    schedule = replace(recipe.schedule, ctc_epochs=0, measure_epochs=recipe.schedule.epochs)
    with tempfile.TemporaryDirectory() as folder, suppress(_EnoughError):
        train(
            *(replace(recipe, schedule=schedule), data, Path(folder)),
            also=sources.also,
            start=sources.start,
            teacher=sources.teacher,
            threads=1,
            on_step=on_step,
        )
    return [after - before for before, after in pairwise(times[_FIRST:])]


@click.command()
@click.argument("recipes", type=click.Path(path_type=Path), nargs=-1)
@data_option
@runs_option
@click.option("--steps", type=click.IntRange(1), default=12, show_default=True)
@output_option("training-time.md")
def main(
    recipes: tuple[Path, ...],
    data: Path,
    runs: Path,
    steps: int,
    output: Path,
) -> None:
    """Time steps of RECIPES, one thread, and write the page; the first is what others cost more."""
    rows, first, corpus = [], None, corpus_in(data)
    for path in recipes or [RECIPES / f"{name}.toml" for name in TIMED]:
        recipe = load_recipe(path)
        step = Step(recipe=recipe, path=path, folder=runs / recipe.name)
        sources = find_sources(step, runs, data=corpus)
        for _ in range(
            2
        ):  # PyTorch compiles an LSTM for every length: the first time does not count
            times = step_times(recipe, corpus, steps, sources)
        first = first or times
        ratio = median(a / b for a, b in zip(times, first, strict=True))
        rows.append(
            (
                *(recipe.name, recipe.description),
                f"{1000 * sum(times) / len(times):.0f}",
                f"{ratio:.2f}",
            )
        )
    write_page(
        output,
        "Time of a training step",
        (
            f"Mean of {steps} steps on one thread, the same utterances in all; the ratio is the "
            "median over the steps. Time of the processor, so that other work counts little; the "
            "second of two runs, since PyTorch compiles what it needs in the first.\n",
            table(HEADER, rows),
        ),
    )
