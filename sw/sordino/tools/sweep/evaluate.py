"""One point: compile, time and estimate it."""

from typing import Any

from sordino.arch import Config, ConfigError
from sordino.compiler.limits.errors import CompileError
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.model.rnnt import RnntModel
from sordino.tools.estimate.capacity import trimmed
from sordino.tools.estimate.estimate import estimate_image
from sordino.tools.sweep.build import compile_point
from sordino.tools.sweep.points import Point

__all__ = ["FIGURES", "evaluate_point"]

FIGURES = (
    "bytes",
    "bits_per_weight",
    "actual_zeros",
    "frame_best",
    "frame_worst",
    "real_time_factor",
    "weight_kib",
    "memory_bits",
    "luts",
    "luts_error",
    "multipliers",
    "fits",
    "error",
)
"""What a result holds beside its point, in the order of the tables; None where there is nothing.

bytes             of the image
bits_per_weight   streams, tables and directory over weights
actual_zeros      share of zero weights after pruning and rounding
frame_best, frame_worst   cycles of a frame
real_time_factor  of the worst frame at the base's clock
weight_kib        KiB of stream memories as large as needed
memory_bits       of all memories, as large as needed
luts, luts_error  estimated, and the estimate's worst error
multipliers       of all widths
fits              names of the known FPGAs that hold it
error             why there is no such machine
"""
_KIB_WORDS = 512


def evaluate_point(model: RnntModel, base: Config, point: Point) -> dict[str, Any]:
    """Figures of one point; nothing but `error` where the point cannot be built.

    The same on every machine and in every run.
    """
    found: dict[str, Any] = {**point.as_dict(), **dict.fromkeys(FIGURES)}
    try:
        made = compile_point(model, base, point)
        image = trimmed(made.image)
        needed = _weight_kib(image.config)
        if point.memory is not None and needed > point.memory:
            raise InputError(
                f"does not fit: the model needs {needed:,.1f} KiB of weight streams, the point has "
                f"{point.memory:,}; raise --memory"
            )
        found.update(_figures(image, made.summary()))
    except (ConfigError, CompileError, InputError) as error:
        found["error"] = str(error)
    return found


def _weight_kib(config: Config) -> float:
    """KiB of all stream memories."""
    words = config.lanes * config.lane_words + config.groups * config.group_words
    return words / _KIB_WORDS


def _figures(image: Image, summary: dict[str, Any]) -> dict[str, Any]:
    estimate = estimate_image(image)
    frame = None if estimate.cycles is None else estimate.cycles.frame
    factor = estimate.real_time_factor
    return {
        "bytes": estimate.bytes,
        "bits_per_weight": summary["bits_per_weight"],
        "actual_zeros": summary["zeros"],
        "frame_best": None if frame is None else frame.best,
        "frame_worst": None if frame is None else frame.worst,
        "real_time_factor": None if factor is None else factor[1],
        "weight_kib": _weight_kib(image.config),
        "memory_bits": sum(estimate.memory_bits.values()),
        "luts": round(estimate.luts.number),
        "luts_error": estimate.luts.error,
        "multipliers": sum(estimate.multipliers.values()),
        "fits": [use.device for use in estimate.devices if use.fits],
    }
