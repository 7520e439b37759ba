"""The image of a point."""

from dataclasses import replace

from sordino.arch import QUAD, Config
from sordino.compiler.compile import Compiled, CompileOptions, compile_model
from sordino.model.rnnt import RnntModel
from sordino.tools.estimate.capacity import roomy
from sordino.tools.sweep.points import Point

__all__ = ["alike", "compile_point"]


def compile_point(model: RnntModel, base: Config, point: Point) -> Compiled:
    """Compile a point's model for its machine, with memories for any model."""
    name = f"{point.lanes} lanes in groups of {point.group}"
    config = replace(base, name=name, lanes=point.lanes, group=point.group)
    options = CompileOptions(weight_bits=point.bits, sparsity=point.zeros, shares="layer_adaptive")
    return compile_model(model, roomy(config), options)


def alike(point: Point) -> Point:
    """A point that is equal for all points whose machines emit the same tokens.

    Lanes and memory change no value, and groups only what is pruned.
    """
    return replace(point, lanes=QUAD, group=1 if point.zeros is None else point.group, memory=None)
