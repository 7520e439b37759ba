"""Files to read input from: regular ones, pipes and streams, none larger than it may be."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sordino.errors import InputError

__all__ = ["MOST_BYTES", "Source", "open_source"]

MOST_BYTES = 2**30
"""Of a pipe or of a file of features: what comes through a pipe is held in memory, and an hour of
16-bit stereo at 48 kHz is 0.7 GB."""


@dataclass(frozen=True)
class Source:
    """A file at its beginning: its name in messages, what is read from it, and its bytes."""

    name: str
    file: BinaryIO
    size: int


@contextmanager
def open_source(path: str | Path | BinaryIO, name: str | None = None) -> Iterator[Source]:
    """Open a file, or hold what a pipe or a binary stream has to give, so that it can be sought in.

    Raises `InputError` for a file that cannot be read and for a stream beyond `MOST_BYTES`.
    """
    if not isinstance(path, str | Path):
        yield _held(path, name or "standard input")
        return
    path = Path(path)
    try:
        opened = path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from None
    with opened as file:
        if path.is_file():
            yield Source(name or str(path), file, path.stat().st_size)
        else:
            yield _held(file, name or str(path))


def _held(stream: BinaryIO, name: str) -> Source:
    try:
        data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from None
    if len(data) > MOST_BYTES:
        raise InputError(
            f"wanted at most {MOST_BYTES:,} bytes from {name}, got more; give a file or cut it"
        )
    return Source(name, io.BytesIO(data), len(data))
