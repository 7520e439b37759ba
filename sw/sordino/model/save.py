"""Models as `.npz` files, for `load_model`; equal models give equal bytes."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.files import write_atomically
from sordino.model.rnnt import RnntModel

__all__ = ["save_arrays", "save_model"]


def save_arrays(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write float32 arrays by their canonical names, and meta."""
    contents, held = io.BytesIO(), {"meta": np.array(json.dumps(meta, ensure_ascii=False))}
    held |= {name: np.asarray(values, np.float32) for name, values in arrays.items()}
    np.savez(contents, allow_pickle=False, **held)
    write_atomically(path, contents.getvalue())


def save_model(model: RnntModel, path: Path) -> None:
    """Write a model; its numbers are rounded to float32."""
    arrays = model.arrays()
    if model.feature_mean is not None and model.feature_std is not None:
        arrays |= {"features.mean": model.feature_mean, "features.std": model.feature_std}
    save_arrays(path, model.meta.as_dict(), arrays)
