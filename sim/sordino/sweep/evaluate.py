"""One point: compile, time and estimate it; and word errors of points that decode alike."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sordino.arch import QUAD, Config, ConfigError
from sordino.compiler.compile import Compiled, CompileOptions, compile_model
from sordino.compiler.errors import CompileError
from sordino.errors import InputError
from sordino.estimate.capacity import roomy, trimmed
from sordino.estimate.machine import estimate_image
from sordino.golden.machine import Golden
from sordino.isa.image import Image
from sordino.model.rnnt import RnntModel
from sordino.speech.datasets import load_dataset
from sordino.speech.features import FeatureDefinition, load_input
from sordino.speech.wer import word_error_rate
from sordino.sweep.points import Point

__all__ = ["FIGURES", "alike", "evaluate_point", "word_errors"]

FIGURES = (
    *("bytes", "bits_per_weight", "actual_zeros", "frame_best", "frame_worst"),
    *("real_time_factor", "weight_kib", "memory_bits", "luts", "luts_error", "multipliers"),
    *("fits", "error"),
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
        made = _compiled(model, base, point)
        image = trimmed(made.image)
        needed = _weight_kib(image.config)
        if point.memory is not None and needed > point.memory:
            raise InputError(
                f"does not fit: weight streams need {needed:,.1f} KiB, the point has "
                f"{point.memory:,}; raise --memory"
            )
        found.update(_figures(image, made.summary()))
    except (ConfigError, CompileError, InputError) as error:
        found["error"] = str(error)
    return found


def alike(point: Point) -> Point:
    """The same for points whose machines emit the same tokens: a name, not a machine.

    Lanes and memory change no value, and groups only what is pruned.
    """
    return replace(point, lanes=QUAD, group=1 if point.zeros is None else point.group, memory=None)


def word_errors(model: RnntModel, base: Config, point: Point, data: Path) -> dict[str, Any]:
    """Word error rate of a point that can be built: greedy, on the exact machine, AN4's dev split.

    Any data set that `load_dataset` reads will do. `wer` and what it is made of.
    """
    image = _compiled(model, base, point).image
    definition = FeatureDefinition.from_dict(image.host["features"])
    golden, names = Golden(image), image.host["tokens"]
    utterances = load_dataset(data, "dev")
    texts = []
    for utterance in utterances:
        tokens = golden.run(load_input(utterance.path, definition)).tokens
        texts.append(" ".join("".join(names[t] for t in tokens).split()))
    score = word_error_rate([u.text for u in utterances], texts)
    return {"wer": score.wer, "errors": score.errors, "words": score.words}


def _compiled(model: RnntModel, base: Config, point: Point) -> Compiled:
    """On a machine with memories for any model."""
    name = f"{point.lanes} lanes in groups of {point.group}"
    config = replace(base, name=name, lanes=point.lanes, group=point.group)
    options = CompileOptions(weight_bits=point.bits, sparsity=point.zeros, shares="layer_adaptive")
    return compile_model(model, roomy(config), options)


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
