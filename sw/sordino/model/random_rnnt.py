"""Small random RNN-Ts for tests."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.layers.lstm import Lstm
from sordino.model.load import model_from_arrays
from sordino.model.rnnt import RnntModel

__all__ = ["random_arrays", "random_lstm", "random_meta", "random_model"]


def random_arrays(
    rng: np.random.Generator,
    *,
    inputs: int = 6,
    encoder: Sequence[int] = (8,),
    embedding: int = 5,
    prediction: Sequence[int] = (8,),
    joint: int = 9,
    tokens: int = 7,
    zeros: float = 0.0,
    scale: float = 1.0,
    time_reduction: tuple[int, int] | None = None,
    projection: int = 0,
    gates: int = 4,
) -> dict[str, NDArray[np.float64]]:
    """Tensors by their canonical names; `encoder` and `prediction` give the units of each layer.

    Weights are normal with standard deviation `scale` / sqrt(inputs), a share `zeros` of them 0;
    biases are normal with standard deviation `scale` / 2. `time_reduction` says after how many
    encoder layers how many frames are stacked, `projection` how wide all layers'
    projections are, `gates` how many rows their matrices have for each unit.
    """
    after, factor = time_reduction or (0, 1)

    def matrix(rows: int, columns: int) -> NDArray[np.float64]:
        weights = rng.normal(size=(rows, columns)) * scale / np.sqrt(columns)
        return np.asarray(weights * (rng.random(weights.shape) >= zeros))

    arrays: dict[str, NDArray[np.float64]] = {}
    for part, sizes, width in (("encoder", encoder, inputs), ("prediction", prediction, embedding)):
        for number, units in enumerate(sizes):
            name = f"{part}.{number}"
            if part == "encoder" and number == after:
                width *= factor
            arrays[f"{name}.weight_ih"] = matrix(gates * units, width)
            arrays[f"{name}.weight_hh"] = matrix(gates * units, projection or units)
            arrays[f"{name}.bias_ih"] = rng.normal(size=gates * units) * scale / 2
            arrays[f"{name}.bias_hh"] = rng.normal(size=gates * units) * scale / 2
            if projection:
                arrays[f"{name}.weight_hr"] = matrix(projection, units)
            width = projection or units
        arrays[f"joint.{part}.weight"] = matrix(joint, width)
        arrays[f"joint.{part}.bias"] = rng.normal(size=joint) * scale / 2
    arrays["prediction.embedding.weight"] = rng.normal(size=(tokens, embedding))
    arrays["joint.output.weight"] = matrix(tokens, joint) * 2
    arrays["joint.output.bias"] = rng.normal(size=tokens) * scale / 2
    return arrays


def random_meta(tokens: int = 7, activation: str = "tanh", **more: Any) -> dict[str, Any]:
    """What such a model's meta must hold; tokens are letters, the first is the blank."""
    names = ["<blank>", *(chr(ord("a") + k) if k < 26 else f"t{k}" for k in range(tokens - 1))]
    return {
        "tokens": names,
        "blank": 0,
        "max_symbols_per_frame": 3,
        "joint": {"activation": activation},
        **more,
    }


def random_model(
    seed: int, *, tokens: int = 7, activation: str = "tanh", **sizes: Any
) -> RnntModel:
    """An RNN-T of `random_arrays` and `random_meta`; equal arguments give equal models."""
    rng = np.random.default_rng(seed)
    arrays = random_arrays(rng, tokens=tokens, **sizes)
    meta = random_meta(tokens, activation)
    if (reduction := sizes.get("time_reduction")) is not None:
        after, factor = reduction
        meta["encoder"] = {"time_reduction": {"after": after, "factor": factor}}
    return model_from_arrays(arrays, meta, name=f"random-{seed}")


def random_lstm(seed: int, units: int = 12, inputs: int = 9, ratio: float = 1.0) -> Lstm:
    """An LSTM of normal weights; those of `weight_hh` are `ratio` times as large."""
    rng = np.random.default_rng(seed)
    return Lstm(
        rng.normal(size=(4 * units, inputs)),
        rng.normal(size=(4 * units, units)) * ratio,
        rng.normal(size=4 * units),
        rng.normal(size=4 * units),
    )
