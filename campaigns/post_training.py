"""What a trained float model comes to when it is only rounded and pruned, without training on."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from campaigns.common import corpus_in, data_option, find_run, runs_option
from sordino.arch import QUAD
from sordino.compiler.numbers.precision import CODEBOOKS, Precision
from sordino.compiler.numbers.prune import SHARES
from sordino.compiler.passes.prune import prune_model
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.model.load import load_model
from sordino.model.save import save_model
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.inputs import load_input
from sordino.speech.text import Speller
from sordino.speech.wer import Wer, transcript_errors
from sordino.train.ancestry import read_result
from sordino.train.integer_decoding import IntegerDecoder

__all__ = ["compress_run", "untrained_name"]


def _measure(path: Path, precision: Precision, data: Path, split: Any) -> Wer:
    """Word errors of a model on the exact machine."""
    model, utterances = load_model(path), load_dataset(data, split)
    definition = model.feature_definition()
    inputs = [load_input(u.path, definition) for u in utterances]
    found = IntegerDecoder(model, precision).transcribe(inputs)
    speller = Speller(model.tokens, model.blank)
    texts = [speller.text(said) for said in found]
    return transcript_errors([u.text for u in utterances], texts, speller)


def compress_run(
    run: Path,
    data: Path,
    output: Path,
    *,
    precision: Precision,
    zeros: float,
    unit: str,
    shares: str,
) -> dict[str, Any]:
    """Write model and result of the float training in `run`, rounded and pruned, into `output`.

    The result is as a training's, without losses. Raises InputError for a run that has none.
    """
    begin, before = time.monotonic(), read_result(run)
    if before["machine_wer"] is not None:
        raise InputError(f"wanted a float training, but {run} is quantised; choose another")
    group = 1 if unit == "single" else QUAD
    model = prune_model(load_model(run / "model.npz"), zeros, group, shares)
    model = replace(model, meta=model.meta.changed(quantise=precision.to_meta()))
    output.mkdir(parents=True, exist_ok=True)
    save_model(model, output / "model.npz")
    score = _measure(output / "model.npz", precision, data, before["split"])
    start, recipe = before["recipe"]["name"], before["recipe"]
    even = "" if precision.codebook == "uniform" else ", Lloyd-Max"
    spread = " by layer" if shares == "layer_adaptive" else ""
    what = f"{start} rounded to {precision.bits} bits{even}, {zeros:.0%} zeros{spread}, no training"
    result = {
        **before,
        "recipe": {
            **recipe,
            "name": output.name,
            "description": what,
            "sparsify": {**recipe["sparsify"], "unit": unit, "zeros": zeros, "shares": shares},
            "schedule": {**recipe["schedule"], "epochs": 0},
        },
        "wer": None,
        "words": score.words,
        "utterance_words": list(score.utterance_words),
        "machine_wer": score.wer,
        "machine_errors": score.errors,
        "machine_utterance_errors": list(score.utterance_errors),
        "start": start,
        "teacher": None,
        "losses": [],
        "steps": 0,
        "seconds": round(time.monotonic() - begin, 1),
        "command": f"python -m campaigns run post-training runs/{start} --data an4 "
        f"-o runs/{output.name} --bits {precision.bits} --codebook {precision.codebook} "
        f"--zeros {zeros:g} --unit {unit} --shares {shares}",
    }
    write_atomically(output / "result.json", json.dumps(result, indent=2) + "\n")
    return result


def untrained_name(bits: int, zeros: float, shares: str) -> str:
    """The folder of a float training that was rounded and pruned only."""
    return f"untrained-{'even-' if zeros and shares == 'even' else ''}{bits}-{zeros:g}"


@click.command()
@click.argument("run", type=click.Path(path_type=Path), default=Path("an4_causal"))
@data_option
@runs_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for model and result.  [default: untrained-BITS-ZEROS in the trainings' folder]",
)
@click.option("--bits", type=click.IntRange(2, 8), default=5, show_default=True)
@click.option("--codebook", type=click.Choice(CODEBOOKS), default="uniform", show_default=True)
@click.option("--zeros", type=click.FloatRange(0, 1), default=0.0, show_default=True)
@click.option("--unit", type=click.Choice(["single", "connection"]), default="connection")
@click.option("--shares", type=click.Choice(SHARES), default=SHARES[0], show_default=True)
def main(
    run: Path,
    data: Path,
    runs: Path,
    output: Path | None,
    bits: int,
    codebook: str,
    zeros: float,
    unit: str,
    shares: str,
) -> None:
    """Round and prune the float training RUN, a folder or name in --runs, and count its errors."""
    result = compress_run(
        *(
            find_run(run, runs),
            corpus_in(data),
            output or runs / untrained_name(bits, zeros, shares),
        ),
        precision=Precision(bits, codebook),
        zeros=zeros,
        unit=unit,
        shares=shares,
    )
    click.echo(f"{result['recipe']['description']}: WER {result['machine_wer']:.2%}")
