"""The trained models that benches and campaigns measure, and where their files are."""

import os
from pathlib import Path

__all__ = ["FLOAT", "GROUPED", "SHIPPED", "TRAINED_BITS", "find_trained"]

SHIPPED = "an4_rnnt_causal_g4_80.npz"
"""What `make demo` runs: causal, 80 % of the groups of four zero, on a grid of 5 bits."""
FLOAT, GROUPED = "an4_rnnt_float.npz", "an4_rnnt_g4_80.npz"
"""The first model in floating point, and made small likewise."""
TRAINED_BITS = 5
"""The grid that the two small ones lie on."""


def find_trained(name: str, data: Path | None = None) -> Path | None:
    """A model file in ./models, in models/ beside the data, or in ../shared/models.

    data  folder of the recordings; $SORDINO_DATA if it is not given
    """
    folders = [Path("models"), Path("../shared/models")]
    if data is None and "SORDINO_DATA" in os.environ:
        data = Path(os.environ["SORDINO_DATA"])
    if data is not None:
        folders.insert(1, data.parent / "models")
    return next((folder / name for folder in folders if (folder / name).exists()), None)
