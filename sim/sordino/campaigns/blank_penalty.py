"""How willing trained models are to write: word errors with lower and higher scores of blank."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from sordino.campaigns.common import choose_apart, write_page
from sordino.campaigns.training import load_result
from sordino.cli.options import data_option
from sordino.model.load import load_model
from sordino.reference.markdown import table
from sordino.speech.datasets import Utterance, load_dataset
from sordino.speech.features import load_features
from sordino.speech.reference import FloatRnnt
from sordino.speech.wer import Wer, word_error_rate

__all__ = ["measure"]

PENALTIES = (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


def _said(network: FloatRnnt, heard: NDArray[np.float64], penalty: float) -> str:
    """`FloatRnnt.transcribe`'s rule after the encoder, with another score of blank."""
    state, found = network.start(), list[int]()
    for frame in heard:
        for _ in range(network.max_symbols):
            scores = network.logits(frame, state)
            scores[network.blank] -= penalty
            token = int(scores.argmax())
            if token == network.blank:
                break
            found.append(token)
            state = network.advance(state, token)
    return network.text(found)


def measure(run: Path, utterances: Sequence[Utterance]) -> list[Wer]:
    """Word errors of a training's model in float, rounded as it is, at each of PENALTIES.

    They are counted from the network as it was trained: what its recipe takes off is given back.
    """
    result, model = load_result(run), load_model(run / "model.npz")
    model = model.with_blank_penalty(-result["recipe"]["schedule"].get("blank_penalty", 0.0))
    network, definition = FloatRnnt(model.arrays(), model.meta), model.feature_definition()
    scale = 2**definition.fraction_bits
    heard = [
        network.listen(definition.quantise(load_features(u.path, definition)) / scale)
        for u in utterances
    ]
    texts = [u.text for u in utterances]
    return [
        word_error_rate(texts, [_said(network, states, penalty) for states in heard])
        for penalty in PENALTIES
    ]


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
