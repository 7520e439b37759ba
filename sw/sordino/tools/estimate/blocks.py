"""How many of a device's block memories and multipliers a machine takes."""

from collections.abc import Sequence

from sordino.arch import Config
from sordino.rtl.export.resources import vector_multipliers
from sordino.tools.estimate.memories import MemoryShape, memories

__all__ = ["ECP5_BLOCKS", "block_rams", "memory_blocks", "multiplier_blocks", "products"]

Shapes = Sequence[tuple[int, int]]
ECP5_BLOCKS: Shapes = ((1, 16384), (2, 8192), (4, 4096), (9, 2048), (18, 1024), (36, 512))
"""Width and depth of a DP16KD."""
_LEAST_BITS = 2048
"""Smaller memories go to look-up tables, as do those that are read in the same cycle."""
_AT_ONCE = ("x FIFOs",)


def memory_blocks(memory: MemoryShape, shapes: Shapes) -> int:
    """The blocks that `memory.count` memories take, in the best of the shapes (width, depth).

    Memories that fit logic better take none.
    """
    small = memory.width * memory.depth < _LEAST_BITS and not memory.block
    if memory.kind in _AT_ONCE or small:
        return 0
    each = min(-(-memory.width // width) * -(-memory.depth // depth) for width, depth in shapes)
    return memory.count * memory.reads * each


def block_rams(config: Config, shapes: Shapes) -> int:
    """The number of blocks of these shapes that all memories of the machine take."""
    return sum(memory_blocks(memory, shapes) for memory in memories(config))


_LANE = (15, 8)
"""Operand widths of a lane's multiplication."""


def products(config: Config) -> list[tuple[int, int, int]]:
    """Operand widths of every multiplication and how many there are, as `resources.multipliers`."""
    vector = [(a, b, n) for (a, b), n in vector_multipliers(config.vector_gates).items()]
    return [(*_LANE, config.lanes), *vector]


def multiplier_blocks(config: Config, large: int = 18, small: int = 18) -> int:
    """Hardware multipliers of `large` × `small` bits, wider products in parts."""
    return sum(
        count * min(-(-a // large) * -(-b // small), -(-a // small) * -(-b // large))
        for a, b, count in products(config)
    )
