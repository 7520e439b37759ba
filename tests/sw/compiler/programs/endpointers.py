"""End-pointers of random weights, for tests."""

from typing import Any

import numpy as np

from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.model.endpointer import Endpointer, EndpointMeta
from sordino.model.random_rnnt import random_model
from sordino.model.rnnt import RnntModel

ENCODER, PREDICTION, INPUTS = 24, 16, 10


def talker(seed: int = 5, **sizes: Any) -> RnntModel:
    """A small RNN-T that writes a token in some frames, and none in others."""
    sizes = {"encoder": (ENCODER,), "prediction": (PREDICTION,), "joint": 12, "tokens": 9} | sizes
    return random_model(seed, inputs=INPUTS, **sizes).with_blank_penalty(-3.5)


def meta_of(**entries: Any) -> dict[str, Any]:
    """Meta of an end-pointer beside `talker`."""
    return {
        "kind": "endpoint",
        "version": 1,
        "inputs": ["encoder", "prediction", "run"],
        "widths": [ENCODER, PREDICTION, 4],
        "bits": 4,
        "speculative": {"threshold": -0.1, "frames": 1},
        "final": {"threshold": 0.0, "frames": 2},
        **entries,
    }


def arrays_of(seed: int = 2, units: int = 8, runs: int = 6, **entries: Any) -> dict[str, Any]:
    """Tensors of an end-pointer with such meta."""
    widths = meta_of(**entries)["widths"]
    rng = np.random.default_rng(seed)

    def drawn(*shape: int) -> Any:
        return rng.normal(size=shape) / 2

    run = rng.uniform(-0.9, 0.9, (runs, widths[-1]))
    run[0, 0] = 127 / 128
    return {
        "endpoint.run.weight": run,
        "endpoint.weight_ih": drawn(4 * units, sum(widths)),
        "endpoint.weight_hh": drawn(4 * units, units),
        "endpoint.bias_ih": drawn(4 * units),
        "endpoint.bias_hh": drawn(4 * units),
        "endpoint.output.weight": drawn(1, units),
        "endpoint.output.bias": np.zeros(1),
    }


def endpointer(seed: int = 2, units: int = 8, runs: int = 6, **entries: Any) -> Endpointer:
    """An end-pointer of random weights."""
    arrays = arrays_of(seed, units, runs, **entries)
    lstm = {name: arrays[f"endpoint.{name}"] for name in ("weight_ih", "weight_hh")}
    lstm |= {name: arrays[f"endpoint.{name}"] for name in ("bias_ih", "bias_hh")}
    return Endpointer(
        run=arrays["endpoint.run.weight"],
        lstm=Lstm(**lstm),
        output=Linear(arrays["endpoint.output.weight"], arrays["endpoint.output.bias"]),
        meta=EndpointMeta.read(meta_of(**entries)),
    )
