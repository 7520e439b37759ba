"""What every command prints with: one console, one JSON object, one way to fail."""

import json
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from sordino.cli.shared.streams import drop_output
from sordino.errors import InputWarning

__all__ = [
    "console",
    "echo",
    "fail",
    "frequency",
    "print_json",
    "print_json_line",
    "print_table",
    "progress",
    "restore_terminal",
    "settings",
    "shown_warnings",
    "speak_on_standard_error",
]

_WIDE = 1000
"""Columns where nobody looks at a terminal: no table is ever wrapped in a file or a pipe."""

# Transcripts and paths are printed as they are: no markup, no emoji codes.
console = Console(
    stderr=False,
    soft_wrap=True,
    highlight=False,
    markup=False,
    emoji=False,
    width=None if sys.stdout is not None and sys.stdout.isatty() else _WIDE,
)
_errors = Console(stderr=True, highlight=False, markup=False, emoji=False)


def speak_on_standard_error() -> None:
    """Print there all that the running command has to say: a file goes to standard output."""
    console.stderr = True


def echo(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print a text as it is."""
    stream = sys.stderr if err or console.stderr else sys.stdout
    stream.write(text + end)
    stream.flush()


def _line(message: str) -> str:
    """A message in one line; what a terminal would obey, as in names of files, is shown."""
    line = " ".join(message.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def fail(message: str, code: int = 2) -> NoReturn:
    """End with one line on standard error."""
    try:
        echo(f"sordino: {_line(message)}", err=True)
    except OSError:  # nobody hears it; the code says it all the same
        drop_output(sys.stderr)
    sys.exit(code)


_warned: list[str] = []
"""What the running command has warned of, each message once."""


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Print every different `InputWarning` of a command as one line on standard error."""

    others = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, InputWarning):
            return others(message, category, *place, **more)
        text = _line(str(message))
        if text not in _warned:
            _warned.append(text)
            echo(f"sordino: warning: {text}", err=True)

    _warned.clear()
    console.stderr = False
    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        warnings.showwarning = show
        yield


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output, with `warnings` as its last entry."""
    _print_object({**value, "warnings": _warned}, indent=2)


def print_json_line(value: dict[str, Any], *, last: bool) -> None:
    """One JSON object in a line of its own, at once; the last one has `warnings`, too."""
    _print_object({**value, "warnings": _warned} if last else value, indent=None)
    (sys.stderr if console.stderr else sys.stdout).flush()


def _print_object(value: dict[str, Any], *, indent: int | None) -> None:
    stream = sys.stderr if console.stderr else sys.stdout
    plain = not str(getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")
    echo(json.dumps(value, indent=indent, ensure_ascii=plain, allow_nan=False))


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None
) -> None:
    """A readable table; numbers are right-aligned."""
    rows = [tuple(row) for row in rows]
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, name in enumerate(header):
        numeric = all(str(row[number])[:1] in "-+.0123456789" for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console.print(table)


def restore_terminal() -> None:
    """Show the cursor, which a progress bar hides; a signal may have come just then."""
    _errors.show_cursor()


def progress() -> Progress:
    """A progress bar on standard error that vanishes when done."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=_errors,
        transient=True,
        disable=not _errors.is_terminal,
    )


_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}


def frequency(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """Click callback: '50MHz', '100e6' or '12 kHz' in hertz."""
    if value is None:
        return None
    text = value.strip().removesuffix("Hz").removesuffix("hz").strip()
    unit = text[-1:] if text[-1:] in ("k", "K", "M", "G") else ""
    try:
        hertz = round(float(text.removesuffix(unit)) * _UNITS[unit])
    except (ValueError, OverflowError):
        raise click.BadParameter(f"wanted a frequency such as 50MHz, got {value!r}") from None
    if hertz < 1:
        raise click.BadParameter(f"wanted a positive frequency, got {value!r}")
    return hertz


def settings(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, int]:
    """Click callback: repeated K=V as a dictionary of integers."""
    result = {}
    for item in values:
        key, equals, value = item.partition("=")
        try:
            result[key.strip()] = int(value.replace("_", ""), 0)
        except ValueError:
            equals = ""
        if not equals:
            raise click.BadParameter(f"wanted FIELD=INTEGER such as lanes=32, got {item!r}")
    return result
