"""Block RAMs of FPGAs: enough of them for every memory."""

from hypothesis import given
from hypothesis import strategies as st

from sordino.tools.estimate.blocks import (
    ECP5_BLOCKS,
    memory_blocks,
)
from sordino.tools.estimate.memories import MemoryShape


def test_blocks() -> None:
    assert memory_blocks(MemoryShape("m", 3, 16, 1024), ECP5_BLOCKS) == 3
    assert memory_blocks(MemoryShape("m", 1, 16, 1025), ECP5_BLOCKS) == 2
    assert memory_blocks(MemoryShape("m", 1, 16, 16384), ECP5_BLOCKS) == 16
    assert memory_blocks(MemoryShape("m", 1, 8, 2048, 2), ECP5_BLOCKS) == 2
    assert memory_blocks(MemoryShape("m", 1, 19, 16), ECP5_BLOCKS) == 0
    assert memory_blocks(MemoryShape("m", 8, 24, 64, block=True), ECP5_BLOCKS) == 8
    assert memory_blocks(MemoryShape("x FIFOs", 1, 8, 4096), ECP5_BLOCKS) == 0


@given(st.integers(1, 200), st.integers(1, 70_000))
def test_blocks_hold_the_bits(width: int, depth: int) -> None:
    blocks = memory_blocks(MemoryShape("m", 1, width, depth), ECP5_BLOCKS)
    assert not blocks or blocks * 18 * 1024 >= width * depth
