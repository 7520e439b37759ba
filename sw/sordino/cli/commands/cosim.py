"""`sordino cosim`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sordino.cli.shared.engines import ENGINES, make_engine, simulator_of, slow_option, vcd_option
from sordino.cli.shared.networks import heard_tokens
from sordino.cli.shared.options import IMAGE, INPUTS, json_option
from sordino.cli.shared.output import console, print_json, progress
from sordino.cli.shared.speech import Heard, check_inputs, hear_all
from sordino.engines.bound import cycle_bound
from sordino.engines.cosim import compare
from sordino.engines.engine import Engine, Record
from sordino.image.image import Image
from sordino.isa.operations import Input
from sordino.speech.transcript import text_of

__all__ = ["cosim"]


def _at_power_up(image: Image, engines: Sequence[Engine]) -> list[Engine]:
    """The engines for the next input: the exact one anew where the other forgets between runs."""
    if all(simulator_of(engine) != "amaranth" for engine in engines):
        return list(engines)
    return [e if simulator_of(e) == "amaranth" else make_engine(e.name, image) for e in engines]


def _compare_one(
    image: Image, engines: Sequence[Engine], heard: Heard, until: int | None, advance: Any
) -> dict[str, Any]:
    features = heard.features[:until]
    at = {number for number, i in enumerate(image.program) if isinstance(i, Input)}

    def on_record(record: Record) -> None:
        if record.pc in at:
            advance()

    first, second = _at_power_up(image, engines)
    bound = cycle_bound(image, len(features))
    outcome = compare(image, first, second, features, cycle_limit=bound, on_record=on_record)
    cycles = (result.counters.get("cycles") for result in outcome.results)
    return {
        "input": heard.path,
        "identical": outcome.identical,
        "words_compared": outcome.words_compared,
        "instructions": outcome.records_compared,
        "transcript": text_of(image, heard_tokens(image, outcome.results[0])),
        "cycles": next((count for count in cycles if count is not None), None),
        "first_difference": outcome.first_difference,
        **heard.facts,
    }


def _refused(heard: Heard) -> dict[str, Any]:
    """The entry of an input that was not compared."""
    names = ("identical", "words_compared", "instructions", "transcript", "cycles")
    return {"input": heard.path, **dict.fromkeys((*names, "first_difference")), **heard.facts}


def _print(entry: dict[str, Any], names: Sequence[str]) -> None:
    verdict = "identical" if entry["identical"] else "DIFFERENT"
    console.print(verdict, style="bold", end="")
    console.print(
        f"  {entry['input']}: {entry['words_compared']:,} state words of "
        f"{entry['instructions']:,} instructions compared, "
        f"{(' = ' if entry['identical'] else ' ≠ ').join(names)}"
    )
    if entry["first_difference"]:
        console.print(f"  first difference: {entry['first_difference']}")


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino cosim model.sordino speech.wav\n"
    "  sordino cosim model.sordino speech.wav --until 5 --vcd speech.vcd\n"
    "  sordino cosim model.sordino speech.wav --engines rtl,cycles",
)
@IMAGE
@INPUTS
@click.option(
    "--engines",
    default="golden,rtl",
    show_default=True,
    help="Two of golden, rtl and cycles with a comma between; the first is the reference.",
)
@click.option(
    "--until", type=click.IntRange(1), metavar="FRAME", help="Only the first FRAME input vectors."
)
@vcd_option("Write a waveform of the rtl engine.")
@slow_option
@json_option
def cosim(
    image: Path,
    inputs: tuple[str, ...],
    engines: str,
    until: int | None,
    vcd: Path | None,
    slow: bool,
    as_json: bool,
) -> None:
    """Run INPUTS on two engines and compare every instruction's results; exit 1 if any differ.

    Counters of time are compared too if both engines have time. INPUTS are those of `sordino run`;
    of one that cannot be read a line tells, the others are compared, and the exit code is 2.
    """
    names = tuple(name.strip() for name in engines.split(","))
    if len(names) != 2 or len({*names} & {*ENGINES.choices}) != 2:
        raise click.BadParameter(
            f"wanted two of {', '.join(ENGINES.choices)}, got {engines!r}", param_hint="--engines"
        )
    if vcd is not None and "rtl" not in names:
        raise click.UsageError("--vcd needs the rtl engine")
    check_inputs(inputs)
    program = Image.load(image)
    loaded = hear_all(program, inputs)
    frames = [len(heard.features[:until]) for heard in loaded if not heard.refused]
    machines = []
    if frames:
        machines = [make_engine(n, program, frames=frames, vcd=vcd, slow=slow) for n in names]
    entries = []
    for heard in loaded:
        if heard.refused:
            entries.append(_refused(heard))
            continue
        with progress() as bar:
            task = bar.add_task(Path(heard.path).name, total=len(heard.features[:until]))
            entries.append(
                _compare_one(program, machines, heard, until, lambda t=task: bar.advance(t))
            )
        if not as_json:
            _print(entries[-1], names)
    difference = next((e["first_difference"] for e in entries if e["identical"] is False), None)
    if as_json:
        print_json(
            {
                "identical": difference is None if frames else None,
                "words_compared": sum(entry["words_compared"] or 0 for entry in entries),
                "engines": names,
                "simulators": [simulator_of(machine) for machine in machines],
                "inputs": entries,
                "first_difference": difference,
            }
        )
    if difference is not None:
        sys.exit(1)
    if len(frames) < len(inputs):
        sys.exit(2)
