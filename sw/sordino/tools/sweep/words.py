"""Word errors of points that decode alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.errors import InputError, warn
from sordino.golden.machine import Golden
from sordino.model.rnnt import RnntModel
from sordino.speech.corpora.splits import load_split
from sordino.speech.inputs import read_input
from sordino.speech.text import Speller
from sordino.speech.wer import caseless_errors, check_references, word_error_rate
from sordino.tools.sweep.build import compile_point
from sordino.tools.sweep.identity import recordings_identity
from sordino.tools.sweep.points import Point

__all__ = ["SCORE", "Recordings", "word_errors"]

_OTHER_SPLIT = "some of them in the split dev, which a sweep measures on"
SCORE = ("wer", "errors", "words", "case_errors")
"""What a stored count holds: the rate and what it is made of, and the errors of case alone."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Recordings:
    """A data set's development split, as a model hears it and would write it.

    identity    of the contents
    inputs      int8 (frames, dim) of each recording
    references  what is said in each
    """

    identity: str
    inputs: tuple[NDArray[np.int8], ...]
    references: tuple[str, ...]

    @classmethod
    def load(cls, model: RnntModel, data: Path) -> "Recordings":
        """Read any data set that `load_dataset` reads, once for all points.

        What is doubtful of the recordings, or cannot be written by the model, is an InputWarning.
        Raises InputError for what cannot be read, or changes meanwhile.
        """
        definition = model.feature_definition()
        utterances = load_split(data, "dev", _OTHER_SPLIT)
        identity = recordings_identity(utterances)
        references = check_references(
            [u.text for u in utterances], Speller(model.tokens, model.blank)
        )
        heard = [read_input(u.path, definition) for u in utterances]
        if recordings_identity(utterances) != identity:
            raise InputError(
                f"wanted the same recordings from first to last in {data}, got others while they "
                "were read; sweep again"
            )
        doubts = [(u.path, h.doubts) for u, h in zip(utterances, heard, strict=True) if h.doubts]
        if doubts:
            path, said = doubts[0]
            warn(
                f"{len(doubts)} of {len(heard)} recordings are doubtful, first {path}: "
                f"{'; '.join(said)}; `sordino eval --json` lists all"
            )
        return cls(
            identity=identity,
            inputs=tuple(h.quantised for h in heard),
            references=tuple(references),
        )


def word_errors(
    model: RnntModel, base: Config, point: Point, recordings: Recordings
) -> dict[str, Any]:
    """Count word errors of a point that can be built: greedy, on the exact machine."""
    image = compile_point(model, base, point).image
    golden, speller = Golden(image), Speller(image.network.tokens, image.network.blank)
    texts = [speller.text(golden.run(x).tokens) for x in recordings.inputs]
    score = word_error_rate(recordings.references, texts)
    return {
        "wer": score.wer,
        "errors": score.errors,
        "words": score.words,
        "case_errors": score.errors - caseless_errors(recordings.references, texts),
    }
