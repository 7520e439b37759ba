"""`sordino eval`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import click

from sordino.cli.engines import ENGINES, make_engine
from sordino.cli.options import data_option, json_option, path_type
from sordino.cli.output import fail, print_json, print_table, progress
from sordino.cli.search import SearchChoice, search_options
from sordino.cli.speech import features_of, frame_seconds, load_definition, speller_of, text_of
from sordino.decode.machine import MachineTransducer
from sordino.decode.transducer import FloatTransducer
from sordino.engines.bound import cycle_bound
from sordino.isa.image import Image
from sordino.isa.registers import Error
from sordino.model.load import load_model
from sordino.speech.datasets import Split, Utterance, load_dataset
from sordino.speech.features import load_features
from sordino.speech.reference import FloatRnnt
from sordino.speech.text import Speller
from sordino.speech.wer import Wer, transcript_errors

__all__ = ["evaluate"]


@dataclass
class _Heard:
    """Texts, by utterance the errors that machines stopped with, and the real-time factor.

    `speller` is of the model that wrote the texts.
    """

    speller: Speller
    texts: list[str] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    factor: float | None = None


def _transcribe(
    model: Path, engine: str, choice: SearchChoice, utterances: list[Utterance]
) -> _Heard:
    search = choice.wanted
    with progress() as bar:
        task = bar.add_task(f"{model.name} ({engine})", total=len(utterances))
        kept = bar.track(utterances, task_id=task)
        if engine == "float":
            return _in_float(model, choice if search else None, kept)
        image = Image.load(model)
        load_definition(image)
        if search:
            decoder = choice.decoder(MachineTransducer(image))
            texts = [decoder.text(features_of(image, u.path)[0]) for u in kept]
            return _Heard(speller_of(image), texts)
        return _greedy(image, engine, kept)


def _in_float(model: Path, choice: SearchChoice | None, utterances: Iterable[Utterance]) -> _Heard:
    loaded = load_model(model, None)
    definition, speller = loaded.feature_definition(), Speller(loaded.tokens, loaded.blank)
    if choice is not None:
        decoder = choice.decoder(FloatTransducer(loaded))
        texts = [decoder.text(load_features(u.path, definition)) for u in utterances]
        return _Heard(speller, texts)
    network = FloatRnnt(loaded.arrays(), loaded.meta)
    inputs = (load_features(u.path, definition) for u in utterances)
    return _Heard(speller, [network.text(network.transcribe(x)) for x in inputs])


def _greedy(image: Image, engine: str, utterances: Iterable[Utterance]) -> _Heard:
    heard, device = _Heard(speller_of(image)), make_engine(engine, image)
    busy = spoken = 0.0
    for utterance in utterances:
        features, _ = features_of(image, utterance.path)
        result = device.run(features, cycle_limit=cycle_bound(image, len(features)))
        busy += result.counters.get("cycles", 0) / image.config.clock_hz
        spoken += len(features) * frame_seconds(image)
        if result.error is not Error.NONE:
            heard.stopped[utterance.name] = result.error.name
        heard.texts.append(text_of(image, result.tokens))
    heard.factor = busy / spoken if busy else None
    return heard


@click.command(
    "eval",
    epilog="\b\nExamples:\n"
    "  sordino eval model.sordino --data an4\n"
    "  sordino eval model.npz --data an4 --engine float --json\n"
    "  sordino eval model.sordino --data an4 --engine cycles\n"
    "  sordino eval model.sordino --data an4 --beam 8 --lm an4.arpa",
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
@search_options
@json_option
def evaluate(
    model: Path, data: Path, split: Split, engine: str | None, as_json: bool, **search: Any
) -> None:
    """Word error rate of MODEL (an image, or a float model) over a data set.

    With --beam or --lm the host searches through the machine's entry points.
    """
    engine = engine or ("golden" if model.suffix == ".sordino" else "float")
    choice = SearchChoice(**search)
    choice.check_engine(engine)
    utterances = load_dataset(data, split)
    heard = _transcribe(model, engine, choice, utterances)
    score: Wer = transcript_errors([u.text for u in utterances], heard.texts, heard.speller)
    low, high = score.interval()
    factor, stopped = heard.factor, heard.stopped
    if as_json:
        print_json(
            {
                "model": str(model),
                "engine": engine,
                "split": split,
                **choice.as_dict(),
                "wer": score.wer,
                "interval": [low, high],
                "errors": score.errors,
                "substitutions": score.substitutions,
                "deletions": score.deletions,
                "insertions": score.insertions,
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
                *("model", "engine", "split", "search", "WER", "95 % interval", "errors"),
                *("words", "utterances"),
                *(() if factor is None else ("real-time factor",)),
            ),
            [
                (
                    model.name,
                    engine,
                    split,
                    str(choice),
                    f"{score.wer:.2%}",
                    f"{low:.2%} to {high:.2%}",
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
