"""Machines with memories for any model, and with memories just large enough for an image."""

from dataclasses import replace

from sordino.arch import RANGES, STREAM_WORD_BITS, Config
from sordino.compiler.compile import Compiled, CompileOptions, compile_model
from sordino.compiler.limits.errors import DoesNotFit
from sordino.image.image import Image
from sordino.image.sizes import used_words
from sordino.model.endpointer import Endpointer
from sordino.model.rnnt import RnntModel

__all__ = ["MEMORIES", "compile_needed", "roomy", "trimmed"]

MEMORIES = ("config", "needed")
"""How large memories are: as the configuration has them, or just as large as needed."""
_CAPACITIES = (
    "lane_words",
    "group_words",
    "activation_words",
    "state_words",
    "parameter_words",
    "program_words",
    "tables",
    "matrices",
)
"""Settings that say how large a memory is and no more."""


def roomy(config: Config) -> Config:
    """The machine with memories for any model; rows a lane, which decide the tiles, stay."""
    return config.with_settings({name: RANGES[name][1] for name in _CAPACITIES})


def compile_needed(
    model: RnntModel,
    config: Config,
    options: CompileOptions | None = None,
    endpointer: Endpointer | None = None,
) -> Compiled:
    """Compile for the machine with memories just as large as the model needs.

    Rows a lane are the machine's at most, but where one tile must hold more. Raises as
    `compile_model`.
    """
    wide = roomy(config)
    try:
        compiled = compile_model(model, wide, options, endpointer)
    except DoesNotFit as refusal:
        if refusal.needed.keys() != {"rows_per_lane"}:
            raise
        wider = wide.with_settings(refusal.needed)
        compiled = compile_model(model, wider, options, endpointer)
    return replace(compiled, image=trimmed(compiled.image))


def trimmed(image: Image) -> Image:
    """The image for the same machine with memories just as large as it needs, rows a lane too."""
    used = {name: max(words) for name, words in used_words(image).items()}
    fields = {name: max(RANGES[name][0], words) for name, words in used.items()}
    config = image.config
    if config.stream_bus:
        beat = config.stream_bus // STREAM_WORD_BITS
        for name in ("lane_words", "group_words"):
            fields[name] = config.ring_words + -(-used[name] // beat) * beat
    return replace(image, config=config.with_settings(fields))
