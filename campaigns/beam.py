"""Beam search and n-gram over the AN4 development split: in float and through the machine."""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from campaigns.common import (
    data_option,
    find_model,
    make_image,
    models_option,
    output_option,
    runs_option,
    write_page,
)
from sordino.cycles.engine import Cycles
from sordino.decode.beam import INTERNAL_WEIGHT, BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.fusion import FusionOptions, NgramFusion
from sordino.decode.machine_transducer import MachineTransducer
from sordino.decode.ngram import NgramModel, estimate
from sordino.decode.transducer import FloatTransducer, Transducer
from sordino.model.load import load_model
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import Utterance, load_dataset
from sordino.speech.inputs import load_features
from sordino.speech.text import Speller
from sordino.speech.transcript import features_of, frame_seconds
from sordino.speech.wer import Wer, transcript_errors
from sordino.tools.bench.trained import FLOAT, GROUPED, SHIPPED, TRAINED_BITS

__all__ = ["ORDER", "Heard", "Recogniser", "Result", "decode", "language_model", "listen", "main"]

BEAMS = (1, 4, 8, 16)
INTERNAL = (INTERNAL_WEIGHT, 0.2)
"""Weights of the transducer's own language model: the default, and what suits other models."""
ORDER = 5
_FURTHER = "an4_more"
"""A training whose model is decoded in float, too."""


@dataclass(frozen=True)
class Recogniser:
    """A model in float, or compiled for a machine; found by name or path.

    `bits` of its weights; None: as it was trained.
    """

    model: str
    preset: str | None = None
    bits: int | None = 8
    path: Path | None = None

    @property
    def engine(self) -> str:
        """Where it runs."""
        if self.preset is None:
            return "float"
        return f"{self.preset}, {'as trained' if self.bits is None else f'{self.bits} bits'}"


RECOGNISERS = (
    Recogniser(FLOAT),
    Recogniser(FLOAT, "small", 8),
    Recogniser(GROUPED),
    Recogniser(GROUPED, "small", TRAINED_BITS),
    Recogniser(SHIPPED),
    Recogniser(SHIPPED, "small", None),
)


class Heard:
    """A transducer whose encoder has heard all utterances; it takes their numbers as input."""

    def __init__(self, transducer: Transducer[Any], inputs: Sequence[NDArray[Any]]) -> None:
        self._inner = transducer
        self.tokens, self.blank = transducer.tokens, transducer.blank
        self.max_symbols = transducer.max_symbols
        begin = time.process_time()
        self._encoded = [transducer.encode(x) for x in inputs]
        self.seconds = time.process_time() - begin
        self.start, self.advance = transducer.start, transducer.advance
        self.scores = transducer.scores

    def encode(self, x: NDArray[Any]) -> NDArray[Any]:
        """The encoder's output for utterance `x[0]`."""
        return self._encoded[int(x[0])]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One search over all utterances.

    internal     weight of the transducer's own language model, which was taken off
    rate         utterances in a second of one core, encoder included
    real_time    machine time over the time of speech, without what the host does; None in float
    """

    beam: int
    fusion: FusionOptions | None
    internal: float
    score: Wer
    rate: float
    real_time: float | None


def decode(
    heard: Heard,
    texts: Sequence[str],
    options: BeamOptions,
    lm: NgramModel,
    fusion: FusionOptions | None,
) -> tuple[Wer, float]:
    """Word errors, and the processor seconds of the search alone."""
    decoder = Decoder(
        transducer=heard,
        options=options,
        fusion=None if fusion is None else NgramFusion(lm, heard.tokens, fusion, heard.blank),
    )
    begin = time.process_time()
    said = [decoder.text(np.array([number])) for number in range(len(texts))]
    seconds = time.process_time() - begin
    return transcript_errors(texts, said, Speller(heard.tokens, heard.blank)), seconds


class _Clock:
    """The machine's time for what the entry points ran, over the time of speech."""

    def __init__(self, machine: MachineTransducer, frames: int) -> None:
        image = machine.image
        cycles, search = Cycles(image), image.network.need_search()
        widths = {
            "reset": 0,
            "encode": search.frames * image.network.input.count,
            "advance": search.embedding[2],
            "score": 0,
        }
        self._cost = {
            entry: cycles.run(np.zeros((1, width), np.int8), entry=entry).counters["cycles"]
            for entry, width in widths.items()
        }
        self._machine = machine
        self._spoken = frames * frame_seconds(image) * image.config.clock_hz
        self._encoding = dict(machine.runs)

    def reset(self) -> None:
        """Back to where the encoder has heard everything and nothing is searched."""
        self._machine.runs.update(self._encoding)

    def factor(self) -> float:
        """Since then, and for the encoder."""
        return sum(self._machine.runs[e] * c for e, c in self._cost.items()) / self._spoken


def listen(
    recogniser: Recogniser, models: Path, utterances: Sequence[Utterance]
) -> tuple[FloatTransducer | MachineTransducer, list[NDArray[Any]]]:
    """A recogniser, and for every utterance its input (frames, dim)."""
    path = recogniser.path or find_model(recogniser.model, models)
    if recogniser.preset is None:
        model = load_model(path, None)
        definition = model.feature_definition()
        return FloatTransducer(model), [load_features(u.path, definition) for u in utterances]
    image = make_image(path, recogniser.preset, recogniser.bits)
    return MachineTransducer(image), [features_of(image, u.path) for u in utterances]


def measure(recogniser: Recogniser, data: Path, models: Path) -> list[Result]:
    """The recogniser's rows of the table."""
    utterances, lm = load_dataset(data / "an4", "dev"), language_model(data)
    texts = [u.text for u in utterances]
    transducer, inputs = listen(recogniser, models, utterances)
    heard, clock = Heard(transducer, inputs), None
    if isinstance(transducer, MachineTransducer):
        clock = _Clock(transducer, sum(map(len, inputs)))

    def result(beam: int, fusion: FusionOptions | None, internal: float = 0.0) -> Result:
        if clock is not None:
            clock.reset()
        options = BeamOptions(beam=beam, internal=internal)
        score, seconds = decode(heard, texts, options, lm, fusion)
        return Result(
            beam=beam,
            fusion=fusion,
            internal=internal,
            score=score,
            rate=len(texts) / (seconds + heard.seconds),
            real_time=None if clock is None else clock.factor(),
        )

    rows = [result(beam, None) for beam in BEAMS]
    return rows + [result(b, FusionOptions(), i) for i, b in product(INTERNAL, BEAMS)]


def language_model(data: Path) -> NgramModel:
    """The n-gram of the training split's transcripts."""
    return estimate([u.text.split() for u in load_dataset(data / "an4", "train")], ORDER)


def _row(recogniser: Recogniser, result: Result) -> tuple[str, ...]:
    score = result.score
    low, high = score.interval()
    return (
        recogniser.model.removesuffix(".npz"),
        recogniser.engine,
        str(result.beam),
        f"{ORDER}-gram" if result.fusion else "–",
        f"{result.internal:g}" if result.fusion else "–",
        f"{score.wer:.2%}",
        f"{low:.2%} to {high:.2%}",
        f"{score.errors}/{score.words}",
        f"{score.substitutions} / {score.deletions} / {score.insertions}",
        f"{result.rate:.1f}",
        "–" if result.real_time is None else f"{result.real_time:.3f}",
    )


HEADER = (
    "model",
    "engine",
    "beam",
    "language model",
    "own taken off",
    "WER",
    "95 % interval",
    "errors",
    "sub / del / ins",
    "utterances/s",
    "machine time",
)


@click.command()
@data_option
@models_option
@runs_option
@output_option("beam.md")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True)
@click.option(
    "--run",
    "further",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Folder of a training whose model is decoded in float, too.  [default: an4_more in the "
    "folder of the trainings, where it is]",
)
def main(
    data: Path, models: Path, runs: Path, output: Path, jobs: int, further: tuple[Path, ...]
) -> None:
    """Measure every model, engine, beam and language model."""
    utterances, options = load_dataset(data / "an4", "dev"), FusionOptions()
    if not further and (runs / _FURTHER).is_dir():
        further = (runs / _FURTHER,)
    elif not further:
        click.echo(f"{_FURTHER} is left out: it is not in {runs}", err=True)
    trained = [Recogniser(f"{run.name}.npz", path=run / "model.npz") for run in further]
    recognisers = [*RECOGNISERS, *trained]
    with ProcessPoolExecutor(jobs) as pool:
        found = list(pool.map(partial(measure, data=data, models=models), recognisers))
    lm = language_model(data)
    parts = [
        f"{len(utterances)} utterances of 9 held-out speakers. The machine is the exact numpy "
        "machine, run through its entry points; the search is the same code. Language model: "
        f"interpolated modified Kneser–Ney {ORDER}-gram of the training split's transcripts "
        f"(`sordino lm`), {len(lm.words)} words, perplexity "
        f"{lm.perplexity(u.text.split() for u in utterances):.1f}; weight {options.weight:g}, "
        f"bonus {options.word_bonus:g}. Own taken off: weight of the transducer's own language "
        "model (`--internal-weight`). Intervals: bootstrap over utterances. Utterances in a second "
        "of one core, encoder included. Machine time: cycles of all entry points at the "
        "configuration's clock over the time of speech, without the host. Weight, bonus and what "
        "is taken off were chosen on these speakers, with the model that ships; what the choice is "
        "worth on a speaker that it has not seen is in [fusion.md](fusion.md).\n",
        table(
            HEADER,
            [_row(r, x) for r, rows in zip(recognisers, found, strict=True) for x in rows],
        ),
    ]
    write_page(output, "Beam search and language model, AN4 development split", parts)
