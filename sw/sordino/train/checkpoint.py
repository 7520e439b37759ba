"""Checkpoints: whole or absent, and read without executing anything."""

import io
import pickle
import struct
from pathlib import Path
from typing import Any

import torch

from sordino.errors import InputError
from sordino.files import write_atomically

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values; a process killed meanwhile leaves the last checkpoint."""
    contents = io.BytesIO()
    torch.save(state, contents)
    write_atomically(path, contents.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote; InputError for anything else."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"cannot read checkpoint {path}: {error.strerror}") from None
    except (
        *(RuntimeError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError),
        *(AssertionError, MemoryError, struct.error, pickle.UnpicklingError),
    ):
        state = None
    if not isinstance(state, dict):
        raise InputError(f"wanted a checkpoint, but {path} is none; delete it to start again")
    return state
