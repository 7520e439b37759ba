"""What the campaigns share: images made from a model, choices made apart, and a results page."""

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.bench.trained import find_trained
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.isa.image import Image
from sordino.model.load import load_model
from sordino.speech.datasets import Utterance

__all__ = ["choose_apart", "find_model", "make_image", "write_page"]


def find_model(name: str, data: Path) -> Path:
    """A model in ./models, or in models/ beside the data folder."""
    path = find_trained(name, data)
    if path is not None:
        return path
    raise InputError(f"wanted {name} in models/ or {data.parent / 'models'}, got neither")


def make_image(model: Path, preset: str, bits: int | None, sparsity: float | None = None) -> Image:
    """Compile, through the file format, so that what runs is what a file would hold.

    bits  of the weights; None: as the model was trained
    """
    options = CompileOptions(weight_bits=bits, sparsity=sparsity)
    compiled = compile_model(load_model(model, None), PRESETS[preset], options)
    return Image.from_bytes(compiled.image.to_bytes())


def choose_apart(errors: NDArray[np.int64], utterances: Sequence[Utterance]) -> int:
    """Word errors where each speaker is decoded with what is best for all the others.

    `errors` (choices, utterances), of what there is to choose from.
    """
    speakers = np.array([u.speaker for u in utterances])
    total = 0
    for speaker in np.unique(speakers):
        own = speakers == speaker
        best = errors[:, ~own].sum(axis=1).argmin()
        total += int(errors[best, own].sum())
    return total


def write_page(path: Path, title: str, command: str, parts: Sequence[str]) -> None:
    """A results page that names the command that made it."""
    text = f"# {title}\n\nMade by `{command}`.\n\n" + "\n".join(parts)
    write_atomically(path, text)
    click.echo(text)
