"""The three kinds of model files: tensors by the names that the file uses, and its meta.

What a file declares is bounded before memory is taken: numbers, bytes of meta, and what an archive
unpacks to.
"""

import pickle
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize, safe_open

from sordino.errors import InputError
from sordino.meta.table import MOST_META
from sordino.model.tensors import Stored, check_floats
from sordino.npy import MOST_NUMBERS, Header, read_array, read_header
from sordino.schema.kinds import shown

__all__ = ["READERS", "Contents"]

Contents = tuple[dict[str, Any], object]
"""Tensors by the file's names, not yet converted, and meta: None, text, or an object."""

_META = "meta"
_MOST_BYTES = 8 * MOST_NUMBERS + (64 << 20)
_SAVE_META = "save np.array(json.dumps(meta))"
_NPZ = "a NumPy archive of plain arrays"
_MOST_STRUCTURE = 1 << 24
"""Bytes of what an archive says about its tensors at most."""
_SAFE = {"F16": "f2", "BF16": "bfloat16", "F32": "f4", "F64": "f8"}
_BROKEN = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    MemoryError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    IndexError,
    OverflowError,
)


def _members(path: Path, what: str, deflated: bool = True) -> list[zipfile.ZipInfo]:
    """The directory of a zip archive; InputError for a password, other methods and sizes."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise InputError(f"wanted every name once in {what}, got one twice; save it again")
    if any(member.flag_bits & 1 for member in members):
        raise InputError(f"wanted {what} without a password, got one with; save it again")
    methods = {member.compress_type for member in members} - {zipfile.ZIP_STORED}
    if methods - ({zipfile.ZIP_DEFLATED} if deflated else set()):
        raise InputError(
            f"wanted {what} as it was saved, got one with compression {max(methods)}; save it again"
        )
    if (total := sum(member.file_size for member in members)) > _MOST_BYTES:
        raise InputError(
            f"wanted {what} of at most {_MOST_BYTES:,} bytes unpacked, got {total:,}; a model has "
            f"at most {MOST_NUMBERS:,} numbers"
        )
    return members


def _read_npz(path: Path) -> Contents:
    try:
        members = _members(path, _NPZ)
        with zipfile.ZipFile(path) as archive:
            headers = {}
            for member in members:
                name, npy, rest = member.filename.rpartition(".npy")
                if not npy or rest:
                    raise InputError(
                        f"wanted {_NPZ}, got {member.filename[:80]!r} in it; export it again"
                    )
                headers[name] = _header(archive, member, name)
    except InputError:
        raise
    except _BROKEN:
        raise InputError(f"wanted {_NPZ}, got something else; export it again") from None
    stored = {
        name: Stored(header.shape, header.dtype, partial(_array, path, name))
        for name, header in headers.items()
    }
    inside = stored.pop(_META, None)
    return dict(stored), None if inside is None else _meta_text(inside.read())


def _array(path: Path, name: str) -> NDArray[Any]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            return read_array(file)
    except _BROKEN:
        raise InputError(f"wanted {_NPZ}, got {name[:80]!r} damaged; export it again") from None


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Header:
    with archive.open(member) as file:
        try:
            header = read_header(file)
        except ValueError as error:
            if name == _META:
                raise InputError(
                    f"wanted meta as one JSON text, got something else ({shown(str(error))}); "
                    f"{_SAVE_META}"
                ) from None
            raise InputError(
                f"wanted numbers in tensor {name[:80]!r} of a NumPy archive of plain arrays, got "
                f"something else ({shown(str(error))}); export it again"
            ) from None
    if header.bytes != member.file_size:
        raise InputError(
            f"wanted {header.bytes:,} bytes of {name[:80]!r}, as its header says, got "
            f"{member.file_size:,}; export it again"
        )
    if name == _META and header.bytes > 4 * MOST_META:
        raise InputError(f"wanted meta of at most {MOST_META:,} bytes, got {header.bytes:,}")
    return header


def _meta_text(array: NDArray[Any]) -> str | bytes:
    if array.ndim or array.dtype.kind not in "US":
        raise InputError(
            f"wanted meta as one JSON text, got {array.dtype} of shape {array.shape}; {_SAVE_META}"
        )
    text: str | bytes = array.item()
    return text


def _read_safetensors(path: Path) -> Contents:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if _MOST_STRUCTURE < length <= path.stat().st_size:
        raise InputError(
            f"wanted a safetensors header of at most {_MOST_STRUCTURE:,} bytes, got {length:,}"
        )
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            kinds = {name: str(part.get_dtype()) for name, part in slices.items()}
            for name, kind in kinds.items():
                check_floats(name, _SAFE.get(kind, kind))
            inside = (file.metadata() or {}).get(_META)
            tensors = {
                name: file.get_tensor(name) for name, kind in kinds.items() if kind != "BF16"
            }
        if len(tensors) < len(kinds):
            tensors |= _bfloats(path)
    except InputError:
        raise
    except (*_BROKEN, SafetensorError, TypeError, AttributeError) as error:
        raise InputError(
            f"wanted safetensors of floats, got something else ({error}); save it again"
        ) from None
    return tensors, inside


def _bfloats(path: Path) -> dict[str, NDArray[np.float32]]:
    """The bfloat16 tensors, which NumPy does not have: the upper halves of float32."""
    found = {}
    for name, tensor in deserialize(path.read_bytes()):  # type: ignore[no-untyped-call,unused-ignore]
        if tensor["dtype"] == "BF16":
            halves = np.frombuffer(tensor["data"], "<u2").astype(np.uint32)
            found[name] = (halves << 16).view(np.float32).reshape(tensor["shape"])
    return found


def _read_torch(path: Path) -> Contents:
    try:
        import torch
    except ImportError:
        raise InputError(
            "reading a PyTorch state dict needs torch; pip install 'sordino[torch]', or save the "
            "model as .npz or .safetensors"
        ) from None
    what = "a PyTorch state dict of tensors alone"
    try:
        if zipfile.is_zipfile(path):
            for member in _members(path, what, deflated=False):
                if member.filename.endswith(".pkl") and member.file_size > _MOST_STRUCTURE:
                    raise InputError(
                        f"wanted {member.filename} of at most {_MOST_STRUCTURE:,} bytes, got "
                        f"{member.file_size:,}; save model.state_dict()"
                    )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other pickle protocols: they are refused anyway
            state = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except (*_BROKEN, TypeError, AttributeError, AssertionError, pickle.UnpicklingError):
        raise InputError(f"wanted {what}, got something else; save model.state_dict()") from None
    if not isinstance(state, Mapping):
        raise InputError(f"wanted a PyTorch state dict, got {type(state).__name__}")
    inside, state = state.get(_META), dict(state)
    if "state_dict" in state:
        state = _inner(state, torch.Tensor)
    tensors = {}
    for name, value in state.items():
        if name == _META:
            continue
        if not isinstance(value, torch.Tensor):
            raise InputError(
                f"wanted tensors in the state dict, got {str(name)[:80]!r}: a "
                f"{type(value).__name__}; save model.state_dict() alone, with meta"
            )
        tensors[str(name)] = value
    return tensors, inside


def _inner(state: Mapping[Any, Any], tensor: type) -> dict[Any, Any]:
    """What a checkpoint holds under `state_dict`; nothing of the model may lie beside it."""
    inner = state["state_dict"]
    if not isinstance(inner, Mapping):
        raise InputError(
            f"wanted state_dict as tensors by their names, got a {type(inner).__name__}; save "
            "model.state_dict()"
        )
    beside = [name for name, value in state.items() if isinstance(value, tensor)]
    if beside:
        raise InputError(
            f"wanted all tensors under state_dict, got {str(beside[0])[:80]!r} beside it; save "
            "model.state_dict() alone"
        )
    return dict(inner)


def _bounded(read: Callable[[Path], Contents]) -> Callable[[Path], Contents]:
    def bounded(path: Path) -> Contents:
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise InputError(
                f"wanted a model of at most {_MOST_BYTES:,} bytes, got {size:,}; it has at most "
                f"{MOST_NUMBERS:,} numbers"
            )
        return read(path)

    return bounded


READERS: dict[str, Callable[[Path], Contents]] = {
    ".npz": _bounded(_read_npz),
    ".safetensors": _bounded(_read_safetensors),
    **dict.fromkeys((".pt", ".pth", ".bin"), _bounded(_read_torch)),
}
"""By the name's ending."""
