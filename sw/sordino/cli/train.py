"""`sordino train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sordino.cli.options import data_option, json_option, path_type
from sordino.cli.output import (
    console,
    fail,
    print_json,
    print_table,
    progress,
    restore_terminal,
)
from sordino.cli.paths import OutputFolder
from sordino.extras import needs
from sordino.train.recipe import Recipe, load_recipe
from sordino.train.stopping import Stopped, StopSignals

if TYPE_CHECKING:
    from sordino.train.trainer import Trained

__all__ = ["train"]


def _train(
    recipe: Recipe,
    data: Path,
    output: Path,
    also: tuple[Path, ...],
    start: Path | None,
    teacher: Path | None,
    threads: int | None,
) -> "Trained":
    with StopSignals() as stop:
        with needs("training"):
            from sordino.train.session import train as run  # imports torch, which is optional
        with progress() as bar:
            task = bar.add_task(recipe.name, total=None)

            def on_step(done: int, steps: int, text: str) -> None:
                bar.update(task, completed=done, total=steps, description=f"{recipe.name} {text}")

            return run(
                recipe,
                data,
                output,
                also=also,
                start=start,
                teacher=teacher,
                threads=threads,
                on_step=on_step,
                stop=stop,
            )


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino train recipes/an4_float.toml --data an4 -o runs/an4_float\n"
    "  sordino train recipes/an4_student.toml --data an4 -o runs/an4_student \\\n"
    "    --start runs/an4_causal --teacher runs/an4_teacher/model.npz\n"
    "  sordino train recipes/smoke.toml --data models/utterances -o build/smoke --threads 1",
)
@click.argument("recipe", type=path_type)
@data_option
@click.option(
    "-o",
    "--output",
    type=OutputFolder("model.npz", "result.json", "checkpoint.pt", "tensorboard/*"),
    required=True,
    help="Folder for model.npz, result.json, the checkpoint and TensorBoard's curves.",
)
@click.option(
    "--also",
    type=path_type,
    multiple=True,
    help="A further corpus to train on; each epoch draws from it as [augment] extra says.",
)
@click.option(
    "--start",
    type=path_type,
    help="Weights to start from: a model, or the folder of another training.",
)
@click.option(
    "--teacher",
    type=path_type,
    help="A larger model to learn from, for recipes with [teacher].",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    help="Of the processor; other numbers round differently.  [default: PyTorch's]",
)
@json_option
def train(
    recipe: Path,
    data: Path,
    output: Path,
    also: tuple[Path, ...],
    start: Path | None,
    teacher: Path | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Train an RNN-T as RECIPE (a TOML file) says.

    Run again after an interruption, it goes on from the last checkpoint in the output folder and
    ends with the same bits. Ctrl-C and SIGTERM write one after the running step and end with code
    130 or 143; a second one ends at once.
    """
    loaded = load_recipe(recipe)
    try:
        trained = _train(loaded, data, output, also, start, teacher, threads)
    except Stopped as stopped:
        restore_terminal()
        fail(str(stopped), 128 + stopped.signal)
    if as_json:
        print_json(_figures(loaded, trained))
    else:
        _print_figures(loaded, trained)


def _figures(recipe: Recipe, trained: "Trained") -> dict[str, Any]:
    score = trained.score
    return {
        "model": str(trained.model),
        "recipe": recipe.name,
        "split": recipe.schedule.measure,
        "wer": score.wer,
        "errors": score.errors,
        "words": score.words,
        "utterances": score.utterances,
        "machine_wer": None if trained.machine is None else trained.machine.wer,
        "losses": list(trained.losses),
        "seconds": trained.seconds,
    }


def _print_figures(recipe: Recipe, trained: "Trained") -> None:
    score, machine, losses = trained.score, trained.machine, trained.losses
    row = {
        "recipe": recipe.name,
        "split": recipe.schedule.measure,
        "WER": f"{score.wer:.2%}",
        "on the machine": "" if machine is None else f"{machine.wer:.2%}",
        "errors": score.errors,
        "words": score.words,
        "first loss": f"{losses[0]:.3f}",
        "last loss": f"{losses[-1]:.3f}",
        "minutes": f"{trained.seconds / 60:.1f}",
    }
    print_table(tuple(row), [tuple(row.values())])
    console.print(f"{trained.model}: sordino compile {trained.model}")
