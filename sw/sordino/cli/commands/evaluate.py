"""`sordino eval`."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, get_args

import click

from sordino.cli.ends.cutting import end_options, end_recogniser, take_ends
from sordino.cli.shared.engines import ENGINES, make_engine, make_open_engine
from sordino.cli.shared.lattice_figures import LatticeFigures, WantedLattices, print_lattices
from sordino.cli.shared.networks import heard_tokens
from sordino.cli.shared.options import data_option, json_option, path_type
from sordino.cli.shared.output import console, print_json, print_table, progress
from sordino.cli.shared.search import SearchChoice, search_options
from sordino.cli.shared.speech import complain, facts_of
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.decode.transducer import FloatTransducer
from sordino.endpoint.measured import EndFigures
from sordino.engines.bound import cycle_bound
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.isa.registers import Error
from sordino.lattice.coding.owner import image_vocabulary, model_vocabulary
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.model.load import load_model
from sordino.model.reference import FloatRnnt
from sordino.recogniser.ends import EndOptions
from sordino.speech.corpora.datasets import Split, Utterance
from sordino.speech.corpora.splits import load_split
from sordino.speech.doubts import warn_of
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import ModelInput, read_input
from sordino.speech.text import Speller
from sordino.speech.transcript import frame_seconds, speller_of, text_of
from sordino.speech.wer import Wer, transcript_errors

__all__ = ["evaluate"]


@dataclass
class _Outcome:
    """What was said of whom, and what there is to say against it.

    spoken   the utterances that could be read, with a text each
    refused  why the others could not be read
    stopped  by utterance, the error that the machine stopped with
    facts    by file, what `run --json` has of it
    sizes    by file, the values of its input
    factor   the real-time factor, where there is time
    speller  what the model that wrote the texts can write
    figures  of the lattices, where they are wanted
    ends     of the ends of utterances, where these are looked for
    decoder  what searched, where anything did
    """

    speller: Speller
    spoken: list[Utterance] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    refused: list[InputError] = field(default_factory=list)
    refused_files: list[str] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    factor: float | None = None
    figures: LatticeFigures | None = None
    ends: EndFigures | None = None
    decoder: Decoder | None = None

    def searching(self, decoder: Decoder, vocabulary: Vocabulary | None) -> Callable[..., str]:
        """What makes texts of inputs; with a vocabulary, lattices are kept on the way."""
        self.decoder = decoder
        if vocabulary is None:
            return decoder.text
        self.figures = LatticeFigures(vocabulary)
        return partial(self.figures.hear, decoder)

    def read(self, utterance: Utterance, definition: FeatureDefinition) -> ModelInput | None:
        """An utterance's input, with what is to be kept of it; None where it is refused."""
        path = str(utterance.path)
        try:
            found = read_input(path, definition)
        except InputError as error:
            self.refused.append(error)
            self.refused_files.append(path)
            return None
        self.spoken.append(utterance)
        self.sizes[path] = found.quantised.size
        self.facts[path] = facts_of(found)
        return found

    def as_dict(self) -> dict[str, Any]:
        """What JSON has of the recordings: shares over the set, and whom there is to doubt."""
        audio = {n: f["audio"] for n, f in self.facts.items() if f["audio"] is not None}
        levels = [a["level_dbfs"] for a in audio.values() if a["level_dbfs"] is not None]
        total = max(1, sum(self.sizes.values()))
        return {
            "real_time_factor": self.factor,
            "stopped": self.stopped,
            "saturated": sum(f["saturated"] * self.sizes[n] for n, f in self.facts.items()) / total,
            "lowest_level_dbfs": min(levels, default=None),
            "silent": [n for n, a in audio.items() if a["level_dbfs"] is None],
            "missing": {n: a["missing"] for n, a in audio.items() if a["missing"]},
            "doubts": {n: f["doubts"] for n, f in self.facts.items() if f["doubts"]},
            "refused": dict(zip(self.refused_files, map(str, self.refused), strict=True)),
        }


def _transcribe(
    model: Path,
    meta: Path | None,
    engine: str,
    choice: SearchChoice,
    lattices: WantedLattices | None,
    ends: EndOptions | None,
    utterances: list[Utterance],
) -> _Outcome:
    with progress() as bar:
        task = bar.add_task(f"{model.name} ({engine})", total=len(utterances))
        kept = bar.track(utterances, task_id=task)
        if engine == "float":
            return _in_float(model, meta, choice if choice.wanted else None, lattices, kept)
        image = Image.load(model)
        definition = FeatureDefinition.of_image(image)
        if ends is not None:
            return _cut(image, definition, engine, choice, ends, kept)
        if choice.wanted:
            return _searched(image, definition, engine, choice, lattices, kept)
        return _greedy(image, definition, engine, kept)


def _each(
    outcome: _Outcome,
    utterances: Iterable[Utterance],
    definition: FeatureDefinition,
    text: Callable[[ModelInput], str],
) -> _Outcome:
    for utterance in utterances:
        if (heard := outcome.read(utterance, definition)) is not None:
            outcome.texts.append(text(heard))
    return outcome


def _in_float(
    model: Path,
    meta: Path | None,
    choice: SearchChoice | None,
    lattices: WantedLattices | None,
    utterances: Iterable[Utterance],
) -> _Outcome:
    loaded = load_model(model, meta)
    definition = loaded.feature_definition()
    outcome = _Outcome(Speller(loaded.tokens, loaded.blank))
    if choice is not None:
        vocabulary = None if lattices is None else model_vocabulary(loaded, lattices.words)
        text = outcome.searching(choice.decoder(FloatTransducer(loaded)), vocabulary)
        return _each(outcome, utterances, definition, lambda x: text(x.features))
    network = FloatRnnt(loaded.arrays(), loaded.meta)
    return _each(
        outcome, utterances, definition, lambda x: network.text(network.transcribe(x.features))
    )


def _searched(
    image: Image,
    definition: FeatureDefinition,
    engine: str,
    choice: SearchChoice,
    lattices: WantedLattices | None,
    utterances: Iterable[Utterance],
) -> _Outcome:
    machine = MachineTransducer(image, make_open_engine(engine, image))
    outcome = _Outcome(speller_of(image))
    vocabulary = None if lattices is None else image_vocabulary(image, lattices.words)
    text = outcome.searching(choice.decoder(machine), vocabulary)
    before = machine.work
    _each(outcome, utterances, definition, lambda x: text(x.quantised))
    cycles = machine.work.since(before).cycles
    frames = sum(outcome.sizes.values()) / image.network.input.count
    if cycles and frames:
        spoken = frames * frame_seconds(image)
        outcome.factor = cycles / image.config.clock_hz / spoken
    return outcome


def _greedy(
    image: Image, definition: FeatureDefinition, engine: str, utterances: Iterable[Utterance]
) -> _Outcome:
    outcome, device = _Outcome(speller_of(image)), make_engine(engine, image)
    busy = spoken = 0.0
    for utterance in utterances:
        if (heard := outcome.read(utterance, definition)) is None:
            continue
        frames = len(heard.quantised)
        result = device.run(heard.quantised, cycle_limit=cycle_bound(image, frames))
        busy += result.counters.get("cycles", 0) / image.config.clock_hz
        spoken += frames * frame_seconds(image)
        if result.error is not Error.NONE:
            outcome.stopped[utterance.name] = result.error.name
        outcome.texts.append(text_of(image, heard_tokens(image, result)))
    outcome.factor = busy / spoken if busy else None
    return outcome


def _cut(
    image: Image,
    definition: FeatureDefinition,
    engine: str,
    choice: SearchChoice,
    ends: EndOptions,
    utterances: Iterable[Utterance],
) -> _Outcome:
    recogniser, decoder = end_recogniser(image, make_open_engine(engine, image), choice, ends)
    outcome = _Outcome(speller_of(image), decoder=decoder)
    outcome.ends = EndFigures(recogniser, MachineTransducer(image), outcome.speller)
    for utterance in utterances:
        if outcome.read(utterance, definition) is not None:
            outcome.texts.append(outcome.ends.hear(utterance.path, utterance.text))
            if outcome.ends.error is not None:
                outcome.stopped[utterance.name] = outcome.ends.error
    return outcome


@click.command(
    "eval",
    epilog="\b\nExamples:\n"
    "  sordino eval model.sordino --data an4\n"
    "  sordino eval model.npz --data an4 --engine float --json\n"
    "  sordino eval model.sordino --data an4 --engine cycles\n"
    "  sordino eval model.sordino --data an4 --beam 8 --lm an4.arpa\n"
    "  sordino eval model.sordino --data an4 --beam 16 --lattice --json\n"
    "  sordino eval model.sordino --data an4 --beam 8 --phrases names.txt\n"
    "  sordino eval model.sordino --data an4 --endpoints --json",
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
    help="An engine as in `sordino run`, or float: the model in floating point.  [default: "
    "golden for an image, float for a model]",
)
@click.option("--meta", type=path_type, help="JSON file with a float model's meta, if it has none.")
@click.option(
    "--lattice",
    is_flag=True,
    help="With --beam: bytes and oracle word error rate of the lattices, as `sordino lattice` "
    "makes them, read back from their bytes.",
)
@click.option(
    "--words",
    type=path_type,
    help="With --lattice: word n-gram, an ARPA file, of their code.  [default: as `lattice`]",
)
@end_options
@search_options
@json_option
def evaluate(
    model: Path,
    data: Path,
    split: Split,
    engine: str | None,
    meta: Path | None,
    lattice: bool,
    words: Path | None,
    as_json: bool,
    **search: Any,
) -> None:
    """Word error rate of MODEL (an image, or a float model) over a data set.

    With --beam or --lm the host searches through the machine's entry points, on any engine.
    Utterances that cannot be read are left out: a line tells of them, --json lists them under
    `refused`, and the exit code is 2. --json has under `doubts` those of which nothing good may
    come.

    With --endpoints each recording is heard with silence behind it, and --json has under
    `endpoints` how many ended early, how long the others waited, and how often a speculation was
    right. Word errors are then those of all utterances that were cut out.
    """
    engine = engine or ("golden" if model.suffix == ".sordino" else "float")
    ends = take_ends(search)
    choice = SearchChoice(**search)
    lattices = WantedLattices.wanted(lattice, words, choice)
    if meta is not None and engine != "float":
        raise InputError(
            f"wanted a float model to use --meta on, got {model} for engine {engine}; leave --meta "
            "out, an image has all in it"
        )
    if ends is not None and (engine == "float" or lattice):
        other = "--lattice" if lattice else f"engine {engine}"
        raise InputError(f"wanted --endpoints with an image and without --lattice, got {other}")
    utterances = load_split(data, split, "--split {}")
    heard = _transcribe(model, meta, engine, choice, lattices, ends, utterances)
    if not heard.spoken:
        raise heard.refused[0]
    score: Wer = transcript_errors([u.text for u in heard.spoken], heard.texts, heard.speller)
    warn_of({name: facts["doubts"] for name, facts in heard.facts.items()})
    found = {}
    if heard.figures is not None:
        found = heard.figures.as_dict([heard.speller.adapt(u.text) for u in heard.spoken])
    if heard.ends is not None:
        found = {"endpoints": heard.ends.as_dict()}
    if as_json:
        head = {"model": str(model), "engine": engine, "split": split}
        searched = choice.as_dict(heard.decoder)
        print_json({**head, **searched, **_score_dict(score), **heard.as_dict(), **found})
    else:
        _print(model.name, engine, split, choice, score, heard.factor)
        if heard.ends is not None:
            console.print(heard.ends.line())
        elif found:
            print_lattices(found)
    said = _complaints(heard, len(utterances))
    for complaint in said:
        complain(complaint)
    if said:
        sys.exit(2 if heard.refused else 1)


def _score_dict(score: Wer) -> dict[str, Any]:
    return {
        "wer": score.wer,
        "interval": list(score.interval()),
        "errors": score.errors,
        "substitutions": score.substitutions,
        "deletions": score.deletions,
        "insertions": score.insertions,
        "words": score.words,
        "utterances": score.utterances,
        "utterance_errors": list(score.utterance_errors),
    }


def _print(
    model: str, engine: str, split: str, choice: SearchChoice, score: Wer, factor: float | None
) -> None:
    low, high = score.interval()
    print_table(
        (
            "model",
            "engine",
            "split",
            "search",
            "WER",
            "95 % interval",
            "errors",
            "words",
            "utterances",
            *(() if factor is None else ("real-time factor",)),
        ),
        [
            (
                model,
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


def _complaints(heard: _Outcome, utterances: int) -> list[str]:
    """Why the word error rate is not that of the whole set, or of a machine that works."""
    said = []
    if heard.stopped:
        first, error = next(iter(heard.stopped.items()))
        number = len(heard.stopped)
        said.append(f"the machine stopped in {number} utterances, first {first}: {error}")
    if heard.refused:
        said.append(
            f"{len(heard.refused)} of {utterances} utterances could not be read and are not in "
            f"this word error rate; the first: {heard.refused[0]}"
        )
    return said
