"""`sordino sweep`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sordino.arch import load_config
from sordino.cli.shared.options import config_option, json_option, path_type, set_option
from sordino.cli.shared.output import console, print_json, print_table, progress
from sordino.cli.shared.paths import OutputFolder
from sordino.errors import InputError
from sordino.extras import needs
from sordino.locks import exclusive_folder
from sordino.model.load import load_model
from sordino.tools.sweep.parallel import BACKENDS, Backend
from sordino.tools.sweep.plot import plot_sweep
from sordino.tools.sweep.points import grid
from sordino.tools.sweep.run import Sweep
from sordino.tools.sweep.run import sweep as run_sweep

__all__ = ["sweep_command"]


class _List(click.ParamType[tuple[Any, ...]]):
    """Values with commas between them; `word` stands for None."""

    name = "list"

    def __init__(self, kind: Callable[[str], Any], low: float, high: float, word: str = "") -> None:
        self.kind, self.low, self.high, self.word = kind, low, high, word

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, ...]:
        """All of them; a usage error names what is none."""
        if isinstance(value, tuple):
            return value
        return tuple(self._one(text.strip(), param, ctx) for text in str(value).split(","))

    def _one(self, text: str, param: Any, ctx: Any) -> Any:
        if self.word and text == self.word:
            return None
        try:
            number = self.kind(text)
        except ValueError:
            number = None
        if number is None or not self.low <= number <= self.high:
            word = f" or {self.word}" if self.word else ""
            self.fail(f"wanted {self.low:g} to {self.high:g}{word}, got {text!r}", param, ctx)
        return number


def _print(found: Sweep, folder: Path) -> None:
    print_table(
        (
            "lanes",
            "group",
            "bits",
            "zeros",
            "KiB",
            "bytes",
            "bits/weight",
            "best cycles",
            "worst cycles",
            "LUTs",
            "WER",
            "Pareto",
            "smallest FPGA, or why not",
        ),
        [_row(result) for result in found.results],
    )
    built = sum(result["error"] is None for result in found.results)
    console.print(
        f"{folder}: {len(found.results)} points, {built} can be built, {found.computed} computed "
        "now; points.json, points.csv, pareto.svg"
    )


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    def text(name: str, form: str = ",") -> str:
        value = result[name]
        return "" if value is None else format(value, form)

    fits = result["fits"] or ["none"]
    return (
        *(str(result[name]) for name in ("lanes", "group", "bits")),
        "keep" if result["zeros"] is None else f"{result['zeros']:g}",
        text("weight_kib", ",.1f") if result["memory"] is None else f"{result['memory']:,}",
        text("bytes"),
        text("bits_per_weight", ".3f"),
        text("frame_best"),
        text("frame_worst"),
        text("luts"),
        text("wer", ".2%"),
        "yes" if result["pareto"] else "",
        result["error"] or fits[0],
    )


@click.command(
    "sweep",
    epilog="\b\nExamples:\n"
    "  sordino sweep model.npz --lanes 8,16,32 --group 1,4 --bits 4,5 --zeros keep,0.9 -o sweep\n"
    "  sordino sweep model.npz --lanes 16 --wer path/to/an4 -o sweep\n"
    "  sordino sweep model.npz --lanes 16,32,64 -o sweep --backend dask --scheduler tcp://host:8786",
)
@click.argument("model", type=path_type)
@config_option
@set_option
@click.option(
    "--lanes", type=_List(int, 4, 1024), default="16", show_default=True, help="Lanes of the array."
)
@click.option(
    "--group", type=_List(int, 1, 1024), default="4", show_default=True, help="Lanes in a group."
)
@click.option(
    "--bits", type=_List(int, 2, 8), default="5", show_default=True, help="Bits of a weight."
)
@click.option(
    "--zeros",
    type=_List(float, 0, 1, "keep"),
    default="keep",
    show_default=True,
    help="Shares of weights to prune, where least is lost; `keep` prunes nothing.",
)
@click.option(
    "--memory",
    type=_List(int, 1, 1 << 24, "needed"),
    default="needed",
    show_default=True,
    help="KiB for all weight streams; `needed` is just enough.",
)
@click.option("--meta", type=path_type, help="JSON file with the model's meta, if it has none.")
@click.option(
    "--wer",
    type=path_type,
    metavar="DATA",
    help="Data set to count word errors on, once for points that decode alike; takes minutes.",
)
@click.option(
    "-o",
    "--output",
    type=OutputFolder("points.json", "points.csv", "pareto.svg", "points/*", "wer/*"),
    required=True,
    help="Folder for results; what is there already is not computed again.",
)
@click.option(
    "--jobs",
    type=int,
    default=-1,
    show_default=True,
    help="Points computed at once; -1: one for each core.",
)
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default="loky",
    show_default=True,
    help="Where points are computed: processes or threads of this machine, or a cluster.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Address of the Dask cluster's scheduler.")
@json_option
def sweep_command(
    model: Path,
    config: str,
    changes: dict[str, int],
    lanes: tuple[int, ...],
    group: tuple[int, ...],
    bits: tuple[int, ...],
    zeros: tuple[float | None, ...],
    memory: tuple[int | None, ...],
    meta: Path | None,
    wer: Path | None,
    output: Path,
    jobs: int,
    backend: Backend,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """MODEL on every machine of a grid: cycles, bytes, logic, which FPGAs hold it, word errors.

    Lists have commas. A point that cannot be built says why in the table. Interrupted and started
    again, a sweep goes on where it was.
    """
    with needs("a sweep"):
        import joblib  # noqa: F401 - found missing now, not when all is computed
        import matplotlib  # noqa: F401
    if jobs == 0:
        raise InputError("wanted a number of jobs, or -1 for all cores, got 0")
    base, loaded = load_config(config, changes), load_model(model, meta)
    points = grid(lanes, group, bits, zeros, memory)
    # Each point would be whole, but the tables and the plot one sweep's or the other's.
    with exclusive_folder(output, "the folder of a sweep"):
        with progress() as bar:
            task = bar.add_task(model.name, total=len(points))
            found = run_sweep(
                loaded,
                points,
                output,
                base=base,
                data=wer,
                jobs=jobs,
                backend=backend,
                scheduler=scheduler,
                on_progress=lambda done, all_: bar.update(task, completed=done, total=all_),
            )
        plot_sweep(found.results, output / "pareto.svg", f"{model.name}: {len(points)} points")
    if as_json:
        print_json({"model": str(model), "computed": found.computed, "points": found.results})
    else:
        _print(found, output)
