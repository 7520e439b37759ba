"""The RNN-T of MLPerf inference in its exact sizes, with random weights.

80 mel values of three frames, two LSTM layers of 1024, every two outputs stacked, three more
layers; prediction 2 × 320, joint 512 with ReLU, 28 characters and the blank: 45.3 M parameters.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sordino.arch import PRESETS, Config
from sordino.model.load import model_from_arrays
from sordino.model.rnnt import RnntModel
from sordino.testing.models import random_arrays, random_meta

__all__ = ["mlperf_machine", "mlperf_model"]

_UNITS, _TOKENS = 1024, 29
_CLIP = 0.999


def mlperf_machine() -> Config:
    """`large` with memories that hold all of the model."""
    return replace(
        PRESETS["large"],
        name="large, memories for MLPerf",
        lane_words=1 << 16,
        group_words=1 << 16,
        activation_words=1 << 14,
        state_words=1 << 13,
        parameter_words=1 << 14,
        tables=32,
    )


def _laplacian(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Clipped at the 99.9 % point."""
    weights = rng.laplace(size=shape) / np.sqrt(2 * shape[1])
    most = np.quantile(np.abs(weights), _CLIP)
    return np.asarray(weights.clip(-most, most))


def mlperf_model() -> RnntModel:
    """The same in every run."""
    rng = np.random.default_rng(0)
    reduction = (2, 2)
    arrays = random_arrays(
        rng,
        inputs=240,
        encoder=(_UNITS,) * 5,
        embedding=320,
        prediction=(320, 320),
        joint=512,
        tokens=_TOKENS,
        time_reduction=reduction,
    )
    for name in arrays:
        if name.endswith(("weight_ih", "weight_hh")):
            arrays[name] = _laplacian(rng, arrays[name].shape)
    encoder = {"time_reduction": dict(zip(("after", "factor"), reduction, strict=True))}
    meta = random_meta(_TOKENS, "relu", max_symbols_per_frame=30, encoder=encoder)
    return model_from_arrays(arrays, meta, name="MLPerf RNN-T")
