"""No number so large that arithmetic fails, no weight so large that rounding leaves little."""

import numpy as np

from sordino.arith import WEIGHT
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.numbers.clip import Clip
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.layered import Model, map_weights, multiplied
from sordino.errors import warn
from sordino.layers.layer import Floats, Layer

__all__ = ["clip_model", "finite_model"]

_MOST, _LEAST = 1e50, 1e-50
"""Magnitudes that can be squared and multiplied; masks of float32 are at most 3.4e38."""


def finite_model(model: Model) -> Model:
    """The model with numbers too small to matter zero; CompileError where one is too large."""
    changed: dict[str, Layer] = {}
    for name, layer in model.layers.items():
        flushed: dict[str, Floats] = {}
        for kind, array in layer.arrays().items():
            sizes = np.abs(array)
            if float(sizes.max()) > _MOST:
                raise CompileError(
                    f"wanted {name}.{kind} to hold numbers up to {_MOST:g}, got {sizes.max():g}; "
                    "repair the model"
                )
            if ((sizes > 0) & (sizes < _LEAST)).any():
                flushed[kind] = np.where(sizes < _LEAST, 0.0, array)
        if flushed:
            changed[name] = layer.with_arrays(flushed)
    return model.with_layers(changed) if changed else model


def clip_model(model: Model, clip: Clip, precision: Precision) -> Model:
    """The model with all matrices, the embedding too, clipped; warns of `auto` clips."""
    even = {name for name in multiplied(model) if precision.codebook == "uniform"}
    found: list[str] = []

    def clipped(name: str, weight: Floats) -> Floats:
        limit = clip.limit(weight, precision.bits_of(name) if name in even else WEIGHT.bits)
        count = int(np.count_nonzero(np.abs(weight) > limit))
        if not count:
            return weight
        largest = float(np.abs(weight).max())
        found.append(f"{name} ({count} of {weight.size:,}, {largest:.3g} to {limit:.3g})")
        return np.clip(weight, -limit, limit)

    made = map_weights(model, clipped, tables=True)
    if found and clip.how == "auto":
        warn(
            "some weights are so large that rounding would leave little of the others, and are "
            f"clipped: {', '.join(found)}; the text may differ from the float model's where they "
            "matter: repair the model, or choose with --clip"
        )
    return made
