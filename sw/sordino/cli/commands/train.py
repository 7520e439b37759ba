"""`sordino train`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sordino.cli.shared.options import json_option, path_type
from sordino.cli.shared.output import (
    console,
    fail,
    print_json,
    print_table,
    progress,
    restore_terminal,
)
from sordino.cli.shared.paths import OutputFolder, prepare_folder
from sordino.errors import InputError
from sordino.extras import needs
from sordino.train.ancestry import (
    Sources,
    Step,
    family,
    find_sources,
    missing,
    parents,
    steps_in,
)
from sordino.train.recipes.recipe import Recipe, load_recipe
from sordino.train.stopping import Stopped, StopSignals

if TYPE_CHECKING:
    from sordino.train.trainer import Trained

__all__ = ["train"]

_RUNS, _RECIPES = Path("build/runs"), Path("recipes")
_WRITTEN = ("model.npz", "result.json", "checkpoint.pt", "tensorboard/*")


def _train(step: Step, data: Path, sources: Sources, threads: int | None) -> "Trained":
    recipe = step.recipe
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
                step.folder,
                also=sources.also,
                start=sources.start,
                teacher=sources.teacher,
                threads=threads,
                on_step=on_step,
                stop=stop,
            )


def _steps(path: Path, runs: Path, output: Path | None, with_ancestors: bool) -> list[Step]:
    """What is to be trained: a recipe, and before it those of its ancestors that are missing."""
    if with_ancestors:
        *before, last = family(path, runs)
    else:
        recipe = load_recipe(path)
        before, last = [], Step(recipe=recipe, path=path, folder=runs / recipe.name)
    steps = [*missing(before), last if output is None else replace(last, folder=output)]
    for step in steps:
        if step.folder != output:  # which has been prepared
            prepare_folder(step.folder, _WRITTEN)
    return steps


def _sources(steps: Sequence[Step], runs: Path, data: Path, given: Sources) -> list[Sources]:
    """The sources of every step, before the first is trained; `given` ones are for the last."""
    found, planned = [], [step.recipe.name for step in steps]
    for step in steps:
        own = given
        if step is not steps[-1]:
            also = (folder for folder in given.also if folder.name in step.recipe.also)
            own = Sources(also=tuple(also))
        found.append(find_sources(step, runs, data=data, given=own, planned=planned))
    return found


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino train recipes/an4_float.toml --data an4 -o runs/an4_float\n"
    "  sordino train recipes/an4_student.toml --data an4 -o runs/an4_student --with-ancestors\n"
    "  sordino train recipes/smoke.toml --data models/utterances -o build/smoke --threads 1\n"
    "  sordino train recipes --list --runs runs",
)
@click.argument("recipe", type=path_type, required=False)
@click.option(
    "--data",
    type=path_type,
    help="An AN4 tree, an FSDD recordings folder, or a folder with transcripts.tsv.  [required]",
)
@click.option(
    "-o",
    "--output",
    type=OutputFolder(*_WRITTEN),
    help="Folder for model.npz, result.json, the checkpoint and TensorBoard's curves.  [default: "
    "the recipe's name in the folder of the runs]",
)
@click.option(
    "--runs",
    type=path_type,
    help="Folder in which trainings that the recipe names are found, and further corpora.  "
    "[default: where --output is, else build/runs]",
)
@click.option(
    "--with-ancestors",
    is_flag=True,
    help="First train what the recipe goes on from, on the same data, where it is missing.",
)
@click.option(
    "--list",
    "as_list",
    is_flag=True,
    help="Say which recipe goes on from which, and train nothing.",
)
@click.option(
    "--also",
    type=path_type,
    multiple=True,
    help="A further corpus to train on, instead of the one of its name that the recipe names or "
    "beside them; each epoch draws from it as [augment] extra or [[data.mix]] says.",
)
@click.option(
    "--start",
    type=path_type,
    help="Weights to start from, instead of the recipe's start: a model, or the folder of another "
    "training.",
)
@click.option(
    "--teacher",
    type=path_type,
    help="A larger model to learn from, instead of the one that [teacher] names.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    help="Threads of the processor; another number rounds differently.  [default: PyTorch's]",
)
@json_option
def train(
    recipe: Path | None,
    data: Path | None,
    output: Path | None,
    runs: Path | None,
    with_ancestors: bool,
    as_list: bool,
    also: tuple[Path, ...],
    start: Path | None,
    teacher: Path | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Train an RNN-T as RECIPE (a TOML file) says, or list the recipes in a folder.

    A recipe names what it goes on from, `start`, `also` and `name` of [teacher], which are found
    in the folder of the runs. Run again after an interruption, it goes on from the last checkpoint
    in the output folder and ends with the same bits. Ctrl-C and SIGTERM write one after the running
    step and end with code 130 or 143; a second one ends at once.
    """
    runs = runs or (_RUNS if output is None else output.parent)
    if as_list:
        if data or output or with_ancestors or also or start or teacher or threads:
            raise InputError(
                "wanted --list with --runs and --json alone, got more; leave it out, or train"
            )
        _list(recipe or _RECIPES, runs, as_json)
        return
    if recipe is None or data is None:
        name, kind = ("RECIPE", "argument") if recipe is None else ("--data", "option")
        raise click.MissingParameter(param_hint=f"'{name}'", param_type=kind)
    given = Sources(start=start, teacher=teacher, also=also)
    if with_ancestors and (start or teacher):
        raise InputError(
            "wanted either --with-ancestors or what to go on from, got both; leave out one of them"
        )
    steps = _steps(recipe, runs, output, with_ancestors)
    found = _sources(steps, runs, data, given)
    trained = []
    for step, sources in zip(steps, found, strict=True):
        try:
            trained.append((step.recipe, _train(step, data, sources, threads)))
        except Stopped as stopped:
            restore_terminal()
            fail(str(stopped), 128 + stopped.signal)
    if as_json:
        *before, last = [_figures(*one) for one in trained]
        print_json({**last, "ancestors": before})
    else:
        _print_figures(trained)


def _list(path: Path, runs: Path, as_json: bool) -> None:
    """Print what goes on from what: recipes of a folder, or one with its ancestors."""
    steps = steps_in(path, runs) if path.is_dir() else family(path, runs)
    if as_json:
        print_json({"recipes": [_described(step) for step in steps]})
        return
    header = ("recipe", "start", "teacher", "also", "training", "what it is")
    rows = []
    for step in steps:
        named = dict(parents(step.recipe))
        rows.append(
            (
                step.recipe.name,
                named.get("start", ""),
                named.get("teacher", ""),
                ", ".join(step.recipe.also),
                step.state,
                step.recipe.description,
            )
        )
    print_table(header, rows)


def _described(step: Step) -> dict[str, Any]:
    named = dict(parents(step.recipe))
    state, _, reason = step.state.partition(": ")
    return {
        "recipe": step.recipe.name,
        "path": str(step.path),
        "description": step.recipe.description,
        "start": named.get("start"),
        "teacher": named.get("teacher"),
        "also": list(step.recipe.also),
        "folder": str(step.folder),
        "state": state,
        "reason": reason or None,
    }


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


def _print_figures(trained: Sequence[tuple[Recipe, "Trained"]]) -> None:
    rows = [_row(*one) for one in trained]
    print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    for _, one in trained:
        console.print(f"{one.model}: sordino compile {one.model}")


def _row(recipe: Recipe, trained: "Trained") -> dict[str, Any]:
    score, machine, losses = trained.score, trained.machine, trained.losses
    return {
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
