"""The vector unit's pipelines: the ways that an element may take through it."""

from amaranth.lib import enum

from sordino.isa import timing

__all__ = ["LATENCY", "Pipeline", "vector_cycles"]


class Pipeline(enum.Enum, shape=4):
    """What happens to an element."""

    FEATURE = 0
    """From the feature stream to memory."""
    CONSTANT = 1
    """From the instruction to memory."""
    MOVE = 2
    """From memory to memory."""
    LOOKUP = 3
    """From parameter memory to activation memory."""
    VALUE = 4
    """Requantised, then saturated or rectified."""
    CURVE = 5
    """Requantised, then the tanh or the sigmoid."""
    RECURRENT = 6
    """Requantised, then a recurrent cell."""
    COMPARE = 7
    """Compared; nothing is written."""
    PRODUCT = 8
    """Multiplied, then requantised and saturated."""


LATENCY: dict[Pipeline, int] = {
    Pipeline.FEATURE: timing.VECTOR_INPUT,
    Pipeline.CONSTANT: timing.VECTOR_FILL,
    Pipeline.MOVE: timing.VECTOR_COPY,
    Pipeline.LOOKUP: timing.VECTOR_EMBED,
    Pipeline.VALUE: timing.VECTOR_VALUE,
    Pipeline.CURVE: timing.VECTOR_CURVE,
    Pipeline.RECURRENT: timing.VECTOR_CELL,
    Pipeline.COMPARE: timing.VECTOR_ARGMAX,
    Pipeline.PRODUCT: timing.VECTOR_PRODUCT,
}
"""Cycles from the one that presents an element's addresses to the one that has its result."""


def vector_cycles(elements: int, pipeline: Pipeline) -> int:
    """Cycles from the vector unit's start to done of so many elements, one a cycle.

    No element counts as one. Cycles in which an INPUT waits are not counted, nor those before the
    first element (`Instruction.lead`).
    """
    last = timing.FIRST_ELEMENT + max(0, elements - 1)
    return last + LATENCY[pipeline] + timing.DONE
