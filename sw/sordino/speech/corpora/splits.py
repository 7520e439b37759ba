"""A split of a corpus, and what there is instead where there is none."""

from pathlib import Path

from sordino.errors import InputError
from sordino.speech.corpora.datasets import PUBLISHED, Split, Utterance, load_dataset

__all__ = ["load_split"]


def load_split(
    path: Path, split: Split, remedy: str, *, unlabelled: bool = False
) -> list[Utterance]:
    """The utterances of a split, as `load_dataset`.

    Raises `InputError` as it does; where the corpus has other splits, the message names them with
    `remedy`: what a user writes to use one, with {} for its name.
    """
    try:
        return load_dataset(path, split, unlabelled=unlabelled)
    except InputError as error:
        others = [other for other in PUBLISHED if _holds(path, other, unlabelled)]
        if not others:
            raise
        ways = " or ".join(dict.fromkeys(remedy.format(other) for other in others))
        raise InputError(
            f"{error}; {path} has {' and '.join(others)}, so it needs {ways}"
        ) from None


def _holds(path: Path, split: Split, unlabelled: bool) -> bool:
    try:
        return bool(load_dataset(path, split, unlabelled=unlabelled))
    except InputError:
        return False
