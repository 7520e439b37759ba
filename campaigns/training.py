"""What the recipes came to: errors, bytes and time of trainings, from their folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from campaigns.common import (
    find_run,
    needed,
    optional_data_option,
    output_option,
    runs_option,
    write_page,
)
from campaigns.plot import Point, scatter
from campaigns.walk import train_all
from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.cycles.bounds import frame_bounds
from sordino.files import write_atomically
from sordino.model.load import load_model
from sordino.reference.markdown import table
from sordino.speech.wer import paired_bootstrap
from sordino.train.ancestry import read_result

ERRORS = (
    "recipe",
    "what it is",
    "split",
    "WER",
    "on the machine",
    "errors",
    "against",
    "difference",
    "95 % interval",
)
SIZES = (
    "recipe",
    "zeros",
    "bits/weight",
    "bytes",
    "of its float32",
    "of the teacher's float32",
    "cycles a frame",
)
MOST_SHOWN = 0.4
"""Word error rate above which a training is in the tables alone."""
TIMES = ("recipe", "parameters", "epochs", "minutes", "ms/step", "threads", "command")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A whole training: its result, and what its model takes.

    result   `result.json`
    size     bytes: of the image, or of the float32 parameters where nothing is quantised
    zeros    share of the compiled weights; None where nothing is quantised
    density  bits of the streams a weight, likewise
    cycles   of a frame without a token, at most, likewise
    """

    result: dict[str, Any]
    size: int
    zeros: float | None = None
    density: float | None = None
    cycles: int | None = None

    @property
    def name(self) -> str:
        return str(self.result["recipe"]["name"])

    @property
    def float_bytes(self) -> int:
        return 4 * int(self.result["parameters"])

    @property
    def compressed(self) -> bool:
        return self.zeros is not None

    @property
    def errors(self) -> list[int]:
        """Word errors of each utterance: of the machine where there is one."""
        kind = "machine_utterance_errors" if self.compressed else "utterance_errors"
        return list(self.result[kind])

    @property
    def words(self) -> list[int]:
        return list(self.result["utterance_words"])

    @property
    def wer(self) -> float:
        return sum(self.errors) / sum(self.words)


def preset_of(result: dict[str, Any], machine: str) -> str:
    """The preset for the groups that a training was for: `machine` is tiny, small or large."""
    single = result["recipe"]["sparsify"]["unit"] == "single"
    return f"{machine}-unstructured" if single else machine


def load_run(folder: Path, machine: str) -> Run:
    """The training in a folder, its model compiled for a preset (`preset_of`)."""
    result = read_result(folder)
    if result["machine_wer"] is None:
        return Run(result=result, size=4 * result["parameters"])
    model = load_model(folder / "model.npz")
    compiled = compile_model(model, PRESETS[preset_of(result, machine)])
    summary = compiled.summary()
    bounds = frame_bounds(compiled.image)
    return Run(
        result=result,
        size=len(compiled.image.to_bytes()),
        zeros=summary["zeros"],
        density=summary["bits_per_weight"],
        cycles=bounds.tokens[0].worst if bounds and 0 in bounds.tokens else None,
    )


def reference(run: Run, runs: Sequence[Run]) -> Run:
    """What a training is compared with: the one it started from, else the first.

    Of what is made small its own float: the last one not made small that it goes back to.
    """
    by_name = {other.name: other for other in runs}
    found = by_name.get(str(run.result.get("start")), runs[0])
    for _ in runs:  # no more, since a name may come again
        if run.compressed and found.compressed:
            found = by_name.get(str(found.result.get("start")), found)
    return found


def error_line(run: Run, runs: Sequence[Run]) -> tuple[str, ...]:
    """A training's errors, and the difference to its reference on the same utterances."""
    result, other = run.result, reference(run, runs)
    against, difference, interval = "", "", ""
    if other is not run and other.words == run.words:
        against, difference = other.name, f"{run.wer - other.wer:+.2%}"
        low, high = paired_bootstrap(run.errors, other.errors, run.words)
        interval = f"{low:+.2%} to {high:+.2%}"
    return (
        *(run.name, result["recipe"]["description"], result["split"]),
        "" if result["wer"] is None else f"{result['wer']:.2%}",
        "" if result["machine_wer"] is None else f"{result['machine_wer']:.2%}",
        *(f"{sum(run.errors)}/{sum(run.words)}", against, difference, interval),
    )


def size_line(run: Run, teacher: Run) -> tuple[str, ...]:
    """A training's bytes beside float32: its own, and that of the most accurate float model."""
    return (
        run.name,
        "" if run.zeros is None else f"{run.zeros:.1%}",
        "" if run.density is None else f"{run.density:.3f}",
        f"{run.size:,}",
        f"{run.size / run.float_bytes:.2%}",
        f"{run.size / teacher.size:.2%}",
        "" if run.cycles is None else f"{run.cycles:,}",
    )


def time_line(run: Run) -> tuple[str, ...]:
    """A training's time and the command that repeats it."""
    result = run.result
    steps, seconds = result["steps"], result["seconds"]
    return (
        *(run.name, f"{result['parameters']:,}", str(result["recipe"]["schedule"]["epochs"])),
        f"{seconds / 60:.0f}",
        f"{1000 * seconds / steps:.0f}" if steps else "",
        *(str(result["threads"]), f"`{command(result)}`"),
    )


def command(result: dict[str, Any]) -> str:
    """How the training is started, all runs in one folder `runs`."""
    if "command" in result:
        return str(result["command"])
    name, taught = result["recipe"]["name"], result.get("teacher")
    data = result.get("data", "an4")  # results of before it was noted have it not
    parts = [f"sordino train recipes/{name}.toml --data {data} -o runs/{name}"]
    recipe = result["recipe"]  # what it names itself need not be said
    parts += [f"--also {name}" for name in result.get("also", ()) if name not in _also(recipe)]
    if result.get("start") and result["start"] != recipe.get("start"):
        parts.append(f"--start runs/{result['start']}")
    if taught and taught["name"] != recipe.get("teacher", {}).get("name"):
        parts.append(f"--teacher runs/{taught['name']}/model.npz")
    return " ".join(parts)


def _also(recipe: dict[str, Any]) -> Sequence[str]:
    return tuple(recipe.get("also", ()))


def _chosen(runs: Sequence[Run]) -> str:
    """What was found by errors, where weights were not, and the recipes that have it."""

    def having(field: str) -> str:
        schedules = {run.name: run.result["recipe"]["schedule"] for run in runs}
        return ", ".join(name for name, schedule in schedules.items() if schedule.get(field))

    text = ""
    if names := having("start_share"):
        text += f" The share of its start that {names} keeps was chosen by errors."
    if names := having("blank_penalty"):
        text += f" So was that blank is lower ([how much](blank-penalty.md)) in {names}."
    return text


def point(run: Run) -> Point:
    """Where a training lies in the picture, with the 95 % interval of its word error rate."""
    none = [0] * len(run.words)
    low, high = paired_bootstrap(run.errors, none, run.words)
    recipe = run.result["recipe"]
    if not run.compressed:
        kind = "float32"
    elif "command" in run.result:
        kind = "post-training"
    else:
        single = recipe["sparsify"]["unit"] == "single"
        kind = "single zeros" if single else "groups of 4"
    return Point(label=run.name, kind=kind, size=run.size, wer=run.wer, low=low, high=high)


@click.command()
@click.argument("trainings", type=click.Path(path_type=Path), nargs=-1)
@optional_data_option
@runs_option
@output_option("training.md")
@click.option(
    "--machine",
    type=click.Choice(["tiny", "small", "large"]),
    default="small",
    show_default=True,
    help="Preset that models are compiled for.",
)
def main(
    trainings: tuple[Path, ...], data: Path | None, runs: Path, output: Path, machine: str
) -> None:
    """Train all recipes that have not been trained, and write the page, its picture beside it.

    With TRAININGS, folders or names in --runs: only the page, of these.
    """
    if trainings:
        folders = [find_run(training, runs) for training in trainings]
    else:
        folders = train_all(needed(data), runs)
    found = [load_run(folder, machine) for folder in folders]
    alike = [run for run in found if run.words == found[0].words]  # on the same recordings
    floats = [run for run in alike if not run.compressed] or alike
    teacher = min(floats, key=lambda run: run.wer)
    picture = output.with_suffix(".svg")
    output.parent.mkdir(parents=True, exist_ok=True)
    top = "Word error rate against bytes"
    shown = [p for p in map(point, alike) if p.wer <= MOST_SHOWN]
    write_atomically(picture, scatter(shown, f"{top}, {found[0].result['split']} split"))
    write_page(
        output,
        "Trainings",
        (
            "Greedy decoding, no language model. WER is of the trained network in floating point "
            "(its weights rounded and zero as the recipe says), the machine's of the compiled "
            "integers; errors and differences are the machine's where there is one. The model is "
            "the one after the last step, with averaged weights; none was chosen by its errors."
            f"{_chosen(found)} Against: of what is made small its own float, of others what they "
            "started from. Intervals: paired bootstrap over utterances.\n",
            table(ERRORS, [error_line(run, found) for run in found]),
            "\n## Bytes\n",
            f"Of the whole image for `{machine}` (`{machine}-unstructured` for single zeros), or "
            "of the float32 parameters. The teacher is the most accurate float model here, "
            f"{teacher.name}, with {teacher.size:,} bytes. Cycles: of a frame without a token.\n",
            table(SIZES, [size_line(run, teacher) for run in found]),
            f"\n![{top}]({picture.name})\n\nBars: 95 % intervals, bootstrap over utterances. What "
            f"leaves more than {MOST_SHOWN:.0%} of words wrong is in the tables alone.\n",
            "## Time\n",
            "Wall time on a processor that other work shared, counts of word errors included.\n",
            table(TIMES, [time_line(run) for run in found]),
        ),
    )
