"""Synthetic speech as a corpus of its own, for `sordino train --also`.

Spoken by flite (A. Black and K. Lenzo, "Flite: a small fast run-time synthesis engine", 2001),
which comes with its voices under Carnegie Mellon University's permissive licence.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from campaigns.common import corpus_in, runs_option
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.speech.corpora.datasets import load_dataset

__all__ = ["RECORDINGS", "VOICES", "Line", "draw_lines", "speak"]

RECORDINGS = 3000
"""As many as the recipes were trained with."""
VOICES = ("slt", "rms", "awb", "kal16")
_DIGITS = ["ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "OH"]
_COMMANDS = ["YES", "NO", "GO", "STOP", "START", "HELP", "ERASE", "REPEAT", "RUBOUT", "ENTER"]
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NAME = "utterance-{:05d}.wav"


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is said, by which voice, how slowly (1: as the voice does), and at what pitch (Hz)."""

    words: tuple[str, ...]
    voice: str
    stretch: float
    pitch: float

    @property
    def transcript(self) -> str:
        """As a data set has it."""
        return " ".join(self.words)

    @property
    def command(self) -> list[str]:
        """flite's arguments, without the file: single letters are spelled."""
        text = ", ".join(word if len(word) > 1 else f"{word}." for word in self.words)
        text = re.sub(r"\bA\.", "ay", text)  # else it is the article
        settings = (f"duration_stretch={self.stretch:.2f}", f"int_f0_target_mean={self.pitch:.0f}")
        options = [part for setting in settings for part in ("--setf", setting)]
        return ["flite", "-voice", self.voice, *options, "-t", text]


def _words(rng: np.random.Generator, known: Sequence[str]) -> tuple[str, ...]:
    """A spelled word, a number, a command, or a transcript that is known."""
    kind = rng.random()
    if known and kind < 0.4:
        return tuple(str(known[int(rng.integers(len(known)))]).split())
    command = [str(rng.choice(_COMMANDS))]
    if kind < 0.5:
        return tuple(command)
    from_what = list(_LETTERS) if kind < 0.75 else _DIGITS
    said = rng.choice(from_what, size=int(rng.integers(1, 9))).tolist()
    return tuple(command + said if rng.random() < 0.15 else said)


def draw_lines(count: int, seed: int, known: Sequence[str] = ()) -> list[Line]:
    """Lines to be spoken; some are `known` transcripts. Equal arguments give equal lines."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(count):
        voice = str(rng.choice(VOICES))
        middle = 180.0 if voice == "slt" else 110.0
        lines.append(
            Line(
                words=_words(rng, known),
                voice=voice,
                stretch=float(rng.uniform(0.8, 1.35)),
                pitch=middle * float(rng.uniform(0.8, 1.3)),
            )
        )
    return lines


def _say(line: Line, path: Path) -> None:
    done = subprocess.run([*line.command, "-o", path], capture_output=True, text=True)
    if done.returncode or not path.is_file():
        raise InputError(
            f"wanted {line.transcript!r} from flite, but it failed: {done.stderr.strip()[:200]}"
        )


def speak(lines: Sequence[Line], folder: Path) -> None:
    """Recordings and their transcripts.tsv; InputError where flite is missing or fails."""
    if shutil.which("flite") is None:
        raise InputError("wanted flite, which speaks, found none; install it (Debian: flite)")
    folder.mkdir(parents=True, exist_ok=True)
    names = [_NAME.format(number) for number in range(len(lines))]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_say, lines, (folder / name for name in names)))
    rows = [
        f"{name}\t{line.transcript}\t{line.voice}-{line.pitch:.0f}\t{line.stretch:.2f}"
        for name, line in zip(names, lines, strict=True)
    ]
    header = "file\ttranscript\tspeaker\tstretch"
    write_atomically(folder / "transcripts.tsv", "\n".join([header, *rows]) + "\n")


@click.command()
@click.option("--count", type=click.IntRange(1, 99_999), default=RECORDINGS, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--like",
    type=click.Path(path_type=Path),
    envvar=["DATA", "SORDINO_DATA"],
    help="A corpus whose training transcripts are spoken among others, or a folder with an4/."
    "  [default: variable DATA]",
)
@runs_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder to write.  [default: synthetic in the trainings' folder]",
)
def main(count: int, seed: int, like: Path | None, runs: Path, output: Path | None) -> None:
    """Write a corpus of synthetic speech into a folder."""
    output = output or runs / "synthetic"
    known = sorted({u.text for u in load_dataset(corpus_in(like), "train")}) if like else []
    speak(draw_lines(count, seed, known), output)
    click.echo(f"{output}: {count} recordings; recipes name it as `also`")
