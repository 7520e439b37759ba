"""Training's replay of the machine's integers against the exact machine: every token."""

from pathlib import Path
from typing import get_args

import click

from campaigns.common import (
    corpus_in,
    data_option,
    find_run,
    output_option,
    runs_option,
    write_page,
)
from campaigns.training import preset_of
from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.numbers.precision import Precision
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.model.load import load_model
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import Split, load_dataset
from sordino.speech.inputs import load_input
from sordino.train.ancestry import read_result
from sordino.train.integer_decoding import IntegerDecoder

__all__ = ["compare"]

SHOWN = (
    "an4_broad_mwer",
    "an4_single_long",
    "an4_causal_g4_80",
    "an4_g4_80_short",
    "an4_layers",
    "an4_causal_single_80",
    "an4_g4_80_b4",
    "an4_g4_80_b3",
    "an4_g4_80_b2",
    "an4_g4_50",
    "an4_g4_90",
    "an4_g4_95",
    "an4_cosine",
    "an4_regional",
    "an4_csp",
    "an4_mixed",
    "an4_distilled",
    "an4_student",
)
"""The trainings of the page."""
HEADER = ("training", "machine", "utterances", "frames", "tokens", "utterances that differ")


def compare(run: Path, machine: str, data: Path, split: Split) -> tuple[str, ...]:
    """A line: both hear a split with the model of the training in folder `run`."""
    result, model = read_result(run), load_model(run / "model.npz")
    config = PRESETS[preset_of(result, machine)]
    image = Image.from_bytes(compile_model(model, config).image.to_bytes())
    definition = model.feature_definition()
    inputs = [load_input(u.path, definition) for u in load_dataset(data, split)]
    replay = IntegerDecoder(
        model,
        CompileOptions().precision(Precision.of(model.meta.quantise)),
        config.accumulator_bits,
    )
    said, golden = replay.transcribe(inputs), Golden(image)
    heard = [list(golden.run(x).tokens) for x in inputs]
    differ = sum(a != b for a, b in zip(said, heard, strict=True))
    frames, tokens = sum(map(len, inputs)), sum(map(len, heard))
    counts = (f"{n:,}" for n in (len(inputs), frames, tokens, differ))
    return (str(result["recipe"]["name"]), config.name, *counts)


@click.command()
@click.argument("trainings", type=click.Path(path_type=Path), nargs=-1)
@data_option
@runs_option
@click.option("--split", type=click.Choice(get_args(Split)), default="dev", show_default=True)
@click.option("--machine", type=click.Choice(["tiny", "small", "large"]), default="small")
@output_option("replay.md")
def main(
    trainings: tuple[Path, ...], data: Path, runs: Path, split: Split, machine: str, output: Path
) -> None:
    """Compare TRAININGS, folders or names in --runs, on every utterance of a split."""
    shown = [find_run(run, runs) for run in trainings or map(Path, SHOWN)]
    lines = [compare(run, machine, corpus_in(data), split) for run in shown]
    write_page(
        output,
        "Training's replay and the exact machine",
        (
            f"Tokens of every utterance of the {split} split: from the compiler's integers in "
            "NumPy, as training counts the machine's word errors, and from the compiled image on "
            "the exact machine.\n",
            table(HEADER, lines),
        ),
    )
    if any(line[-1] != "0" for line in lines):
        raise SystemExit(1)
