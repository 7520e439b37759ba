"""Clipping: no weight so large that rounding leaves little of the others."""

import numpy as np

from sordino.arith import WEIGHT
from sordino.compiler.numbers.clip import Clip
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.layered import Model, map_weights, multiplied
from sordino.errors import warn
from sordino.layers.layer import Floats

__all__ = ["clip_model"]


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
