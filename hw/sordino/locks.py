"""One process at a time: a lock that names its holder and ends with it."""

import errno
import importlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from sordino.errors import InputError

__all__ = ["exclusive", "exclusive_folder"]

_IN_FOLDER = ".lock"
_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_POLL_SECONDS = 0.05
_HOLDER_BYTES = 300
_WINDOWS_PLACE = 1 << 30
"""A byte that nobody reads: what Windows locks cannot be read, and the holder's name is to be."""


@contextmanager
def exclusive(path: str | Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; `what` names in errors what it guards.

    The folder must exist; the file is made, and removed at the end. A holder that dies, however
    that happens, holds it no longer. InputError if another process (or another block of this one)
    holds it, with its process id and host; with `wait` the call waits for it instead.
    """
    path = Path(path)
    while (handle := _locked(path, what)) is None:
        if not wait:
            raise InputError(
                f"cannot use {what}: {_holder(path)} uses it; wait until that ends, or choose "
                "another"
            )
        time.sleep(_POLL_SECONDS)
    try:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        with suppress(OSError):  # Windows removes no file that is open
            path.unlink()
        os.close(handle)


@contextmanager
def exclusive_folder(folder: str | Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder as `exclusive` holds a file; the folder is made where there is none.

    A folder that was made here and stayed empty is removed again.
    """
    folder = Path(folder)
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with exclusive(folder / _IN_FOLDER, f"{what} {folder}", wait=wait):
            yield
    finally:
        if new:
            with suppress(OSError):
                folder.rmdir()


def _locked(path: Path, what: str) -> int | None:
    """A handle with the lock; None if somebody else has it."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    except OSError as error:
        raise InputError(f"cannot lock {what}: {path}: {error.strerror}") from None
    try:
        _lock(handle, what)
        # A holder that ended meanwhile has removed the file: this lock would guard nothing.
        if os.path.samestat(os.fstat(handle), os.stat(path)):
            return handle
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in _HELD:
            os.close(handle)
            raise InputError(
                f"cannot lock {what}: {path}: {error.strerror}; it needs a file system with locks"
            ) from None
    except InputError:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _lock(handle: int, what: str) -> None:
    """Take the lock or raise OSError; InputError where there are no locks at all."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, _WINDOWS_PLACE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        return
    fcntl = _fcntl(what)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _fcntl(what: str) -> ModuleType:
    try:
        return importlib.import_module("fcntl")
    except ImportError:
        raise InputError(
            f"cannot lock {what}: this Python has no file locks (fcntl); use one for Linux, macOS "
            "or Windows"
        ) from None


def _holder(path: Path) -> str:
    """The process that holds the lock, as the file says."""
    with suppress(OSError, ValueError):
        text = path.read_bytes()[:_HOLDER_BYTES].decode()
        if text.startswith("process ") and text.isprintable():
            return text
    return "another process"
