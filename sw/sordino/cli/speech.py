"""From files to a run's features and back to words."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sordino.isa.image import Image, ImageError
from sordino.speech.features import FeatureDefinition, load_input
from sordino.speech.text import spell

__all__ = ["features_of", "frame_seconds", "load_definition", "text_of"]


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


def text_of(image: Image, tokens: Sequence[int]) -> str:
    """The transcript: token texts joined, white space normalised."""
    names = image.host.get("tokens", ())
    return spell(names[t] for t in tokens if t < len(names))
