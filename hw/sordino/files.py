"""Reading text as other tools write it, and writing files so that none is ever half-written."""

import codecs
import errno
import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sordino.errors import InputError

__all__ = [
    "decode_text",
    "is_standard_output",
    "output_path",
    "parse_toml",
    "read_lines",
    "read_text",
    "remove_temporary",
    "resolved",
    "text_lines",
    "write_atomically",
]

_RANDOM_BYTES = 8
_SUFFIX = ".sordino"
"""A temporary name is a dot, random digits and this."""
_READER_SECONDS = 5
"""A pipe's reader may be started together with its writer."""
_POLL_SECONDS = 0.05
_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",  # begins as UTF-16 does
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read_text(path: str | Path, what: str) -> str:
    """The text of a UTF-8 file, without a byte order mark; `what` names its kind in errors.

    Raises InputError for a file that cannot be read or is not UTF-8.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {what} {path}: {error.strerror}") from None
    return decode_text(data, f"{what} {path}")


def decode_text(data: bytes, what: str) -> str:
    """The text in bytes, under the rules of `read_text`; `what` names them in errors."""
    for mark, name in _WIDE.items():
        if data.startswith(mark):
            raise InputError(f"wanted {what} as UTF-8, got {name}; save it as UTF-8")
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"wanted {what} as UTF-8, got byte {data[error.start]:#04x} in line {line}; save it as "
            "UTF-8"
        ) from None
    if (place := data.find(0)) >= 0:
        line = data.count(b"\n", 0, place) + 1
        raise InputError(
            f"wanted {what} as UTF-8, got a zero byte in line {line}, as UTF-16 and binary files "
            "have; save it as UTF-8"
        )
    return text


def parse_toml(text: str, what: str, path: str | Path) -> dict[str, Any]:
    """The tables in a file's text; `what` names its kind in errors.

    InputError for anything else, also for numbers with too many digits and tables too deep.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: of numbers, too
        said = " ".join(str(error).split())
        raise InputError(f"wanted {what} as TOML, got {path}: {said}; correct it") from None


def text_lines(text: str) -> list[str]:
    """Lines as line feeds end them, alone or after a carriage return; nothing else ends a line."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def read_lines(path: str | Path, what: str) -> list[str]:
    """The lines of a UTF-8 file, as `read_text` and `text_lines` have them.

    Raises InputError for a carriage return inside a line, too: old editors end lines with it.
    """
    lines = text_lines(read_text(path, what))
    for number, line in enumerate(lines, start=1):
        if "\r" in line:
            raise InputError(
                f"wanted {what} {path} with line feeds at the ends of lines, got a carriage return "
                f"inside line {number}; save it with LF or CRLF"
            )
    return lines


def write_atomically(path: str | Path, contents: bytes | str) -> int:
    """Write a file so that there is the old one or the new one; returns its size in bytes.

    Links are followed, and folders are made. An existing file keeps its permissions, and its owner
    where the system allows it; other hard links to it keep the old contents. What is no regular
    file (a device, a pipe, standard output) is written through. InputError where the file cannot
    be written; nothing is left then.
    """
    # Names of files that are not UTF-8 stand in some texts.
    data = contents.encode(errors="backslashreplace") if isinstance(contents, str) else contents
    if resolved(path) is None:
        _write_through(Path(path), data)
        return len(data)
    with (
        output_path(path) as temporary,
        _errors(path),
        os.fdopen(os.open(temporary, os.O_WRONLY), "wb") as file,
    ):
        file.write(data)
    return len(data)


@contextmanager
def output_path(path: str | Path) -> Iterator[Path]:
    """A path that a library may write to, whose contents become `path`'s when the block ends.

    As `write_atomically`; if the block raises, `path` stays as it was.
    """
    target = resolved(path)
    if target is None and not is_standard_output(path):
        with _errors(path):
            handle = _opened(Path(path))
        try:
            yield Path(path)  # a device or a pipe, which a reader may want to follow
        finally:
            os.close(handle)
        return
    with _errors(path):
        temporary = _temporary(target)
    try:
        yield temporary
        if target is None:
            _write_through(Path(path), temporary)
        else:
            with _errors(path):
                os.replace(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink()


def resolved(path: str | Path) -> Path | None:
    """The regular file that writing to `path` makes or replaces, all links followed.

    None for what is written through. InputError for folders, and links that lead nowhere.
    """
    target = Path(os.path.realpath(path))
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"wanted a file to write, but {path} is a folder; name a file in it")
        if not stat.S_ISREG(found.st_mode) or is_standard_output(path):
            return None
    except FileNotFoundError:
        return target
    except NotADirectoryError:
        file = next(parent for parent in Path(path).absolute().parents if parent.exists())
        raise InputError(
            f"cannot write {path}: {file} is not a folder; choose another path"
        ) from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {_reason(error)}; choose another path") from None
    # /dev/fd and /proc name open files that may have no name of their own.
    named = target.exists() and os.path.samestat(target.stat(), found)
    return target if named else None


def remove_temporary(folder: str | Path) -> None:
    """Remove what processes that were killed while writing have left in a folder.

    Nobody else may be writing there.
    """
    digits = "[0-9a-f]" * 2 * _RANDOM_BYTES
    for path in Path(folder).glob(f".{digits}{_SUFFIX}"):
        path.unlink(missing_ok=True)


def is_standard_output(path: str | Path) -> bool:
    """Whether `path` is what standard output goes to (and is not the null device)."""
    try:
        found = os.stat(path)
        return os.path.samestat(found, os.fstat(1)) and not os.path.samestat(
            found, os.stat(os.devnull)
        )
    except OSError:
        return False


def _temporary(target: Path | None) -> Path:
    """A new empty file beside `target`, with its permissions; anywhere for None."""
    name = f".{secrets.token_hex(_RANDOM_BYTES)}{_SUFFIX}"
    if target is None:
        path = Path(tempfile.gettempdir()) / name
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return path
    target.parent.mkdir(parents=True, exist_ok=True)
    path = target.parent / name
    try:
        old = target.stat()
    except FileNotFoundError:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        return path
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with suppress(OSError, AttributeError):
        os.chown(path, old.st_uid, old.st_gid)
    try:
        permissions = stat.S_IMODE(old.st_mode)
        if stat.S_IMODE(path.stat().st_mode) != permissions:  # some file systems have but one
            os.chmod(path, permissions)
    except BaseException:
        path.unlink()
        raise
    return path


def _write_through(path: Path, contents: bytes | Path) -> None:
    """Write to a device, a pipe or standard output; the contents, or those of a file."""
    standard = is_standard_output(path)
    if standard and sys.stdout is not None:
        sys.stdout.flush()
    with _errors(path, quiet=standard):
        handle = os.dup(1) if standard else _opened(path)
        with os.fdopen(handle, "wb") as file:
            if isinstance(contents, bytes):
                file.write(contents)
            else:
                with contents.open("rb") as source:
                    shutil.copyfileobj(source, file)


def _opened(path: Path) -> int:
    """A handle of a device or a pipe; InputError for a pipe that nobody begins to read."""
    if not path.is_fifo():
        return os.open(path, os.O_WRONLY | os.O_TRUNC)
    end = time.monotonic() + _READER_SECONDS
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > end:
                raise InputError(
                    f"cannot write {path}: it is a pipe, and no process reads it; start one that "
                    "does before"
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            os.set_blocking(handle, True)
            return handle


@contextmanager
def _errors(path: str | Path, quiet: bool = False) -> Iterator[None]:
    """InputError of what the system says; not of a reader that goes away, if `quiet`."""
    try:
        yield
    except OSError as error:
        if quiet and isinstance(error, BrokenPipeError):
            raise
        raise InputError(f"cannot write {path}: {_reason(error)}; choose another path") from None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
