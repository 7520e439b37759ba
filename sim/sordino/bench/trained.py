"""The trained models that benches and campaigns measure, and where their files are."""

import os
from pathlib import Path

__all__ = ["FLOAT", "GROUPED", "SHIPPED", "TRAINED_BITS", "find_trained"]

SHIPPED = "an4_rnnt_causal.npz"
"""What `make demo` runs: causal, groups of four; its file says on how many bits it was trained."""
FLOAT, GROUPED = "an4_rnnt_float.npz", "an4_rnnt_g4_80.npz"
"""The first model in floating point, and made small likewise."""
TRAINED_BITS = 5
"""The grid that the one made small lies on, which its file does not say."""


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
