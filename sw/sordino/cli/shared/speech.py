"""The inputs that a command is given: files and standard input, heard or refused."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click
import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.image.image import Image
from sordino.model.load import load_model
from sordino.speech import transcript
from sordino.speech.doubts import warn_of
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import ModelInput
from sordino.speech.text import Speller
from sordino.speech.transcript import speller_of

__all__ = [
    "STANDARD_INPUT",
    "Heard",
    "check_inputs",
    "complain",
    "facts_of",
    "hear",
    "hear_all",
    "load_speller",
    "standard_input",
]

STANDARD_INPUT = "-"
"""The name of an input that is not a file."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Heard:
    """An input: what a model hears of it, or the message with which it is refused."""

    path: str
    features: NDArray[np.int8]
    seconds_taken: float = 0.0
    facts: dict[str, Any]
    refused: str | None = None

    @classmethod
    def of(cls, path: str, heard: ModelInput, seconds_taken: float) -> "Heard":
        """An input that has been read, with the facts of it that --json has."""
        return cls(
            path=path,
            features=heard.quantised,
            seconds_taken=seconds_taken,
            facts=facts_of(heard),
        )

    @classmethod
    def not_heard(cls, path: str, message: str) -> "Heard":
        """A refused one; the facts are its whole entry in JSON."""
        return cls(
            path=path,
            features=np.zeros((0, 0), np.int8),
            facts={
                **dict.fromkeys(("audio", "saturated", "spread", "distance")),
                "doubts": [],
                "refused": message,
            },
            refused=message,
        )


def facts_of(heard: ModelInput) -> dict[str, Any]:
    """What JSON has of an input."""
    return {
        "audio": None if heard.audio is None else heard.audio.as_dict(),
        "saturated": heard.saturated,
        "spread": heard.like.spread,
        "distance": heard.like.distance,
        "doubts": list(heard.doubts),
        "refused": None,
    }


def check_inputs(paths: Sequence[str]) -> None:
    """A usage error where standard input is to be read more than once."""
    if paths.count(STANDARD_INPUT) > 1:
        raise click.UsageError("standard input (-) can be read only once; name it once")


def hear(image: Image, path: str | Path, piped: BinaryIO | None = None) -> ModelInput:
    """Model input as `sordino.speech.transcript.hear` reads it, of standard input for `-`.

    `piped` is what standard input has given, where somebody has read it already.
    """
    if str(path) == STANDARD_INPUT:
        return transcript.hear(image, piped or standard_input(), "standard input")
    return transcript.hear(image, path)


def standard_input() -> BinaryIO:
    """The bytes of standard input; InputError where it is closed or a terminal."""
    stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise InputError("wanted a recording on standard input, but it is closed; pipe one in")
    if stream.isatty():
        raise InputError("wanted a recording on standard input, but it is a terminal; pipe one in")
    return stream


def hear_all(image: Image, paths: Sequence[str], piped: BinaryIO | None = None) -> list[Heard]:
    """All inputs, each read once; what is refused or doubtful is said on standard error.

    `piped` is as in `hear`. Raises InputError where there is but one, and it is refused.
    """
    if image.host.features is not None:
        FeatureDefinition.of_image(image)  # not once for each input
    found = []
    for path in paths:
        begin = time.perf_counter()
        try:
            heard = hear(image, path, piped)
        except InputError as error:
            if len(paths) == 1:
                raise
            complain(str(error))
            found.append(Heard.not_heard(path, str(error)))
            continue
        warn_of({path: heard.doubts})
        found.append(Heard.of(path, heard, time.perf_counter() - begin))
    return found


def complain(message: str) -> None:
    """Say on standard error, in one line, what was refused while others go on."""
    click.echo("sordino: " + " ".join(message.split()), err=True)


def load_speller(path: Path) -> Speller:
    """What the tokens of an image, or of a float model, can write."""
    if path.suffix == ".sordino":
        return speller_of(Image.load(path))
    model = load_model(path, option=None)
    return Speller(model.tokens, model.blank)
