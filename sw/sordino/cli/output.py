"""What every command prints with: one console, one JSON object, one way to fail."""

import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from sordino.errors import InputError, InputWarning

__all__ = [
    *("console", "fail", "frequency", "prepare_output", "print_json", "print_table"),
    *("progress", "settings", "shown_warnings"),
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
    width=None if sys.stdout.isatty() else _WIDE,
)
_errors = Console(stderr=True, highlight=False, markup=False, emoji=False)


def fail(message: str, code: int = 2) -> NoReturn:
    """End with one line on standard error."""
    click.echo("sordino: " + " ".join(message.split()), err=True)
    sys.exit(code)


def prepare_output(path: Path | None) -> None:
    """Make the folder of a file to be written; InputError if it cannot be written there."""
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"wanted a file to write, but {path} is a folder; name a file in it")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise InputError(f"cannot write {path}: {folder} is not a folder; choose another path")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {path}: no permission in {folder}; choose another path")
    path.parent.mkdir(parents=True, exist_ok=True)


_warned: list[str] = []
"""What the running command has warned of, each message once."""


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Print every different `InputWarning` of a command as one line on standard error."""

    others = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, InputWarning):
            return others(message, category, *place, **more)
        text = " ".join(str(message).split())
        if text not in _warned:
            _warned.append(text)
            click.echo(f"sordino: warning: {text}", err=True)

    _warned.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        warnings.showwarning = show
        yield


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output, with `warnings` as its last entry."""
    value = {**value, "warnings": _warned}
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


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


def progress() -> Progress:
    """A progress bar on standard error that vanishes when done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
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
