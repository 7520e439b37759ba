"""Word error rates over the AN4 development split: in float and on the exact machine."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
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
from sordino.golden.machine import Golden
from sordino.model.load import load_model
from sordino.model.reference import FloatRnnt
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.inputs import load_features
from sordino.speech.text import Speller
from sordino.speech.transcript import features_of, speller_of, text_of
from sordino.speech.wer import Wer, paired_bootstrap, transcript_errors
from sordino.tools.bench.trained import FLOAT, GROUPED, SHIPPED, TRAINED_BITS


@dataclass(frozen=True)
class Row:
    """One line of the table; no preset means float arithmetic, no bits those it was trained for."""

    name: str
    model: str
    preset: str | None = None
    bits: int | None = 8
    sparsity: float | None = None


ROWS = (
    Row("float model, float arithmetic", FLOAT),
    Row("float model, 8 bits", FLOAT, "small", 8),
    Row("float model, 5 bits", FLOAT, "small", 5),
    Row("float model, 5 bits, 50 % single zeros", FLOAT, "small-unstructured", 5, 0.5),
    Row("float model, 5 bits, 25 % groups of 4", FLOAT, "small", 5, 0.25),
    Row("float model, 5 bits, 50 % groups of 4", FLOAT, "small", 5, 0.5),
    Row("g4_80, float arithmetic", GROUPED),
    Row("g4_80, 5 bits", GROUPED, "small", TRAINED_BITS),
    Row("causal, float arithmetic", SHIPPED),
    Row("causal, as trained", SHIPPED, "small", None),
)


def measure(row: Row, data: Path, models: Path) -> tuple[Wer, int]:
    """Word error rate and bytes (of the image, or of the float32 parameters)."""
    utterances = load_dataset(data / "an4", "dev")
    path = find_model(row.model, models)
    model = load_model(path, None)
    if row.preset is None:
        speller = Speller(model.tokens, model.blank)
        network, definition = FloatRnnt(model.arrays(), model.meta), model.feature_definition()
        texts = [
            network.text(network.transcribe(load_features(u.path, definition))) for u in utterances
        ]
        size = 4 * model.parameters()
    else:
        image = make_image(path, row.preset, row.bits, row.sparsity)
        golden, speller = Golden(image), speller_of(image)
        texts = [text_of(image, golden.run(features_of(image, u.path)).tokens) for u in utterances]
        size = len(image.to_bytes())
    return transcript_errors([u.text for u in utterances], texts, speller), size


@click.command()
@data_option
@models_option
@output_option("wer.md")
def main(data: Path, models: Path, output: Path) -> None:
    """Measure every row, two at a time."""
    with ProcessPoolExecutor(2) as pool:
        results = list(pool.map(partial(measure, data=data, models=models), ROWS))
    base = {
        row.model: score for row, (score, _) in zip(ROWS, results, strict=True) if not row.preset
    }
    rows = []
    for row, (score, size) in zip(ROWS, results, strict=True):
        reference = base[row.model]
        low, high = paired_bootstrap(
            score.utterance_errors, reference.utterance_errors, score.utterance_words
        )
        rows.append(
            (
                row.name,
                row.preset or "–",
                f"{score.wer:.2%}",
                f"{score.errors}/{score.words}",
                f"{score.wer - reference.wer:+.2%}" if row.preset else "",
                f"{low:+.2%} to {high:+.2%}" if row.preset else "",
                f"{size:,}",
            )
        )
    header = (
        "model",
        "machine",
        "WER",
        "errors",
        "against its float",
        "95 % interval",
        "bytes",
    )
    write_page(
        output,
        "Word error rates, AN4 development split",
        (
            "113 utterances of 9 held-out speakers, greedy decoding, no language model; machines "
            "are the exact numpy machine. Intervals: paired bootstrap over utterances. Bytes: the "
            "whole image, or the float32 parameters.\n",
            table(header, rows),
        ),
    )
