"""What the recipes came to: one line a training, from the results in their folders."""

import json
from pathlib import Path
from typing import Any

import click

from sordino.campaigns.common import write_page
from sordino.errors import InputError
from sordino.reference.markdown import table
from sordino.speech.wer import paired_bootstrap

HEADER = (
    *(
        "recipe",
        "what it is",
        "split",
        "WER",
        "on the machine",
        "errors",
        "against the first",
        "95 % interval",
    ),
    *("parameters", "epochs", "steps", "minutes", "threads"),
)


def load_result(run: Path) -> dict[str, Any]:
    """The result of the training in folder `run`; InputError where it has not ended."""
    path = run / "result.json"
    if not path.is_file():
        raise InputError(f"wanted the result of a whole training, but {path} is not there")
    result: dict[str, Any] = json.loads(path.read_text())
    return result


def line(result: dict[str, Any], first: dict[str, Any]) -> tuple[str, ...]:
    """A training's line; differences to `first` where both heard the same utterances."""
    recipe, against, interval = result["recipe"], "", ""
    if result is not first and result["utterance_words"] == first["utterance_words"]:
        against = f"{result['wer'] - first['wer']:+.2%}"
        low, high = paired_bootstrap(
            result["utterance_errors"], first["utterance_errors"], first["utterance_words"]
        )
        interval = f"{low:+.2%} to {high:+.2%}"
    return (
        *(recipe["name"], recipe["description"], result["split"], f"{result['wer']:.2%}"),
        "" if result["machine_wer"] is None else f"{result['machine_wer']:.2%}",
        *(f"{result['errors']}/{result['words']}", against, interval),
        *(f"{result['parameters']:,}", str(recipe["schedule"]["epochs"])),
        *(f"{result['steps']:,}", f"{result['seconds'] / 60:.0f}", str(result["threads"])),
    )


@click.command()
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def main(runs: tuple[Path, ...], output: Path) -> None:
    """Write the page of the trainings in folders RUNS."""
    results = [load_result(run) for run in runs]
    write_page(
        output,
        "Trainings",
        "make training",
        (
            "Each line is `sordino train recipes/RECIPE.toml --data an4 -o FOLDER`; the model is "
            "the one after the last step, with averaged weights, none was chosen by its errors. "
            "Greedy decoding in floating point, no language model. Intervals: paired bootstrap "
            "over utterances. Minutes are wall time, on a processor that other work shared.\n",
            table(HEADER, [line(result, results[0]) for result in results]),
        ),
    )


if __name__ == "__main__":
    main()
