"""Models from files: NumPy archives, safetensors and PyTorch state dicts.

Tensors have these names:

* `encoder.{n}.weight_ih`, `weight_hh`, `bias_ih` and `bias_hh` for layer n of the encoder, with a
  projection `weight_hr`, too;
* the same under `prediction` for the prediction network;
* `prediction.embedding.weight`;
* `joint.{encoder,prediction,output}.weight` and `.bias`;
* `features.mean` and `features.std`, which are optional.

PyTorch's `encoder.weight_ih_l{n}` means the same, also inside a submodule `lstm` or `rnn`. All
tensors are floating-point numbers, 16 to 64 bits wide. Layers that have no biases at all get zeros,
and so does a joint's part without one. A warning says so.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError, warn
from sordino.layers.cells import cell_kind
from sordino.layers.linear import Linear
from sordino.layers.recurrent import Recurrent
from sordino.meta.table import MOST_META, Meta, parse_meta
from sordino.model.archives import READERS
from sordino.model.doubts import doubts
from sordino.model.rnnt import RnntModel
from sordino.model.tensor_names import BIASES, canonical, layers_of
from sordino.model.tensors import as_floats, check_numbers, shape_of
from sordino.schema.kinds import shown

__all__ = ["load_model", "model_from_arrays"]

_Array = NDArray[np.float64]
_TIED = ("prediction.embedding.weight", "joint.output.weight")


def load_model(
    path: str | Path, meta: str | Path | None = None, *, option: str | None = "--meta"
) -> RnntModel:
    """The RNN-T in a `.npz`, `.safetensors`, `.pt`, `.pth` or `.bin` file.

    `meta` names a JSON file that takes the place of the meta inside, `option` what the caller calls
    it, for the message where there is none. Raises InputError, in one line, for a file that cannot
    be read, missing or unknown tensors, shapes that do not fit, numbers that are not finite, and
    meta that `sordino.meta.table` does not allow. Pickles are never executed. Warns of what is
    probably a mistake.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"wanted a model as {', '.join(READERS)}, got {path}; export it so")
    try:
        tensors, inside = reader(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if meta is not None:
            given = _read_meta_file(Path(meta))
        elif inside is None:
            advice = f"give {option} FILE" if option else "save the model with it"
            raise InputError(
                f"wanted meta (tokens, blank, joint), the file has none; {advice}, see docs/meta.md"
            )
        else:
            given = parse_meta(inside) if isinstance(inside, str | bytes) else inside
        return model_from_arrays(tensors, given, name=path.stem, sha256=digest)
    except OSError as error:
        raise InputError(f"cannot read model {path}: {error.strerror or error}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def model_from_arrays(
    tensors: Mapping[str, Any], meta: Mapping[str, Any], *, name: str = "model", sha256: str = ""
) -> RnntModel:
    """The RNN-T made of these arrays or PyTorch tensors; InputError and warnings as `load_model`.

    Nothing of the arguments is changed later.
    """
    if not isinstance(meta, Mapping):
        raise InputError(
            f"wanted meta as a JSON object, got {type(meta).__name__}; see docs/meta.md"
        )
    if not isinstance(tensors, Mapping):
        raise InputError(
            f"wanted tensors by their names, got {type(tensors).__name__}; see docs/meta.md"
        )
    read = Meta.read(meta)
    known = _Tensors(tensors)
    _model(known.stand_ins(), read, name, sha256)  # whether all fits, before memory is taken
    known.load()
    model = _model(known, read, name, sha256)
    for doubt in (*doubts(read, known.tensors), *known.doubts()):
        warn(doubt)
    return model


def _model(known: "_Tensors", meta: Meta, name: str, sha256: str) -> RnntModel:
    return RnntModel(
        encoder=known.stack("encoder"),
        embedding=known.take("prediction.embedding.weight"),
        prediction=known.stack("prediction"),
        joint_encoder=known.linear("encoder"),
        joint_prediction=known.linear("prediction"),
        joint_output=known.linear("output"),
        meta=meta,
        name=name,
        sha256=sha256,
        feature_mean=known.get("features.mean"),
        feature_std=known.get("features.std"),
    )


class _Tensors:
    """Tensors by their canonical names; as float64 once they are loaded."""

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        self.tensors: dict[str, Any] = {}
        for given, tensor in tensors.items():
            name = canonical(str(given))
            if name in self.tensors:
                raise InputError(f"wanted one {name}, got two (again as {given!r}); leave one out")
            self.tensors[name] = tensor
        shapes = {name: shape_of(tensor) or () for name, tensor in self.tensors.items()}
        check_numbers((name, math.prod(shape)) for name, shape in shapes.items())
        self._unbiased: list[str] = []

    def stand_ins(self) -> "_Tensors":
        """The same tensors with ones, which take no memory, instead of their numbers."""
        shapes = {name: shape_of(tensor) for name, tensor in self.tensors.items()}
        return _Tensors(
            {
                name: as_floats(name, self.tensors[name])  # refuses it
                if shape is None
                else _ones(name, shape)
                for name, shape in shapes.items()
            }
        )

    def load(self) -> None:
        """Convert all tensors to float64; InputError for one that holds no floats."""
        self.tensors = {name: as_floats(name, tensor) for name, tensor in self.tensors.items()}

    def get(self, name: str) -> _Array | None:
        """The tensor, if there is one."""
        return self.tensors.get(name)

    def take(self, name: str) -> _Array:
        """The tensor; InputError if there is none."""
        if name in self.tensors:
            found: _Array = self.tensors[name]
            return found
        advice = "export the whole model"
        if name in _TIED:
            (other,) = set(_TIED) - {name}
            advice += f"; if it is tied to {other}, save a copy under both names"
        raise InputError(f"wanted tensor {name}, found none; {advice}")

    def stack(self, part: str) -> tuple[Recurrent, ...]:
        """The recurrent layers of a part; all without biases get zeros."""
        numbers = range(layers_of(part, self.tensors))
        biased = any(f"{part}.{n}.bias_{k}" in self.tensors for n in numbers for k in ("ih", "hh"))
        layers = []
        for number in numbers:
            layers.append(self._cell(f"{part}.{number}", biased=biased))
        if not biased:
            self._unbiased.append(part)
        return tuple(layers)

    def _cell(self, name: str, *, biased: bool) -> Recurrent:
        """A recurrent layer of the kind that its tensors suit."""
        own = {n.removeprefix(f"{name}."): t for n, t in self.tensors.items()}
        kind = cell_kind(name, {n: np.shape(t) for n, t in own.items() if "." not in n})
        arrays = {
            one.name: self.take(f"{name}.{one.name}")
            for one in fields(kind)
            if one.name not in BIASES
        }
        rows = len(arrays["weight_hh"]) if arrays["weight_hh"].ndim else 0
        for bias in BIASES:
            arrays[bias] = self._bias(f"{name}.{bias}", rows) if biased else np.zeros(rows)
        return kind(**arrays)

    def _bias(self, name: str, rows: int) -> _Array:
        if name not in self.tensors:
            raise InputError(
                f"wanted tensor {name}, found none, though others have biases; export the whole "
                f"model, or add {rows} zeros for a layer that has none"
            )
        return self.take(name)

    def linear(self, part: str) -> Linear:
        """A part of the joint; one without bias gets zeros."""
        weight, bias = self.take(f"joint.{part}.weight"), self.get(f"joint.{part}.bias")
        if bias is None:
            self._unbiased.append(f"joint.{part}")
            bias = np.zeros(len(weight) if weight.ndim else 0)
        return Linear(weight, bias)

    def doubts(self) -> list[str]:
        """What is probably a mistake: a sentence for `warn`."""
        if not self._unbiased:
            return []
        return [
            f"no biases of {', '.join(self._unbiased)} are in the model, so zeros are taken, as of "
            "layers with bias=False; export the whole model if it has some"
        ]


def _ones(name: str, shape: tuple[int, ...]) -> _Array:
    try:
        return np.broadcast_to(1.0, shape)
    except ValueError:  # too many dimensions, or a large one of an array without numbers
        raise InputError(
            f"wanted tensor {name} as a matrix or a vector, got {shown(shape)}; export it again"
        ) from None


def _read_meta_file(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            contents = file.read(MOST_META + 1)
    except OSError as error:
        raise InputError(f"cannot read meta {path}: {error.strerror}") from None
    return parse_meta(contents, f"meta {path}")
