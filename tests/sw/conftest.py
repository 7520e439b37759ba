"""Data that are not in the repository: fixtures that skip, with a reason, when it is absent."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]
MODELS = Path(os.environ.get("SORDINO_MODELS", REPOSITORY / "models"))
DATA = Path(os.environ.get("SORDINO_DATA", REPOSITORY / "data"))


@pytest.fixture(scope="session")
def an4() -> Path:
    """The AN4 tree."""
    if not (DATA / "an4" / "etc").is_dir():
        pytest.skip(f"no AN4 in {DATA}; set SORDINO_DATA")
    return DATA / "an4"


@pytest.fixture(scope="session")
def fsdd() -> Path:
    """The FSDD folder."""
    if not (DATA / "fsdd" / "recordings").is_dir():
        pytest.skip(f"no FSDD in {DATA}; set SORDINO_DATA")
    return DATA / "fsdd"


@pytest.fixture(scope="session")
def load_model() -> Callable[[str], tuple[dict[str, np.ndarray], dict[str, Any]]]:
    """A function from a model's name to its arrays and meta."""

    def load(name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        for folder in (REPOSITORY / "models", MODELS):
            if (folder / f"{name}.npz").is_file():
                with np.load(folder / f"{name}.npz", allow_pickle=False) as archive:
                    arrays = dict(archive)
                return arrays, json.loads(str(arrays.pop("meta")))
        pytest.skip(f"no {name}.npz in models/; set SORDINO_MODELS")

    return load


@pytest.fixture(scope="session")
def utterances() -> Path:
    """The folder of synthesised utterances."""
    return REPOSITORY / "models" / "utterances"
