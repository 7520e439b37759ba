"""`sordino eval`."""

from pathlib import Path
from typing import get_args

import click

from sordino.cli.engines import ENGINES, make_engine
from sordino.cli.options import data_option, json_option, path_type
from sordino.cli.output import fail, print_json, print_table, progress
from sordino.cli.speech import features_of, frame_seconds, load_definition, text_of
from sordino.engines.bound import cycle_bound
from sordino.isa.image import Image
from sordino.isa.registers import Error
from sordino.model.load import load_model
from sordino.speech.datasets import Split, Utterance, load_dataset
from sordino.speech.features import load_features
from sordino.speech.reference import FloatRnnt
from sordino.speech.wer import Wer, word_error_rate

__all__ = ["evaluate"]


def _transcribe(
    model: Path, engine: str, utterances: list[Utterance]
) -> tuple[list[str], dict[str, str], float | None]:
    """The texts, by utterance the errors that machines stopped with, and the real-time factor."""
    texts, stopped = [], {}
    busy = spoken = 0.0
    with progress() as bar:
        task = bar.add_task(f"{model.name} ({engine})", total=len(utterances))
        if engine == "float":
            loaded = load_model(model, None)
            network = FloatRnnt(loaded.arrays(), loaded.meta)
            definition = loaded.feature_definition()
            for utterance in utterances:
                x = load_features(utterance.path, definition)
                texts.append(network.text(network.transcribe(x)))
                bar.advance(task)
        else:
            image = Image.load(model)
            load_definition(image)
            device = make_engine(engine, image)
            for utterance in utterances:
                features, _ = features_of(image, utterance.path)
                result = device.run(features, cycle_limit=cycle_bound(image, len(features)))
                busy += result.counters.get("cycles", 0) / image.config.clock_hz
                spoken += len(features) * frame_seconds(image)
                if result.error is not Error.NONE:
                    stopped[utterance.name] = result.error.name
                texts.append(text_of(image, result.tokens))
                bar.advance(task)
    return texts, stopped, busy / spoken if busy else None


@click.command(
    "eval",
    epilog="\b\nExamples:\n"
    "  sordino eval model.sordino --data an4\n"
    "  sordino eval model.npz --data an4 --engine float --json\n"
    "  sordino eval model.sordino --data an4 --engine cycles",
)
@click.argument("model", type=path_type)
@data_option
@click.option(
    "--split",
    type=click.Choice(get_args(Split)),
    default="dev",
    show_default=True,
    help="Utterances to use.",
)
@click.option(
    "--engine",
    type=click.Choice([*ENGINES.choices, "float"]),
    help="[default: golden for an image, float for a model]",
)
@json_option
def evaluate(model: Path, data: Path, split: Split, engine: str | None, as_json: bool) -> None:
    """Word error rate of MODEL (an image, or a float model) over a data set."""
    engine = engine or ("golden" if model.suffix == ".sordino" else "float")
    utterances = load_dataset(data, split)
    texts, stopped, factor = _transcribe(model, engine, utterances)
    score: Wer = word_error_rate([u.text for u in utterances], texts)
    if as_json:
        print_json(
            {
                "model": str(model),
                "engine": engine,
                "split": split,
                "wer": score.wer,
                "errors": score.errors,
                "words": score.words,
                "utterances": score.utterances,
                "utterance_errors": list(score.utterance_errors),
                "real_time_factor": factor,
                "stopped": stopped,
            }
        )
    else:
        print_table(
            (
                *("model", "engine", "split", "WER", "errors", "words", "utterances"),
                *(() if factor is None else ("real-time factor",)),
            ),
            [
                (
                    model.name,
                    engine,
                    split,
                    f"{score.wer:.2%}",
                    score.errors,
                    score.words,
                    score.utterances,
                    *(() if factor is None else (f"{factor:.3f}",)),
                )
            ],
        )
    if stopped:
        first, error = next(iter(stopped.items()))
        fail(f"the machine stopped in {len(stopped)} utterances, first {first}: {error}", 1)
