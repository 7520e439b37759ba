"""What a recogniser says of sound in pieces against what it says of the whole file."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import click
import numpy as np
import soundfile
from numpy.typing import NDArray

from campaigns.common import MODELS, UTTERANCES, data_option, output_option, write_page
from sordino.decode.beam import BeamOptions
from sordino.decode.machine_transducer import MachineTransducer
from sordino.errors import InputWarning
from sordino.image.image import Image
from sordino.recogniser.decoding import Beam, Decoding, Greedy
from sordino.recogniser.events import Event
from sordino.recogniser.recogniser import Recogniser
from sordino.reference.markdown import table
from sordino.speech.transcript import hear

__all__ = ["Tally", "compare", "cut"]

HEADER = ("recordings", "image", "decoding", "files", "cuttings", "events", "differences")
_KINDS = ("few", "many", "steps", "single")


@dataclass
class Tally:
    """What was compared: files, cuttings of them, events of the cut ones, and what differed."""

    files: int = 0
    cuttings: int = 0
    events: int = 0
    differences: list[str] = field(default_factory=list)


def cut(rng: np.random.Generator, samples: int) -> list[int]:
    """Random places to cut at, from 0 to the end: a few, many, regular ones, or single samples.

    Some pieces are empty.
    """
    kind = _KINDS[int(rng.integers(len(_KINDS)))]
    if kind == "steps":
        step = int(rng.integers(1, 5000))
        return [*range(0, samples, step), samples]
    if kind == "single":
        first = int(rng.integers(samples))
        return [0, *range(first, min(first + 1000, samples)), samples]
    count = int(rng.integers(1, 6) if kind == "few" else rng.integers(50, 500))
    places = rng.integers(0, samples, count, endpoint=True)
    return [0, *sorted([*places, *places[:2]]), samples]


def compare(
    recogniser: Recogniser, path: Path, cuttings: int, rng: np.random.Generator, tally: Tally
) -> None:
    """Hear a file as a whole, and then so many times in pieces."""
    samples, rate = soundfile.read(path, dtype="int16")
    vectors = hear(recogniser.image, path).quantised
    wanted = [*recogniser.push_vectors(vectors), *recogniser.finish()]
    again = Recogniser(recogniser.image, recogniser.decoding, rate=rate)
    tally.files += 1
    for _ in range(cuttings):
        found = _in_pieces(again, samples, cut(rng, len(samples)))
        tally.cuttings += 1
        tally.events += len(found)
        if found != wanted:
            tally.differences.append(path.name)


def _in_pieces(
    recogniser: Recogniser, samples: NDArray[np.int16], places: Sequence[int]
) -> list[Event]:
    events = []
    for first, last in pairwise(places):
        events += recogniser.push(samples[first:last])
    return [*events, *recogniser.finish()]


def _decodings(image: Image) -> dict[str, Decoding]:
    return {
        "greedy": Greedy(image),
        "beam 4": Beam(MachineTransducer(image), BeamOptions(beam=4)),
    }


@click.command()
@data_option
@click.option("--cuttings", default=1000, show_default=True, help="Of the shipped utterances.")
@click.option("--every", default=1, show_default=True, help="Hear every so manieth of FSDD's.")
@output_option("streaming-events.md")
def main(data: Path, cuttings: int, every: int, output: Path) -> None:
    """Compare the events of recordings in random pieces with those of the whole files."""
    rng, rows, wrong = np.random.default_rng(1), [], list[str]()
    shipped = sorted(UTTERANCES.glob("*.wav"))
    digits = sorted((data / "fsdd" / "recordings").glob("*.wav"))[::every]
    each = -(-cuttings // (4 * len(shipped)))
    for name in ("an4_rnnt_causal", "an4_rnnt_g4_80"):
        image = Image.load(MODELS / f"{name}.sordino")
        for decoding, how in _decodings(image).items():
            sets = [("shipped utterances, 16 kHz", shipped, each)]
            if decoding == "greedy":
                sets.append(("FSDD, 8 kHz, resampled", digits, 1))
            for what, paths, times in sets:
                tally, recogniser = Tally(), Recogniser(image, how)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", InputWarning)  # of level, band and clipping
                    for path in paths:
                        compare(recogniser, path, times, rng, tally)
                wrong += tally.differences
                counts = (tally.files, tally.cuttings, tally.events, len(tally.differences))
                rows.append((what, name, decoding, *(f"{count:,}" for count in counts)))
    write_page(
        output,
        "Streaming events",
        (
            "Every recording is heard as a whole file and in random pieces: a few, hundreds, equal "
            "ones, a thousand single samples, and empty ones among them. Events are equal where "
            "kind, place, words and tokens are.\n",
            table(HEADER, rows),
        ),
    )
    if wrong:
        raise SystemExit(1)
