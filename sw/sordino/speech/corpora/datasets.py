"""Speech corpora as their publishers lay them out: CMU AN4, Free Spoken Digit Dataset (FSDD).

And any folder of recordings with a table of their transcripts
(`sordino.speech.corpora.transcript_table`).
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from sordino.errors import InputError
from sordino.files import read_lines
from sordino.speech.corpora.transcript_table import TABLE, read_table
from sordino.speech.text import split_words

__all__ = ["PUBLISHED", "Split", "Utterance", "load_dataset"]

Split = Literal["train", "dev", "test", "tuning", "fitting"]
"""Parts of a corpus; `tuning` and `fitting` are AN4's `train` in two, to choose on and to fit."""
PUBLISHED: tuple[Split, ...] = ("train", "dev", "test")
"""The parts that any corpus may have, and that a table may name."""

_DIGITS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
_EVERY = 9  # AN4: every ninth of the sorted training speakers is held out, and the one after it
_FSDD_TEST_INDICES = 5  # FSDD: recordings 0–4 of each speaker and digit, as its README says
_AN4_FOLDERS = (("feat", ".mfc"), ("wav", ".sph"), ("wav", ".wav"), ("wav", ".flac"))
_TRANSCRIPT = re.compile(r"(?:<s>)?(?P<text>.*?)(?:</s>)?\s*\((?P<name>[^()\s]+)\)")
_FSDD_NAME = re.compile(r"(?P<digit>[0-9])_(?P<speaker>[^_]+)_(?P<index>[0-9]+)")


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """One recording: its name, the file to read, the words spoken as written there, by whom."""

    name: str
    path: Path
    text: str
    speaker: str
    split: Split


def load_dataset(path: str | Path, split: Split, *, unlabelled: bool = False) -> list[Utterance]:
    """The utterances of one split of the corpus in folder `path`.

    * AN4: `etc/*.fileids`, `etc/*.transcription` and `feat/` (preferred) or `wav/`, in the order
      of the `.fileids`; dev is every ninth of the sorted training speakers, train the others,
      test the distribution's own `*_test`. To choose on, with models trained on `fitting`, there is
      `tuning`: every ninth speaker from the second; `fitting` is the rest of `train`.
    * FSDD: a `recordings/` folder, or the folder that holds it, sorted by name; test is index 0–4,
      train the rest, and there is no dev.
    * A folder with `transcripts.tsv`: a line of column names, then a recording a line, in their
      order, as `read_table` has it; without a split all is train.

    With `unlabelled`, lines of such a table may lack a transcript: the text is empty. Raises
    `InputError` for another split or folder, or one in which something is missing or there twice.
    """
    root = Path(path)
    if split not in get_args(Split):
        raise InputError(
            f"wanted split train, dev, test, tuning or fitting, got {split!r}; choose one"
        )
    if not root.is_dir():
        raise InputError(
            f"wanted a folder with AN4, FSDD or {TABLE}, but {root} is not a folder; check the path"
        )
    if (root / "etc").is_dir():
        return _load_an4(root, split)
    if (root / TABLE).is_file():
        return _load_table(root, split, unlabelled)
    for folder in (root / "recordings", root):
        if any(folder.glob("[0-9]_*_*.wav")):
            return _load_fsdd(folder, split)
    raise InputError(
        f"wanted an AN4 tree (etc/, feat/ or wav/), FSDD recordings or {TABLE} in {root}, got "
        "none; give the folder as the corpus's own distribution unpacks it"
    )


def _load_an4(root: Path, split: Split) -> list[Utterance]:
    part = "test" if split == "test" else "train"
    names = _lines(root, f"*_{part}.fileids")
    _check_names(names, root)
    texts: dict[str, str] = {}
    for line in _lines(root, f"*_{part}.transcription"):
        if (match := _TRANSCRIPT.fullmatch(line)) is None:
            raise InputError(
                f"wanted lines like 'YES (an251-fash-b)' in the transcription in {root / 'etc'}, "
                f"got {line!r}"
            )
        if match["name"] in texts:
            raise InputError(
                f"wanted one transcript of {match['name']} in {root / 'etc'}, got two; delete one"
            )
        texts[match["name"]] = " ".join(split_words(match["text"]))
    chosen = names
    if part == "train":
        heard = _speakers({_speaker(name) for name in names}, split)
        chosen = [name for name in names if _speaker(name) in heard]
    if not chosen:
        raise InputError(f"wanted utterances of {split} in {root}, got none")
    return [_an4_utterance(root, name, texts, split) for name in chosen]


def _speakers(speakers: set[str], split: Split) -> set[str]:
    """The training speakers of the distribution that are in a split."""
    ranked = sorted(speakers)
    dev, tuning = set(ranked[::_EVERY]), set(ranked[1::_EVERY])
    parts: dict[Split, set[str]] = {
        "train": speakers - dev,
        "dev": dev,
        "tuning": tuning,
        "fitting": speakers - dev - tuning,
    }
    return parts[split]


def _lines(root: Path, pattern: str) -> list[str]:
    """The lines that are not blank of the one file in `etc/` whose name fits `pattern`."""
    found = sorted((root / "etc").glob(pattern))
    if len(found) != 1:
        raise InputError(
            f"wanted one etc/{pattern} in {root}, got {len(found)}; "
            "this split is not in the folder, or the folder is not AN4"
        )
    lines = read_lines(found[0], "a list of AN4")
    return [line.strip() for line in lines if line.strip()]


def _check_names(names: list[str], root: Path) -> None:
    """InputError for file ids that are there twice, or that lead out of the folder."""
    known: set[str] = set()
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"wanted file ids in {root}, got {name!r}; name files in the folder")
        if path.name in known:
            raise InputError(
                f"wanted every recording once in the lists in {root / 'etc'}, got {path.name} "
                "twice; delete one"
            )
        known.add(path.name)


def _speaker(name: str) -> str:
    """The speaker in a file id, the folder of the recording: `an4_clstk/fash/an251-fash-b`."""
    return PurePosixPath(name).parent.name


def _an4_utterance(root: Path, name: str, texts: dict[str, str], split: Split) -> Utterance:
    stem = PurePosixPath(name).name
    if stem not in texts:
        raise InputError(f"wanted a transcript of {stem} in {root / 'etc'}, got none; add it")
    if not texts[stem]:
        raise InputError(
            f"wanted words in the transcript of {stem} in {root / 'etc'}, got none; delete it from "
            "the lists"
        )
    for folder, suffix in _AN4_FOLDERS:
        path = root / folder / f"{name}{suffix}"
        if path.is_file():
            return Utterance(
                name=stem, path=path, text=texts[stem], speaker=_speaker(name), split=split
            )
    raise InputError(f"wanted {name} as feat/*.mfc or wav/*.sph, *.wav, *.flac in {root}, got none")


def _load_fsdd(folder: Path, split: Split) -> list[Utterance]:
    if split not in ("train", "test"):
        raise InputError(
            f"wanted split train or test of FSDD, got {split!r}; FSDD has no {split} split"
        )
    utterances = []
    for path in sorted(folder.glob("*.wav")):
        if (match := _FSDD_NAME.fullmatch(path.stem)) is None:
            raise InputError(f"wanted names like 7_jackson_32.wav in {folder}, got {path.name}")
        if (int(match["index"]) < _FSDD_TEST_INDICES) == (split == "test"):
            text = _DIGITS[int(match["digit"])]
            utterances.append(
                Utterance(
                    name=path.stem, path=path, text=text, speaker=match["speaker"], split=split
                )
            )
    if not utterances:
        raise InputError(f"wanted recordings of {split} in {folder}, got none")
    return utterances


def _load_table(root: Path, split: Split, unlabelled: bool) -> list[Utterance]:
    if split not in PUBLISHED:
        raise InputError(
            f"wanted split train, dev or test of {root / TABLE}, got {split!r}, which AN4 alone "
            "has; choose another"
        )
    utterances = []
    for row in read_table(root / TABLE, PUBLISHED, unlabelled=unlabelled):
        if (row.split or "train") != split:
            continue
        if not (path := root / row.file).is_file():
            raise InputError(
                f"wanted the recording {path}, named in line {row.line} of {TABLE}, got none; "
                "correct the name"
            )
        utterances.append(
            Utterance(
                name=path.stem, path=path, text=row.transcript, speaker=row.speaker, split=split
            )
        )
    if not utterances:
        raise InputError(f"wanted recordings of {split} in {root / TABLE}, got none")
    return utterances
