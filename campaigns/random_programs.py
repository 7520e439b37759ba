"""Random programs, matrices, layers and models on the exact machine and the circuit."""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click

from campaigns.common import output_option, write_page
from sordino.engines.native.compiled import build
from sordino.reference.markdown import table
from sordino.tools.trials import KINDS, MACHINES, make_trial, run_trial

PROGRAMS = 2000
_BATCH = 64
"""Trials in flight: what is asked for after the time is up is not begun."""


@dataclass(frozen=True)
class Outcome:
    """What one trial found."""

    kind: str
    machine: str
    seed: int
    figures: tuple[int, int, int]
    """Instructions, words compared, cycles."""
    difference: str | None


def run_one(name: tuple[str, str, int]) -> Outcome:
    """Run the trial of this kind, machine and seed."""
    outcome = run_trial(make_trial(*name))
    cycles = outcome.results[1].counters["cycles"]
    figures = (outcome.records_compared, outcome.words_compared, cycles)
    return Outcome(*name, figures, outcome.first_difference)


def names(seed: int, programs: int) -> Iterator[tuple[str, str, int]]:
    """Kinds and machines in turn, seeds from `seed` on."""
    combinations = [(kind, machine) for machine in MACHINES for kind in KINDS]
    for number in range(programs):
        turn, which = divmod(number, len(combinations))
        yield (*combinations[which], seed + turn)


def run_all(seed: int, programs: int, minutes: float, jobs: int) -> Iterator[Outcome]:
    """Outcomes in order, until all are done or the time is up."""
    end = time.monotonic() + 60 * minutes
    wanted = names(seed, programs)
    with ProcessPoolExecutor(jobs) as pool:
        while time.monotonic() < end and (batch := list(islice(wanted, _BATCH))):
            yield from pool.map(run_one, batch)


def summary(results: list[Outcome]) -> list[tuple[object, ...]]:
    """One row a machine and kind: programs, figures, differences; then all."""
    groups = [
        (machine, kind, [r for r in results if (r.machine, r.kind) == (machine, kind)])
        for machine in MACHINES
        for kind in KINDS
    ]
    return [
        (
            *(machine, kind, f"{len(mine):,}"),
            *(f"{sum(r.figures[k] for r in mine):,}" for k in range(3)),
            sum(1 for r in mine if r.difference),
        )
        for machine, kind, mine in [*groups, ("all", "", results)]
    ]


def describe_machines() -> str:
    """The machines' parameters as a table."""
    fields = [name for name in MACHINES["g1"].as_dict() if name != "clock_hz"]
    rows = [[config.as_dict()[name] for name in fields] for config in MACHINES.values()]
    varied = [k for k in range(len(fields)) if len({row[k] for row in rows}) > 1]
    return table([fields[k] for k in varied], [[row[k] for k in varied] for row in rows])


@click.command()
@output_option("random-programs.md")
@click.option("--programs", default=PROGRAMS, show_default=True, help="How many trials.")
@click.option("--minutes", default=60.0, show_default=True, help="Begin no trial after these.")
@click.option("--seed", default=1000, show_default=True, help="The first seed.")
@click.option("--jobs", default=2, show_default=True, help="Processes.")
def main(output: Path, programs: int, minutes: float, seed: int, jobs: int) -> None:
    """Compare random programs; exit 1 if any differed."""
    for config in MACHINES.values():
        build(config)
    results = []
    for outcome in run_all(seed, programs, minutes, jobs):
        results.append(outcome)
        if outcome.difference or len(results) % 100 == 0:
            name = f"{outcome.machine} {outcome.kind} seed {outcome.seed}"
            verdict = outcome.difference or "identical"
            click.echo(f"{len(results)}/{programs} {name}: {verdict}", err=True)
    differences = [
        f"* {r.machine} {r.kind} seed {r.seed}: {r.difference}" for r in results if r.difference
    ]
    header = (
        "machine",
        "kind",
        "programs",
        "instructions",
        "words compared",
        "cycles",
        "differences",
    )
    write_page(
        output,
        "Random programs: exact machine against RTL",
        (
            "Kinds: programs of random instructions with branches, loops and subroutines; products "
            "of random matrices (from 1×1, 0 to 100 % zeros, 2 to 8 bits); an LSTM and a linear "
            "layer of odd sizes with biases up to the whole int32 range; whole RNN-Ts through the "
            "compiler. Half of them run with random gaps in the feature and token streams. "
            f"Seeds from {seed} on.\n",
            table(header, summary(results)),
            "\n## Machines\n",
            describe_machines(),
            "\n" + ("\n".join(differences) if differences else "No difference.") + "\n",
        ),
    )
    raise SystemExit(bool(differences))
