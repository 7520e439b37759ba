"""How large a machine's memories must be for an image, and images with machines of that size."""

from collections.abc import Iterable
from dataclasses import replace

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.golden.vector import PARAMETER_BYTES
from sordino.isa.effects import Store, claims
from sordino.isa.image import Image
from sordino.isa.instructions import Opcode

__all__ = ["roomy", "trimmed", "used_words"]

_STREAM_BYTES = 2
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


def _words(memories: Iterable[bytes], width: int) -> tuple[int, ...]:
    return tuple(-(-len(memory) // width) for memory in memories)


def _highest(image: Image, store: Store) -> int:
    """Words of a memory up to the last that the program touches."""
    ends = [0]
    for instruction in image.program:
        for regions in claims(instruction, image.config):
            ends += [region.base + region.count for region in regions if region.store is store]
    return max(ends)


def used_words(image: Image) -> dict[str, tuple[int, ...]]:
    """Words used by field of the configuration, one number a lane, a group or the machine.

    Rings, which are a part of the stream memories, are left out.
    """
    config = image.config
    rows = [0]
    for i in image.program:
        first = i.fields.get("first", 0)
        if i.opcode in (Opcode.MATVEC, Opcode.DRAIN, Opcode.ARGMAX):
            rows.append(first + i.rows)
        elif i.opcode is Opcode.CELL:
            rows.append(first - (-i.units // config.quads))
    return {
        "lane_words": _words(image.values, _STREAM_BYTES),
        "group_words": _words(image.positions, _STREAM_BYTES),
        "tables": (len(image.tables),),
        "matrices": (len(image.matrices),),
        "rows_per_lane": (max(rows),),
        "activation_words": (_highest(image, Store.ACTIVATION),),
        "state_words": (_highest(image, Store.STATE),),
        "parameter_words": (len(image.parameters) // PARAMETER_BYTES,),
        "program_words": (len(image.program),),
    }


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
