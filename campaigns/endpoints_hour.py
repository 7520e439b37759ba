"""Joined utterances as one long recording: utterances found, words wrong, memory."""

import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from campaigns.common import MODELS, corpus_in, data_option, output_option, write_page
from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.endpoint.silence import SECOND, Silence
from sordino.image.image import Image
from sordino.model.endpointer import load_endpointer
from sordino.model.load import load_model
from sordino.recogniser.ends import EndOptions
from sordino.recogniser.events import Ended, Event, Revised, Speculative
from sordino.recogniser.recogniser import Recogniser
from sordino.reference.markdown import table
from sordino.speech.features import FeatureDefinition
from sordino.speech.wer import word_error_rate
from sordino.train.corpus.data import Spoken, load_spoken

__all__ = ["Cuts", "Piece", "Said", "compared", "joined", "main"]

PAUSES = (0.7, 2.0)
"""Seconds of silence between two recordings, made of the first frames of the one before."""
_PIECE = 25
"""Frames of cepstra that are pushed at once."""
_PARTS = 6
"""Rows of the table of memory."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """An utterance in a long recording: its words, and the seconds where it is loud."""

    text: str
    first: float
    last: float


@dataclass(frozen=True, kw_only=True)
class Piece:
    """An utterance that was cut out: its words, and the second in which it ended."""

    text: str
    end: float


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """What was cut out, beside what was said.

    found   utterances that ended in the pause behind them
    inside  ends inside of an utterance
    more    further ends in the same pause: of what was no speech, or came late
    pairs   words said and words heard, utterance by utterance, of those run together as one
    """

    found: int
    inside: int
    more: int
    pairs: tuple[tuple[str, str], ...]


def joined(
    spoken: Sequence[Spoken], minutes: float, rng: np.random.Generator
) -> Iterator[tuple[Said, NDArray[np.float64]]]:
    """Utterances in turn with pauses behind, until they last so long: each, and its cepstra."""
    at, number = 0, 0
    while at < minutes * 60 * SECOND:
        one = spoken[number % len(spoken)]
        own = Silence(one.cepstra)
        pause = own.make(round(rng.uniform(*PAUSES) * SECOND), rng)
        first, last = ((at + frame) / SECOND for frame in own.speech)
        yield Said(text=one.text, first=first, last=last), np.concatenate([one.cepstra, pause])
        at, number = at + len(one.cepstra) + len(pause), number + 1


def compared(said: Sequence[Said], pieces: Sequence[Piece]) -> Cuts:
    """What was cut out beside what was said, both in the order of their times."""
    found = inside = more = at = 0
    pairs, words, heard = list[tuple[str, str]](), list[str](), list[str]()
    for number, one in enumerate(said):
        following = said[number + 1].first if number + 1 < len(said) else float("inf")
        behind = 0
        while at < len(pieces) and pieces[at].end <= following:
            behind += pieces[at].end >= one.last
            inside += pieces[at].end < one.last
            heard.append(pieces[at].text)
            at += 1
        words.append(one.text)
        found, more = found + bool(behind), more + max(0, behind - 1)
        if behind or number + 1 == len(said):
            pairs.append((" ".join(words), " ".join(filter(None, heard))))
            words, heard = [], []
    return Cuts(found=found, inside=inside, more=more, pairs=tuple(pairs))


def _alone(image: Image, spoken: Sequence[Spoken]) -> float:
    """The word error rate of the recordings, each alone and without end-pointing."""
    recogniser, definition = Recogniser(image), FeatureDefinition.of_image(image)
    heard = []
    for one in spoken:
        recogniser.push_vectors(definition.quantise(definition.model_input(one.cepstra)))
        heard.append(recogniser.finish()[-1].text)
    return word_error_rate([one.text for one in spoken], heard).wer


def _peak() -> float:
    """MiB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class _Long:
    """A long recording that is heard: what was said and found, and memory on the way."""

    def __init__(self, image: Image, minutes: float) -> None:
        self._recogniser = Recogniser(image, ends=EndOptions())
        self.minutes, self.seconds, self.resets, self.likely = minutes, 0.0, 0, 0
        self.said, self.pieces = list[Said](), list[Piece]()
        self.memory = list[tuple[float, float]]()

    def hear(self, spoken: Sequence[Spoken]) -> None:
        """Hear it, and count."""
        begin = time.process_time()
        for said, cepstra in joined(spoken, self.minutes, np.random.default_rng(0)):
            self.said.append(said)
            for first in range(0, len(cepstra), _PIECE):
                self._take(self._recogniser.push_cepstra(cepstra[first : first + _PIECE]))
            self._remember(said.last)
        self._take(self._recogniser.finish())
        self.memory.append((self.said[-1].last / 60, _peak()))
        self.seconds = time.process_time() - begin

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            self.resets += isinstance(event, Revised)
            self.likely += isinstance(event, Speculative)
            if isinstance(event, Ended) and event.seconds is not None:
                self.pieces.append(Piece(text=event.text, end=event.seconds))

    def _remember(self, seconds: float) -> None:
        if seconds / 60 >= self.minutes * (len(self.memory) + 1) / _PARTS:
            self.memory.append((seconds / 60, _peak()))
            click.echo(f"{seconds / 60:.0f} minutes: {len(self.pieces)} utterances", err=True)


@click.command()
@data_option
@output_option("endpoints-hour.md")
@click.option(
    "--model",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=MODELS / "voices_rnnt_causal.npz",
    help="The transducer.  [default: the repository's models/voices_rnnt_causal.npz]",
)
@click.option(
    "--endpoint",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=MODELS / "voices_rnnt_causal.endpoint.npz",
    help="The end-pointer.  [default: the repository's models/voices_rnnt_causal.endpoint.npz]",
)
@click.option("--minutes", type=click.FloatRange(0.1, 600), default=60.0, show_default=True,
              help="How long the recording is.")  # fmt: skip
def main(data: Path, output: Path, model: Path, endpoint: Path, minutes: float) -> None:
    """Hear joined utterances of the development speakers as one recording, on the exact machine."""
    network = load_model(model, None)
    image = compile_model(network, PRESETS["small"], None, load_endpointer(endpoint)).image
    spoken = load_spoken(corpus_in(data), "dev")
    alone = _alone(image, spoken)
    long = _Long(image, minutes)
    long.hear(spoken)
    cuts = compared(long.said, long.pieces)
    words = word_error_rate([said for said, _ in cuts.pairs], [heard for _, heard in cuts.pairs])
    rows = [
        ("utterances said", f"{len(long.said):,}"),
        ("ended in the pause behind them", f"{cuts.found:,} ({cuts.found / len(long.said):.1%})"),
        ("ends inside of an utterance", f"{cuts.inside:,}"),
        ("further ends in the same pause", f"{cuts.more:,}"),
        ("words wrong", f"{words.errors:,} of {words.words:,} ({words.wer:.2%})"),
        ("words wrong, each recording alone", f"{alone:.2%}"),
        ("speculations", f"{long.likely:,}"),
        ("revisions", f"{long.resets:,}"),
        ("seconds of a core", f"{long.seconds:,.0f}"),
    ]
    write_page(output, "An hour of utterances", [
        f"Utterances of the development speakers in turn, {PAUSES[0]:g} to {PAUSES[1]:g} s of "
        f"silence behind each, made of its own first frames: {minutes:g} minutes as one recording. "
        f"`{model.name}` with `{endpoint.name}` hears it on the exact machine, "
        f"{_PIECE / SECOND:g} s at a time. An utterance is found if it ends before the next one is "
        "loud. Words of utterances that were run together are compared together.\n",
        table(("what", ""), rows),
        "\n## Memory\n",
        "The most that the process has held, with Python and all that it was started with.\n",
        table(("after, minutes", "MiB"), [(f"{m:.0f}", f"{mib:.1f}") for m, mib in long.memory]),
    ])  # fmt: skip
