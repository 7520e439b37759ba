"""Word errors of points that decode alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sordino.arch import Config
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.model.rnnt import RnntModel
from sordino.speech.datasets import Utterance, load_dataset
from sordino.speech.features import FeatureDefinition, load_input
from sordino.speech.text import Speller
from sordino.speech.wer import caseless_errors, check_references, word_error_rate
from sordino.sweep.build import compile_point
from sordino.sweep.identity import recordings_identity
from sordino.sweep.points import Point

__all__ = ["SCORE", "Recordings", "word_errors"]

SCORE = ("wer", "errors", "words", "case_errors")
"""What a stored count holds: the rate and what it is made of, and the errors of case alone."""


@dataclass(frozen=True, kw_only=True)
class Recordings:
    """A data set's development split: its content's name, and what a model would write of it."""

    identity: str
    utterances: tuple[Utterance, ...]
    references: tuple[str, ...]

    @classmethod
    def load(cls, model: RnntModel, data: Path) -> "Recordings":
        """Load any data set that `load_dataset` reads; an InputWarning as `check_references`."""
        model.feature_definition()
        utterances = load_dataset(data, "dev")
        speller = Speller(model.tokens, model.blank)
        return cls(
            identity=recordings_identity(utterances),
            utterances=tuple(utterances),
            references=tuple(check_references([u.text for u in utterances], speller)),
        )


def word_errors(
    model: RnntModel, base: Config, point: Point, recordings: Recordings
) -> dict[str, Any]:
    """Count word errors of a point that can be built: greedy, on the exact machine.

    Raises InputError where the recordings are no longer what they were.
    """
    image = compile_point(model, base, point).image
    golden, definition = Golden(image), FeatureDefinition.from_dict(image.host["features"])
    speller = Speller(image.host["tokens"], image.host["blank"])
    utterances, references = recordings.utterances, recordings.references
    texts = [speller.text(golden.run(_input(u, definition)).tokens) for u in utterances]
    if recordings_identity(utterances) != recordings.identity:
        raise InputError(
            "wanted the same recordings from first to last, got others while their word errors "
            "were counted; sweep again"
        )
    return _score(references, texts)


def _input(utterance: Utterance, definition: FeatureDefinition) -> Any:
    return load_input(utterance.path, definition)


def _score(references: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    score = word_error_rate(references, texts)
    return {
        "wer": score.wer,
        "errors": score.errors,
        "words": score.words,
        "case_errors": score.errors - caseless_errors(references, texts),
    }
