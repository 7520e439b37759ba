"""Real recordings on the exact machine and the circuit: every word of every instruction."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import click

from campaigns.common import (
    data_option,
    find_model,
    make_image,
    models_option,
    output_option,
    write_page,
)
from sordino.arch import PRESETS
from sordino.engines.cosim import compare
from sordino.engines.native.compiled import build
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.transcript import features_of
from sordino.tools.bench.trained import FLOAT, SHIPPED, TRAINED_BITS

MACHINES = {
    "tiny": (SHIPPED, None, None),
    "small": (SHIPPED, None, None),
    "small-unstructured": (FLOAT, TRAINED_BITS, 0.5),
}
UTTERANCES = 20


@dataclass(frozen=True)
class Job:
    """One recording on one machine."""

    preset: str
    set_name: str
    path: Path


@cache
def _engines(preset: str, models: Path) -> tuple[Image, Golden, Rtl]:
    name, bits, sparsity = MACHINES[preset]
    image = make_image(find_model(name, models), preset, bits, sparsity)
    return image, Golden(image), Rtl(image)


@dataclass(frozen=True)
class Outcome:
    """What comparing one recording found."""

    job: Job
    figures: tuple[int, int, int, int]
    """Frames, instructions, words compared, cycles."""
    difference: str | None


def run_job(job: Job, models: Path) -> Outcome:
    """Run one recording on the exact machine and the circuit."""
    image, golden, rtl = _engines(job.preset, models)
    features = features_of(image, job.path)
    outcome = compare(image, golden, rtl, features)
    cycles = outcome.results[1].counters["cycles"]
    figures = (len(features), outcome.records_compared, outcome.words_compared, cycles)
    return Outcome(job, figures, outcome.first_difference)


_HEADER = (
    "machine",
    "model",
    "recordings",
    "number",
    "frames",
    "instructions",
    "words compared",
    "cycles",
    "differences",
)


def _rows(results: Sequence[Outcome], sets: Sequence[str]) -> list[tuple[object, ...]]:
    """A row for each machine and data set."""
    rows: list[tuple[object, ...]] = []
    for preset, (model, bits, sparsity) in MACHINES.items():
        for name in sets:
            mine = [r for r in results if (r.job.preset, r.job.set_name) == (preset, name)]
            trained = "as trained" if bits is None else f"{bits} bits"
            what = f"{model}, {trained}" + (f", {sparsity:.0%} pruned" if sparsity else "")
            rows.append(
                (
                    *(preset, what, name, len(mine)),
                    *(f"{sum(r.figures[k] for r in mine):,}" for k in range(4)),
                    sum(1 for r in mine if r.difference),
                )
            )
    return rows


@click.command()
@data_option
@models_option
@output_option("cosim-real.md")
@click.option("--utterances", default=UTTERANCES, show_default=True, help="Of each data set.")
def main(data: Path, models: Path, output: Path, utterances: int) -> None:
    """Compare on every machine, two recordings at a time."""
    sets = {
        "AN4 dev": load_dataset(data / "an4", "dev"),
        "FSDD": load_dataset(data / "fsdd" / "recordings", "test"),
    }
    jobs = [
        Job(preset, name, items[k * len(items) // utterances].path)
        for preset in MACHINES
        for name, items in sets.items()
        for k in range(utterances)
    ]
    for preset in MACHINES:
        build(PRESETS[preset])
    results = []
    with ProcessPoolExecutor(2) as pool:
        for done, result in enumerate(pool.map(partial(run_job, models=models), jobs)):
            results.append(result)
            verdict = result.difference or "identical"
            click.echo(
                f"{done + 1}/{len(jobs)} {result.job.preset} {result.job.path.name}: {verdict}",
                err=True,
            )
    differences = [
        f"* {r.job.preset} {r.job.path.name}: {r.difference}" for r in results if r.difference
    ]
    write_page(
        output,
        "Real recordings: exact machine against RTL",
        (
            "Compared: what every retired instruction wrote (accumulators included), tokens, "
            "error, untimed counters, and all memories at the end.\n",
            table(_HEADER, _rows(results, list(sets))),
            "\n".join(differences) if differences else "No difference.\n",
        ),
    )
    raise SystemExit(bool(differences))
