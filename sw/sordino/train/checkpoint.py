"""Checkpoints: whole or absent, and read without executing anything."""

import io
import pickle
import struct
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sordino.errors import InputError
from sordino.files import write_atomically

__all__ = ["DAMAGED", "load_checkpoint", "save_checkpoint"]

DAMAGED = (
    RuntimeError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    AssertionError,
    MemoryError,
    RecursionError,
    OverflowError,
    NotImplementedError,
    struct.error,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)
"""What reading a checkpoint, or going on from one, raises where it is damaged."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values; a process killed meanwhile leaves the last checkpoint.

    Raises InputError, and leaves the last checkpoint, where it cannot be written.
    """
    contents = io.BytesIO()
    torch.save(state, contents)
    try:
        write_atomically(path, contents.getvalue())
    except InputError as error:
        reason = str(error).partition(";")[0].removeprefix("cannot write ")
        raise InputError(
            f"cannot write checkpoint {reason}; mend that, and the same command goes on from the "
            "checkpoint before, which is kept"
        ) from None


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote; InputError for anything else, also where a bit differs."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read checkpoint {path}: {error.strerror}") from None
    try:
        _check_archive(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other pickle protocols: they are refused anyway
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        _check_tensors(state, len(data))
    except DAMAGED:
        state = None
    if not isinstance(state, dict):
        raise InputError(
            f"wanted a checkpoint, but {path} is none or damaged; delete it to start again"
        )
    return state


def _check_archive(data: bytes) -> None:
    """Raise BadZipFile for what is no archive of whole parts, or would grow when unpacked."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > len(data) or archive.testzip() is not None:
            raise zipfile.BadZipFile


def _check_tensors(state: object, most: int) -> None:
    """Raise ValueError for tensors of more bytes than were read."""
    for tensor in _tensors(state):
        held = tensor.untyped_storage().nbytes()
        if held > most or tensor.numel() * tensor.element_size() > held:
            raise ValueError


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)
