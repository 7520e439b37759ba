"""`transcripts.tsv`: what is said in the recordings of a folder."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from sordino.errors import InputError, warn
from sordino.files import read_lines
from sordino.speech.text import split_words

__all__ = ["TABLE", "TranscriptRow", "read_table"]

TABLE = "transcripts.tsv"
_COLUMNS = ("file", "transcript", "speaker", "split")
_NEEDED = _COLUMNS[:2]
_NOTES = ("voice", "duration_stretch", "stretch", "text")
"""How synthetic speech was made, for whoever makes it again; `text` is what a synthesiser read."""
_ALIKE = 0.7


@dataclass(frozen=True, kw_only=True)
class TranscriptRow:
    """A line of the table; what it does not say is empty."""

    line: int
    file: str
    transcript: str
    speaker: str
    split: str


def read_table(
    path: Path, splits: Collection[str], *, unlabelled: bool = False
) -> list[TranscriptRow]:
    """The rows of a table: text in UTF-8, a line of column names, then a recording a line.

    Columns, separated by tabs, in any order: `file` (in the table's folder, each once),
    `transcript`, and where there are any `speaker` and `split` (one of `splits`). How synthetic
    speech was made (`voice`, `duration_stretch`, `stretch`, `text`) is not read; an InputWarning
    names all other columns. Quotes are characters like any others. Blank lines are passed
    over, and fields that are missing at the end of a line are empty.

    A transcript has words; with `unlabelled`, it may be empty. Raises InputError, with the line,
    for anything else.
    """
    lines = read_lines(path, "a table of transcripts")
    numbered = [(n, line) for n, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise InputError(f"wanted a line of column names in {path}, got an empty file")
    (_, header), *rest = numbered
    names = _column_names(_fields(header), path)
    rows: list[TranscriptRow] = []
    seen: dict[PurePosixPath, int] = {}
    for number, line in rest:
        where = f"in line {number} of {path}"
        fields = _fields(line)
        if len(fields) > len(names):
            raise InputError(
                f"wanted {len(names)} fields {where}, as there are columns, got {len(fields)}; "
                "take tabs out of the text, or name the column"
            )
        row = _row(number, dict(zip(names, fields, strict=False)))
        _check_file(row.file, where)
        if not row.transcript and not unlabelled:
            raise InputError(
                f"wanted a transcript with words of {row.file} {where}, got none; write what is "
                "said, or delete the line"
            )
        if row.split and row.split not in splits:
            raise InputError(
                f"wanted a split among {', '.join(splits)} {where}, got {row.split!r}; correct it"
            )
        first = seen.setdefault(PurePosixPath(row.file), number)
        if first != number:
            raise InputError(
                f"wanted each recording once, got {row.file} {where} as in line {first}; delete one"
            )
        rows.append(row)
    return rows


def _fields(line: str) -> list[str]:
    """A line's fields without the empty ones at its end; spaces around them do not count."""
    return [field.strip() for field in line.rstrip().split("\t")]


def _column_names(names: Sequence[str], path: Path) -> Sequence[str]:
    for name in _NEEDED:
        if name not in names:
            raise InputError(
                f"wanted a first line of column names, file and transcript among them, separated "
                f"by tabs, in {path}, got {names!r:.60}; name the columns"
            )
    for number, name in enumerate(names):
        if name in names[:number]:
            raise InputError(f"wanted every column of {path} once, got {name!r} twice; drop one")
        if name not in _COLUMNS and (meant := _meant(name)) and meant not in names:
            raise InputError(f"wanted column {meant!r} in {path}, got {name!r}; correct its name")
    if others := [name for name in names if name not in _COLUMNS + _NOTES]:
        warn(
            f"not read in {path}: column{'s' * (len(others) > 1)} {', '.join(map(repr, others))}; "
            f"what is read is named {', '.join(_COLUMNS)}"
        )
    return names


def _meant(name: str) -> str | None:
    """The column that another name must be a slip for."""
    found = get_close_matches(name.lower(), _COLUMNS, n=1, cutoff=_ALIKE)
    return found[0] if found else None


def _row(number: int, fields: dict[str, str]) -> TranscriptRow:
    values = {name: fields.get(name, "") for name in _COLUMNS}
    values["transcript"] = " ".join(split_words(values["transcript"]))
    return TranscriptRow(line=number, **values)


def _check_file(name: str, where: str) -> None:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise InputError(f"wanted the name of a file in the folder {where}, got {name!r}; name one")
