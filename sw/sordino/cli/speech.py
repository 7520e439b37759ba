"""From files to a run's features and back to words."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sordino.isa.image import Image, ImageError
from sordino.model.load import load_model
from sordino.speech.features import FeatureDefinition, load_input
from sordino.speech.text import Speller

__all__ = [
    "features_of",
    "frame_seconds",
    "load_definition",
    "load_speller",
    "speller_of",
    "text_of",
]


def load_definition(image: Image) -> FeatureDefinition:
    """The image's feature definition; ImageError if it has none."""
    features = image.host.get("features")
    if not isinstance(features, dict):
        raise ImageError("the image holds no feature definition; compile the model with its meta")
    return FeatureDefinition.from_dict(features)


def features_of(image: Image, path: str | Path) -> tuple[NDArray[np.int8], float]:
    """Model input (frames, dim) int8 of a recording or feature file, and the seconds it took."""
    begin = time.perf_counter()
    return load_input(Path(path), load_definition(image)), time.perf_counter() - begin


def frame_seconds(image: Image) -> float:
    """Seconds of speech that one model input frame stands for."""
    definition = load_definition(image)
    return definition.stack / definition.front_end.frame_rate


def speller_of(image: Image) -> Speller:
    """What the image's tokens can write; an image without names of tokens writes nothing."""
    return Speller(image.host.get("tokens", ()), image.host.get("blank"))


def load_speller(path: Path) -> Speller:
    """What the tokens of an image, or of a float model, can write."""
    if path.suffix == ".sordino":
        return speller_of(Image.load(path))
    model = load_model(path, None)
    return Speller(model.tokens, model.blank)


def text_of(image: Image, tokens: Sequence[int]) -> str:
    """The transcript: token texts joined, white space normalised; nothing for unnamed tokens."""
    speller = speller_of(image)
    return speller.text(t for t in tokens if t < len(speller.tokens))
