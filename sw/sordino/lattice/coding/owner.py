"""The vocabulary of an image, or of a model in floating point: whose lattices they are."""

from fractions import Fraction
from pathlib import Path

from sordino.decode.arpa import load_arpa
from sordino.image.image import Image
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.model.rnnt import RnntModel
from sordino.speech.features import FeatureDefinition
from sordino.speech.text import Speller
from sordino.speech.transcript import speller_of

__all__ = ["image_vocabulary", "model_vocabulary"]


def image_vocabulary(image: Image, words: Path | None = None) -> Vocabulary:
    """The vocabulary of an image's lattices, with the n-gram of an ARPA file, or the shipped one.

    Raises ImageError for an image that cannot be searched, InputError for a file that is none.
    """
    seconds = None
    if image.host.features is not None:
        seconds = _seconds(FeatureDefinition.of_image(image)) * image.network.need_search().frames
    return Vocabulary(speller_of(image), seconds, None if words is None else load_arpa(words))


def model_vocabulary(model: RnntModel, words: Path | None = None) -> Vocabulary:
    """The same for a model, from which the image may be compiled."""
    seconds = _seconds(model.feature_definition()) * _factor(model)
    speller = Speller(model.tokens, model.blank)
    return Vocabulary(speller, seconds, None if words is None else load_arpa(words))


def _factor(model: RnntModel) -> int:
    """Input vectors for each of the encoder's outputs."""
    reduction = model.meta.encoder.time_reduction
    return 1 if reduction is None else reduction.factor


def _seconds(definition: FeatureDefinition) -> Fraction:
    """The time of one input vector."""
    return Fraction(definition.stack) / Fraction(definition.front_end.frame_rate)
