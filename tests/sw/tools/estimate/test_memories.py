"""Memories and multipliers of an estimate are the circuit's."""

import pytest

from sordino.arch import VECTOR_GATES
from sordino.rtl.export.resources import memory_bits, multipliers
from sordino.testing.images.streaming import STREAMING
from sordino.tools.estimate.blocks import (
    products,
)
from sordino.tools.estimate.memories import bits_by_kind, memories
from sordino.tools.trials import MACHINES


def test_memories_of_streaming_are_the_circuit_s() -> None:
    assert bits_by_kind(STREAMING) == memory_bits(STREAMING)


@pytest.mark.parametrize("vector_gates", VECTOR_GATES)
def test_memories_and_multipliers_are_the_circuit_s(vector_gates: int) -> None:
    config = MACHINES["g2"].with_settings({"vector_gates": vector_gates})
    assert bits_by_kind(config) == memory_bits(config)
    assert {f"{a} × {b}": n for a, b, n in products(config)} == multipliers(config)
    assert {memory.reads for memory in memories(config)} == {1, 2}
