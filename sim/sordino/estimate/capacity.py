"""Machines with memories for any model, and with memories just large enough for an image."""

from dataclasses import replace

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.isa.image import Image
from sordino.isa.sizes import used_words

__all__ = ["roomy", "trimmed"]

_MOST = {
    "lane_words": 1 << 24,
    "group_words": 1 << 24,
    "activation_words": 1 << 16,
    "state_words": 1 << 16,
    "parameter_words": 1 << 24,
    "program_words": 1 << 16,
    "tables": 256,
    "matrices": 256,
}
"""The largest that a configuration may name."""
_LEAST = {
    "lane_words": 4,
    "group_words": 4,
    "activation_words": 16,
    "state_words": 16,
    "parameter_words": 4,
    "program_words": 16,
    "tables": 2,
    "matrices": 1,
}
"""The smallest."""


def roomy(config: Config) -> Config:
    """The machine with memories for any model; rows a lane, which decide on tiles, stay."""
    return config.with_settings(_MOST)


def trimmed(image: Image) -> Image:
    """The image for the same machine with memories just as large as it needs, rows a lane too."""
    used = {name: max(words) for name, words in used_words(image).items()}
    fields = {name: max(_LEAST.get(name, 1), words) for name, words in used.items()}
    config = image.config
    if config.stream_bus:
        beat = config.stream_bus // STREAM_WORD_BITS
        for name in ("lane_words", "group_words"):
            fields[name] = config.ring_words + -(-used[name] // beat) * beat
    return replace(image, config=config.with_settings(fields))
