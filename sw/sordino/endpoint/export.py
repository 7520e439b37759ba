"""End-pointers as files, as `sordino compile --endpoint` reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.endpoint.decisions import Level
from sordino.endpoint.recipe import EndpointRecipe
from sordino.model.save import save_arrays

__all__ = ["save_endpointer"]


def save_endpointer(
    path: Path,
    tensors: Mapping[str, NDArray[np.float32]],
    made: EndpointRecipe,
    widths: Sequence[int],
    levels: Mapping[str, Level],
    **more: Any,
) -> None:
    """Write an end-pointer.

    widths  of its inputs, without the run's
    levels  those of `speculative` and of `final`
    more    further entries of its meta
    """
    meta = {
        "kind": "endpoint",
        "version": 1,
        "inputs": [*made.inputs, "run"],
        "widths": [*widths, made.width],
        "bits": made.bits,
    }
    meta |= {
        name: {key: value for key, value in asdict(level).items() if value is not None}
        for name, level in levels.items()
    }
    save_arrays(path, {**meta, **more}, tensors)
