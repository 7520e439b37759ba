"""How willing trained models are to write: word errors with lower and higher scores of blank."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from campaigns.common import choose_apart, write_page
from campaigns.training import load_result
from sordino.cli.options import data_option
from sordino.model.load import load_model
from sordino.model.rnnt import RnntModel
from sordino.reference.markdown import table
from sordino.speech.datasets import Utterance, load_dataset
from sordino.speech.inputs import load_features
from sordino.speech.reference import FloatRnnt
from sordino.speech.text import Speller
from sordino.speech.wer import Wer, transcript_errors

__all__ = ["measure"]

PENALTIES = (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


def measure(run: Path, utterances: Sequence[Utterance]) -> list[Wer]:
    """Word errors of a training's model in float, rounded as it is, at each of PENALTIES.

    They are counted from the network as it was trained: what its recipe takes off is given back.
    """
    result, model = load_result(run), load_model(run / "model.npz")
    model = model.with_blank_penalty(-result["recipe"]["schedule"].get("blank_penalty", 0.0))
    network, definition = _network(model, 0.0), model.feature_definition()
    scale = 2**definition.fraction_bits
    heard = [
        network.listen(definition.quantise(load_features(u.path, definition)) / scale)
        for u in utterances
    ]
    texts, speller = [u.text for u in utterances], Speller(model.tokens, model.blank)
    scores = []
    for penalty in PENALTIES:  # what the encoder has heard does not depend on it
        lower = _network(model, penalty)
        said = [lower.text(lower.decode(x)) for x in heard]
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
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@data_option
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def main(runs: tuple[Path, ...], data: Path, output: Path) -> None:
    """Decode the development split with the trainings in folders RUNS."""
    utterances = load_dataset(data, "dev")
    rows, totals = [], np.zeros(len(PENALTIES), np.int64)
    every = []
    for run in runs:
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
        *("chosen apart", "sub / del / ins at 0"),
    )
    write_page(
        output,
        "A lower score of blank",
        "make blank-penalty",
        (
            f"Word errors, of {words} words of the AN4 development split, decoded greedily in "
            "float with the score of blank lower by so many nats (`sordino compile "
            "--blank-penalty`, `blank_penalty` of recipes). Chosen apart: every speaker with what "
            "is best for the other speakers.\n",
            table(header, rows),
        ),
    )


if __name__ == "__main__":
    main()
