"""A small RNN-T that listens to recordings, compiled once for everybody."""

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.model.load import load_model
from sordino.model.random_rnnt import random_arrays, random_meta

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def signals_are_heard() -> None:
    """Undo what a suite inherits that runs in the background or under `nohup`: ignored signals."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            own = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, own)


@pytest.fixture(scope="session")
def recording() -> Path:
    """A second of speech, 33 input vectors for `small_model`."""
    return ROOT / "models" / "utterances" / "yes.wav"


@pytest.fixture(scope="session")
def small_tensors() -> dict[str, Any]:
    """Tensors of a random RNN-T with 117 inputs and 12 tokens, most weights zero."""
    rng = np.random.default_rng(4)
    arrays = random_arrays(
        rng, inputs=117, encoder=(8,), prediction=(8,), joint=8, tokens=12, zeros=0.8, scale=2
    )
    return {**arrays, "features.mean": np.zeros(13), "features.std": np.full(13, 2.0)}


@pytest.fixture(scope="session")
def small_meta() -> dict[str, Any]:
    """Its meta; recordings become its input."""
    return random_meta(12, features={"kind": "sphinx-mfcc", "stack": 3}, licence="Apache-2.0")


@pytest.fixture(scope="session")
def small_model(
    tmp_path_factory: pytest.TempPathFactory,
    small_tensors: dict[str, Any],
    small_meta: dict[str, Any],
) -> Path:
    """It as .npz."""
    path: Path = tmp_path_factory.mktemp("model") / "small.npz"
    np.savez(path, meta=np.array(json.dumps(small_meta)), **small_tensors)
    return path


@pytest.fixture(scope="session")
def small_image(small_model: Path) -> Path:
    """It compiled for `tiny` at 5 bits."""
    options = CompileOptions(weight_bits=5)
    image = compile_model(load_model(small_model), PRESETS["tiny"], options).image
    path = small_model.with_suffix(".sordino")
    path.write_bytes(image.to_bytes())
    return path


@pytest.fixture(scope="session")
def small_features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two input vectors for `small_model`, int8, as .npy."""
    path: Path = tmp_path_factory.mktemp("features") / "two.npy"
    np.save(path, np.random.default_rng(5).integers(-128, 128, (2, 117)).astype(np.int8))
    return path
