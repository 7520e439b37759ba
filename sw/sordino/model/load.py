"""Models from files: NumPy archives, safetensors and PyTorch state dicts.

Tensors have the names `encoder.{n}.weight_ih` (also `weight_hh`, `bias_ih`, `bias_hh`), the same
under `prediction`, `prediction.embedding.weight` and `joint.{encoder,prediction,output}.weight`
and `.bias`; PyTorch's `encoder.weight_ih_l{n}`, also inside a submodule `lstm` or `rnn`, mean the
same. `features.mean` and `features.std` are optional.
"""

import hashlib
import json
import pickle
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from sordino.errors import InputError
from sordino.model.rnnt import Linear, Lstm, RnntModel

__all__ = ["load_model", "model_from_arrays"]

_Array = NDArray[np.float64]
_META = "meta"
_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_CANONICAL = re.compile(r"(encoder|prediction)\.(\d+)\.((?:weight|bias)_[ih]h)(?:_l0)?")
_PYTORCH = re.compile(r"(encoder|prediction)\.(?:(?:lstm|rnn)\.)?((?:weight|bias)_[ih]h)_l(\d+)")
_OTHERS = (
    "prediction.embedding.weight",
    *(f"joint.{p}.{k}" for p in ("encoder", "prediction", "output") for k in ("weight", "bias")),
)
_STATISTICS = ("features.mean", "features.std")


def load_model(path: str | Path, meta: str | Path | None = None) -> RnntModel:
    """The RNN-T in a `.npz`, `.safetensors`, `.pt`, `.pth` or `.bin` file.

    `meta` names a JSON file that takes the place of the meta inside. Raises InputError, in one
    line, for a file that cannot be read, missing or unknown tensors, shapes that do not fit and
    numbers that are not finite. Pickles are never executed.
    """
    path = Path(path)
    readers = {
        ".npz": _read_npz,
        ".safetensors": _read_safetensors,
        **dict.fromkeys((".pt", ".pth", ".bin"), _read_torch),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"wanted a model as {', '.join(readers)}, got {path}; export it so")
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read model {path}: {error.strerror}") from None
    try:
        tensors, inside = reader(path)
        given = _read_meta_file(Path(meta)) if meta is not None else _parse_meta(inside)
        return model_from_arrays(tensors, given, name=path.stem, sha256=digest)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def model_from_arrays(
    tensors: Mapping[str, _Array], meta: Mapping[str, Any], *, name: str = "model", sha256: str = ""
) -> RnntModel:
    """The RNN-T made of these tensors; InputError as `load_model`."""
    known: dict[str, _Array] = {}
    for given, tensor in tensors.items():
        canonical = _canonical(given)
        if canonical in known:
            raise InputError(f"wanted one {canonical}, got two (again as {given!r}); leave one out")
        known[canonical] = tensor

    def take(name: str) -> _Array:
        if name not in known:
            raise InputError(f"wanted tensor {name}, found none; export the whole model")
        return known[name]

    def stack(part: str) -> tuple[Lstm, ...]:
        numbers = [int(m[2]) for m in map(_CANONICAL.fullmatch, known) if m and m[1] == part]
        depth = 1 + max(numbers, default=0)
        return tuple(Lstm(*(take(f"{part}.{n}.{k}") for k in _PARTS)) for n in range(depth))

    def linear(part: str) -> Linear:
        return Linear(take(f"joint.{part}.weight"), take(f"joint.{part}.bias"))

    return RnntModel(
        encoder=stack("encoder"),
        embedding=take("prediction.embedding.weight"),
        prediction=stack("prediction"),
        joint_encoder=linear("encoder"),
        joint_prediction=linear("prediction"),
        joint_output=linear("output"),
        meta=dict(meta),
        name=name,
        sha256=sha256,
        feature_mean=known.get("features.mean"),
        feature_std=known.get("features.std"),
    )


def _canonical(name: str) -> str:
    if name in _OTHERS or name in _STATISTICS:
        return name
    if match := _CANONICAL.fullmatch(name):
        return f"{match[1]}.{int(match[2])}.{match[3]}"
    if match := _PYTORCH.fullmatch(name):
        return f"{match[1]}.{int(match[3])}.{match[2]}"
    reason = "bidirectional layers" if name.endswith("_reverse") else "such a layer"
    raise InputError(
        f"wanted an RNN-T of LSTM layers, got tensor {name!r}: {reason} cannot be compiled"
    )


def _floats(name: str, value: Any) -> _Array:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise InputError(f"wanted numbers in tensor {name!r}, got {array.dtype}; export it again")
    return array.astype(np.float64)


def _parse_meta(inside: object) -> dict[str, Any]:
    if inside is None:
        raise InputError("wanted meta (tokens, blank, joint), the file has none; give --meta FILE")
    try:
        meta = json.loads(inside) if isinstance(inside, str | bytes) else inside
    except (ValueError, RecursionError) as error:
        raise InputError(f"wanted meta as JSON, got something else ({error}); correct it") from None
    if not isinstance(meta, dict):
        raise InputError(
            f"wanted meta as a JSON object, got {type(meta).__name__}; see models/README.md"
        )
    return meta


def _read_meta_file(path: Path) -> dict[str, Any]:
    try:
        return _parse_meta(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read meta {path}: {error.strerror}") from None


_Contents = tuple[dict[str, _Array], object]


def _read_npz(path: Path) -> _Contents:
    try:
        # Opened here, since np.load leaves a file that it cannot read open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            tensors = {name: archive[name] for name in archive.files}
    except (
        *(OSError, ValueError, EOFError, KeyError, MemoryError, AttributeError),
        *(NotImplementedError, SyntaxError, zipfile.BadZipFile, zlib.error),
    ):
        raise InputError(
            "wanted a NumPy archive of plain arrays, got something else; export it again"
        ) from None
    inside = tensors.pop(_META, None)
    text = None if inside is None else str(inside)
    return {name: _floats(name, value) for name, value in tensors.items()}, text


def _read_safetensors(path: Path) -> _Contents:
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            tensors = {name: file.get_tensor(name) for name in names}
            inside = (file.metadata() or {}).get(_META)
    except (OSError, SafetensorError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"wanted safetensors of float32 or float64, got something else ({error}); save it again"
        ) from None
    return {name: _floats(name, value) for name, value in tensors.items()}, inside


def _read_torch(path: Path) -> _Contents:
    try:
        import torch
    except ImportError:
        raise InputError(
            "reading a PyTorch state dict needs torch; pip install 'sordino[torch]', or save the "
            "model as .npz or .safetensors"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other pickle protocols: they are refused anyway
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        *(OSError, RuntimeError, ValueError, EOFError, KeyError, IndexError, TypeError),
        *(AttributeError, AssertionError, MemoryError, struct.error, pickle.UnpicklingError),
    ):
        raise InputError(
            "wanted a PyTorch state dict of tensors alone, got something else; save "
            "model.state_dict()"
        ) from None
    if not isinstance(state, Mapping):
        raise InputError(f"wanted a PyTorch state dict, got {type(state).__name__}")
    inside = state.get(_META)
    state = state.get("state_dict", state)
    tensors = {}
    for name, value in state.items():
        if name == _META:
            continue
        if not isinstance(value, torch.Tensor):
            raise InputError(f"wanted tensors in the state dict, got {name!r}: {value!r:.40}")
        tensors[str(name)] = _floats(str(name), value.detach().double().numpy())
    return tensors, inside
