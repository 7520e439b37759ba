"""Reading text as other tools write it, and writing files so that none is ever half-written."""

import codecs
import os
import tempfile
from pathlib import Path

from sordino.errors import InputError

__all__ = ["decode_text", "read_lines", "read_text", "text_lines", "write_atomically"]

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
    """As `read_text`, of bytes; `what` names them in errors."""
    if data.startswith(_WIDE):
        raise InputError(f"wanted {what} as UTF-8, got UTF-16; save it as UTF-8")
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"wanted {what} as UTF-8, got byte {data[error.start]:#04x} in line {line}; save it as "
            "UTF-8"
        ) from None


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


def write_atomically(path: str | Path, contents: bytes | str) -> None:
    """Write to a temporary name in the same folder, then rename."""
    path = Path(path)
    data = contents.encode() if isinstance(contents, str) else contents
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
