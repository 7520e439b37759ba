"""Files and folders on the command line: what is read, what is written, and nothing is both."""

import os
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import wraps
from pathlib import Path
from typing import Any

import click

from sordino.arch import PRESETS
from sordino.cli.shared.output import speak_on_standard_error
from sordino.cli.shared.streams import CLOSED
from sordino.errors import InputError
from sordino.files import is_standard_output, resolved

__all__ = [
    "InputPath",
    "MachinePath",
    "OutputFile",
    "OutputFolder",
    "checked",
    "default_output",
    "prepare_folder",
    "prepare_output",
]

_STANDARD_OUTPUT = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
_WRITTEN = "sordino.cli.shared.paths.written"


class InputPath(click.Path):
    """A file or folder that the command reads."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """A path; a usage error for an empty name, as of a shell's variable that is not set."""
        if value in ("", b""):
            self.fail("wanted a path, got an empty name", param, ctx)
        return super().convert(value, param, ctx)

    def paths(self, value: Any) -> list[Path]:
        """The paths in an option's value."""
        values = value if isinstance(value, list | tuple) else [value]
        return [Path(one) for one in values if one is not None]


class MachinePath(InputPath):
    """A machine's TOML file, or the name of a preset."""

    def paths(self, value: Any) -> list[Path]:
        """The paths in an option's value; presets have none."""
        return [path for path in super().paths(value) if str(path) not in PRESETS]


class OutputFile(InputPath):
    """A file that the command writes."""

    def __init__(self, **more: Any) -> None:
        super().__init__(path_type=Path, readable=False, **more)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """A path; a usage error for `-`, which other tools take for standard output."""
        if value == "-":
            self.fail(
                "wanted a file to write, got '-'; give /dev/stdout for standard output, or ./-",
                param,
                ctx,
            )
        if self.file_okay and str(value).endswith("/"):
            self.fail(f"wanted a file to write, got {value}; name a file in it", param, ctx)
        return super().convert(value, param, ctx)


class OutputFolder(OutputFile):
    """A folder that the command writes files into, whose names fit `names`."""

    def __init__(self, *names: str) -> None:
        super().__init__(file_okay=False)
        self.names = names


def checked(command: click.Command) -> click.Command:
    """The command, or group of commands, checking what it would write before it does anything."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            checked(inner)
        return command
    callback = command.callback
    assert callback is not None

    @wraps(callback)
    def first_checked(*args: Any, **more: Any) -> Any:
        context = click.get_current_context()
        for param in context.command.params:
            value = context.params.get(param.name or "")
            if isinstance(param.type, OutputFolder) and value is not None:
                prepare_folder(value, param.type.names)
            elif isinstance(param.type, OutputFile) and value is not None:
                prepare_output(value)
        return callback(*args, **more)

    command.callback = first_checked
    return command


def prepare_output(path: Path) -> None:
    """InputError unless the running command can write the file `path` without harm.

    It cannot where it reads that file, in whatever spelling or through links, where it reads the
    folder that the file is in and there is such a file, where it writes the same file twice, and
    where there is no permission. Commands call this for files that no option names.
    """
    context = click.get_current_context()
    if "stdout" in CLOSED and str(path) in _STANDARD_OUTPUT:
        raise InputError(f"cannot write {path}: standard output is closed; choose another path")
    target = resolved(path)
    for read in _inputs(context):
        if _same(path, read):
            raise InputError(
                f"cannot write {path}: the command reads {_alias(read, path)}; choose another path"
            )
        if target is not None and target.exists() and read.is_dir() and _found_in(target, read):
            raise InputError(
                f"cannot write {path}: it is in {read}, which the command reads; remove it or "
                "choose another path"
            )
    _prepare(context, path, path if target is None else target)
    if is_standard_output(path):
        speak_on_standard_error()


def default_output(read: Path, suffix: str) -> Path:
    """The file beside `read` with that suffix; InputError as `prepare_output`."""
    if not read.name:
        raise InputError(f"wanted a file to read, but {read} is a folder; name a file in it")
    path = read.with_suffix(suffix)
    prepare_output(path)
    return path


def prepare_folder(folder: Path, names: tuple[str, ...]) -> None:
    """Prepare for files with these names in a folder, as `prepare_output` does for one file."""
    context = click.get_current_context()
    for place in (folder, *folder.parents):
        if place.is_symlink() and not place.exists():
            raise InputError(
                f"cannot write into {folder}: {place} is a link that leads nowhere; choose another "
                "folder"
            )
    for read in _inputs(context):
        if _same(folder, read):
            raise InputError(
                f"cannot write into {folder}: the command reads {_alias(read, folder)}; choose "
                "another folder"
            )
        for real in {Path(os.path.realpath(read)), read.absolute()}:
            inner = _within(real, Path(os.path.realpath(folder)))
            if inner is not None and any(fnmatchcase(inner, name) for name in names):
                raise InputError(
                    f"cannot write into {folder}: the command reads {read}, which would be "
                    "replaced; choose another folder"
                )
        for name in names:
            inner_files = folder.glob(name) if "*" in name else [folder / name]
            if any(_same(file, read) for file in inner_files):
                raise InputError(
                    f"cannot write into {folder}: the command reads {read}, which is the same "
                    "as one there; choose another folder"
                )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"wanted a folder to write into, but {folder} is a file; choose another")
    for name in names:
        if "*" not in name:
            _prepare(context, folder / name, Path(os.path.realpath(folder / name)))
    _check_permission(folder, Path(os.path.realpath(folder)) / "any")


def _prepare(context: click.Context, path: Path, target: Path) -> None:
    written: list[tuple[Path, Path]] = context.meta.setdefault(_WRITTEN, [])
    for other, file in written:
        if _same(target, file):
            raise InputError(
                f"cannot write {path}: the command writes {_alias(other, path)} too; choose "
                "another path"
            )
    written.append((path, target))
    if not target.exists() or target.is_file():
        _check_permission(path, target)


def _check_permission(path: Path, target: Path) -> None:
    try:
        folder = next(parent for parent in target.parents if parent.exists())
        if not folder.is_dir():
            raise InputError(f"cannot write {path}: {folder} is not a folder; choose another path")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"cannot write {path}: no permission in {folder}; choose another path")
        if target.exists() and not os.access(target, os.W_OK):
            raise InputError(
                f"cannot write {path}: it is read-only; choose another path, or change its "
                "permissions"
            )
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another path") from None


def _inputs(context: click.Context) -> Iterator[Path]:
    """Existing files and folders that the running command was told to read."""
    for param in context.command.params:
        kind = param.type
        if isinstance(kind, InputPath) and not isinstance(kind, OutputFile):
            for path in kind.paths(context.params.get(param.name or "")):
                if os.path.exists(path):
                    yield path


def _same(one: Path, other: Path) -> bool:
    """Whether both are one file, existing or not; a device may be read and written."""
    try:
        if not (os.path.exists(one) and os.path.exists(other)):
            return os.path.realpath(one) == os.path.realpath(other)
        return os.path.samefile(one, other) and (one.is_file() or one.is_dir() or one.is_fifo())
    except OSError:
        return False


def _alias(read: Path, written: Path) -> str:
    return "it" if str(read) == str(written) else f"{read}, which is the same"


def _found_in(file: Path, folder: Path) -> bool:
    """Whether `file` is somewhere in `folder`, or a link there leads to it."""
    if _within(file, Path(os.path.realpath(folder))) is not None:
        return True
    wanted, seen = file.stat(), set[tuple[int, int]]()
    for place, inner, names in os.walk(folder, followlinks=True):
        found = os.stat(place)
        if (found.st_dev, found.st_ino) in seen:  # a link back
            inner.clear()
            continue
        seen.add((found.st_dev, found.st_ino))
        for name in names:
            with suppress(OSError):
                if os.path.samestat(os.stat(os.path.join(place, name)), wanted):
                    return True
    return False


def _within(path: Path, folder: Path) -> str | None:
    """The path in that folder, both real."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else None
