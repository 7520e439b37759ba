"""From files to a run's features and back to words."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click
import numpy as np
from numpy.typing import NDArray

from sordino.cli.images import load_image
from sordino.errors import InputError, warn
from sordino.isa.image import Image, ImageError
from sordino.isa.instructions import Opcode
from sordino.model.load import load_model
from sordino.speech.doubts import warn_of
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import ModelInput, read_input, read_vectors
from sordino.speech.text import Speller

__all__ = [
    *("STANDARD_INPUT", "Heard", "check_inputs", "complain", "facts_of", "features_of"),
    *("frame_seconds", "hear", "hear_all", "load_definition", "load_speller", "seconds_of"),
    *("speller_of", "text_of"),
]

_ADD_FEATURES = (
    "compile its model again with `features` in its meta and the tensors features.mean and "
    "features.std, see docs/meta.md"
)
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
        """With what JSON has of it."""
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


def load_definition(image: Image) -> FeatureDefinition:
    """The image's feature definition; ImageError if it has none."""
    features = image.host.get("features")
    if not isinstance(features, dict):
        raise ImageError(f"the image holds no feature definition; {_ADD_FEATURES}")
    return FeatureDefinition.from_dict(features)


def check_inputs(paths: Sequence[str]) -> None:
    """A usage error where standard input is to be read more than once."""
    if paths.count(STANDARD_INPUT) > 1:
        raise click.UsageError("standard input (-) can be read only once; name it once")


def hear(image: Image, path: str | Path) -> ModelInput:
    """Model input of a recording or feature file, or of standard input for `-`.

    Raises InputError for what cannot be read, and for all but int8 vectors where the image does not
    say what its features are.
    """
    source: str | Path | BinaryIO = path
    name = str(path)
    if name == STANDARD_INPUT:
        name, source = "standard input", _standard_input()
    if image.host.get("features") is not None:
        return read_input(source, load_definition(image), name)
    if isinstance(source, str | Path) and Path(source).suffix.lower() != ".npy":
        raise InputError(
            f"the image holds no feature definition and needs int8 vectors as .npy, got {name}; "
            + _ADD_FEATURES
        )
    return read_vectors(source, _width(image), name)


def _standard_input() -> BinaryIO:
    stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise InputError("wanted a recording on standard input, but it is closed; pipe one in")
    if stream.isatty():
        raise InputError("wanted a recording on standard input, but it is a terminal; pipe one in")
    return stream


def _width(image: Image) -> int:
    """Values in one input vector, as the program reads them."""
    reads = [i for i in image.program if i.opcode is Opcode.INPUT]
    widths = {i.fields["count"] for i in reads if i.layer == "input"}
    widths = widths or {i.fields["count"] for i in reads}
    if len(widths) != 1:
        raise ImageError(f"wanted a program that reads vectors of one width, got {sorted(widths)}")
    return int(widths.pop())


def features_of(image: Image, path: str | Path) -> tuple[NDArray[np.int8], float]:
    """Model input (frames, dim) int8 of a recording or feature file, and the seconds it took."""
    begin = time.perf_counter()
    return hear(image, path).quantised, time.perf_counter() - begin


def hear_all(image: Image, paths: Sequence[str]) -> list[Heard]:
    """All inputs, each read once; what is refused or doubtful is said on standard error.

    Raises InputError where there is but one, and it is refused.
    """
    if image.host.get("features") is not None:
        load_definition(image)  # not once for each input
    found = []
    for path in paths:
        begin = time.perf_counter()
        try:
            heard = hear(image, path)
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


def frame_seconds(image: Image) -> float:
    """Seconds of speech that one model input frame stands for; ImageError if nobody knows."""
    definition = load_definition(image)
    return definition.stack / definition.front_end.frame_rate


def seconds_of(image: Image, frames: int) -> float | None:
    """Seconds of speech in so many vectors; None where the image does not say."""
    return frames * frame_seconds(image) if image.host.get("features") is not None else None


def speller_of(image: Image) -> Speller:
    """What the image's tokens can write; an image without names of tokens writes nothing."""
    return Speller(image.host.get("tokens", ()), image.host.get("blank"))


def load_speller(path: Path) -> Speller:
    """What the tokens of an image, or of a float model, can write."""
    if path.suffix == ".sordino":
        return speller_of(load_image(path))
    model = load_model(path, option=None)
    return Speller(model.tokens, model.blank)


def text_of(image: Image, tokens: Sequence[int]) -> str:
    """The transcript: token texts joined, white space normalised; nothing for unnamed tokens."""
    speller = speller_of(image)
    unnamed = sorted({t for t in tokens if t >= len(speller.tokens)})
    if unnamed:
        warn(
            f"the image has no text of token {unnamed[0]} ({len(speller.tokens)} are named), which "
            "is left out of transcripts; compile its model again"
        )
    return speller.text(t for t in tokens if t < len(speller.tokens))
