"""The trained models that benches and campaigns measure, and where their files are."""

from collections.abc import Iterable
from pathlib import Path

__all__ = ["FLOAT", "GROUPED", "SHIPPED", "TRAINED_BITS", "find_trained"]

SHIPPED = "an4_rnnt_causal.npz"
"""What `make demo` runs: causal, groups of four; its file says on how many bits it was trained."""
FLOAT, GROUPED = "an4_rnnt_float.npz", "an4_rnnt_g4_80.npz"
"""The first model in floating point, and made small likewise."""
TRAINED_BITS = 5
"""The grid that the one made small lies on, which its file does not say."""


def find_trained(name: str, folders: Iterable[Path]) -> Path | None:
    """The model's file in the first of some folders that has it; None where none has."""
    return next((folder / name for folder in folders if (folder / name).is_file()), None)
