"""A recording made to what an image's network hears, and its tokens made to words."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError, warn
from sordino.image.host import MAIN, NetworkSection
from sordino.image.image import Image, ImageError
from sordino.isa.operations import Input
from sordino.speech.features import ADD_FEATURES, FeatureDefinition
from sordino.speech.inputs import ModelInput, read_input, read_vectors
from sordino.speech.text import Speller

__all__ = [
    "features_of",
    "frame_seconds",
    "hear",
    "heard_network",
    "seconds_of",
    "speller_of",
    "text_of",
    "width_of",
]


def hear(image: Image, source: str | Path | BinaryIO, name: str | None = None) -> ModelInput:
    """Model input of a recording or feature file; `name` is what messages call it.

    Raises InputError for what cannot be read, and for all but int8 vectors where the image does not
    say what its features are.
    """
    name = str(source) if name is None else name
    if image.host.features is not None:
        return read_input(source, FeatureDefinition.of_image(image), name)
    if isinstance(source, str | Path) and Path(source).suffix.lower() != ".npy":
        raise InputError(
            f"the image holds no feature definition and needs int8 vectors as .npy, got {name}; "
            + ADD_FEATURES
        )
    return read_vectors(source, width_of(image), name)


def heard_network(image: Image) -> str | None:
    """The name of the network that hears recordings; None for an image that names none.

    It is the one whose vectors entry point `main` reads on channel 0.
    """
    for name, network in image.host.networks.items():
        its = network.input
        if MAIN in network.entries.values() and its is not None and its.channel == 0:
            return name
    return None


def width_of(image: Image) -> int:
    """Values in one input vector, as the program reads them."""
    network = heard_network(image)
    if network is not None and (heard := image.host.networks[network].input) is not None:
        return heard.count
    reads = [i for i in image.program if isinstance(i, Input)]
    widths = {i.fields["count"] for i in reads if i.layer == "input"}
    widths = widths or {i.fields["count"] for i in reads}
    if len(widths) != 1:
        raise ImageError(f"wanted a program that reads vectors of one width, got {sorted(widths)}")
    return int(widths.pop())


def features_of(image: Image, path: str | Path) -> NDArray[np.int8]:
    """Model input (frames, dim) int8 of a recording or feature file."""
    return hear(image, path).quantised


def frame_seconds(image: Image) -> float:
    """Seconds of speech that one model input frame stands for; ImageError if nobody knows."""
    definition = FeatureDefinition.of_image(image)
    return definition.stack / definition.front_end.frame_rate


def seconds_of(image: Image, frames: int) -> float | None:
    """Seconds of speech in so many vectors; None where the image does not say."""
    return frames * frame_seconds(image) if image.host.features is not None else None


def speller_of(image: Image, network: str | None = None) -> Speller:
    """What the tokens of the image, or of one of its networks, can write.

    Nothing where they have no texts. Number n of the speller is the nth token from the network's
    lowest on.
    """
    host = image.host
    if network is None and isinstance(host, NetworkSection):
        return Speller(host.tokens, host.blank)
    network = network or heard_network(image)
    tokens = None if network is None else host.named(network).tokens
    if tokens is None:
        return Speller(())
    first = tokens.numbers[0]
    return Speller(tokens.texts, None if tokens.blank is None else tokens.blank - first)


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
