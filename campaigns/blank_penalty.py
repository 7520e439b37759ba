"""How willing trained models are to write: word errors with lower and higher scores of blank."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from campaigns.common import (
    choose_apart,
    corpus_in,
    data_option,
    find_run,
    output_option,
    runs_option,
    write_page,
)
from sordino.model.load import load_model
from sordino.model.reference import FloatRnnt
from sordino.model.rnnt import RnntModel
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import Utterance, load_dataset
from sordino.speech.inputs import load_features
from sordino.speech.text import Speller
from sordino.speech.wer import Wer, transcript_errors
from sordino.train.ancestry import read_result

__all__ = ["measure"]

SHOWN = (
    "an4_causal",
    "an4_more",
    "an4_causal_g4_80",
    "an4_taught",
    "an4_taught_long",
    "an4_narrow_long",
    "an4_mwer",
    "an4_taught_single",
    "an4_single_long",
    "an4_broad",
    "an4_broad_long",
    "an4_broad_mwer",
)
"""The trainings of the page."""
PENALTIES = (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


def measure(run: Path, utterances: Sequence[Utterance]) -> list[Wer]:
    """Word errors of a training's model in float, rounded as it is, at each of PENALTIES.

    They are counted from the network as it was trained: what its recipe takes off is given back.
    """
    result, model = read_result(run), load_model(run / "model.npz")
    model = model.with_blank_penalty(-result["recipe"]["schedule"].get("blank_penalty", 0.0))
    network, definition = _network(model, 0.0), model.feature_definition()
    scale = 2**definition.fraction_bits
    encoded = [
        network.encoder_half(definition.quantise(load_features(u.path, definition)) / scale)
        for u in utterances
    ]
    texts, speller = [u.text for u in utterances], Speller(model.tokens, model.blank)
    scores = []
    for penalty in PENALTIES:  # what the encoder makes does not depend on it
        lower = _network(model, penalty)
        said = [lower.text(lower.decode(x)) for x in encoded]
        scores.append(transcript_errors(texts, said, speller))
    return scores


def _network(model: RnntModel, penalty: float) -> FloatRnnt:
    lower = model.with_blank_penalty(penalty)
    return FloatRnnt(lower.arrays(), lower.meta)


def _row(name: str, scores: Sequence[Wer], apart: int) -> tuple[Any, ...]:
    plain = scores[PENALTIES.index(0.0)]
    return (
        name,
        *(f"{score.errors}" for score in scores),
        f"{apart}",
        f"{plain.substitutions} / {plain.deletions} / {plain.insertions}",
    )


@click.command()
@click.argument("trainings", type=click.Path(path_type=Path), nargs=-1)
@data_option
@runs_option
@output_option("blank-penalty.md")
def main(trainings: tuple[Path, ...], data: Path, runs: Path, output: Path) -> None:
    """Decode the development split with TRAININGS, folders or names in --runs."""
    utterances = load_dataset(corpus_in(data), "dev")
    rows, totals = [], np.zeros(len(PENALTIES), np.int64)
    every = []
    for run in [find_run(run, runs) for run in trainings or map(Path, SHOWN)]:
        scores = measure(run, utterances)
        errors = np.array([score.utterance_errors for score in scores])
        every.append(errors)
        totals += errors.sum(axis=1)
        rows.append(_row(run.name, scores, choose_apart(errors, utterances)))
    apart = choose_apart(np.sum(every, axis=0), utterances)
    rows.append(("all", *(f"{total}" for total in totals), f"{apart}", ""))
    words = scores[0].words
    header = (
        "recipe",
        *(f"{penalty:+g}" if penalty else "0" for penalty in PENALTIES),
        "chosen apart",
        "sub / del / ins at 0",
    )
    write_page(
        output,
        "A lower score of blank",
        (
            f"Word errors, of {words} words of the AN4 development split, decoded greedily in "
            "float with the score of blank lower by so many nats (`sordino compile "
            "--blank-penalty`, `blank_penalty` of recipes). Chosen apart: every speaker with what "
            "is best for the other speakers.\n",
            table(header, rows),
        ),
    )
