"""The vector unit's pipelines: the ways that an element may take through it."""

from amaranth.lib import enum

from sordino.arch import Config
from sordino.isa import timing

__all__ = ["Pipeline", "interval", "latency", "lead", "vector_cycles"]


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


_LATENCY: dict[Pipeline, int] = {
    Pipeline.FEATURE: timing.VECTOR_INPUT,
    Pipeline.CONSTANT: timing.VECTOR_FILL,
    Pipeline.MOVE: timing.VECTOR_COPY,
    Pipeline.LOOKUP: timing.VECTOR_EMBED,
    Pipeline.VALUE: timing.VECTOR_VALUE,
    Pipeline.CURVE: timing.VECTOR_CURVE,
    Pipeline.RECURRENT: timing.VECTOR_CELL,
    Pipeline.COMPARE: timing.VECTOR_ARGMAX,
    Pipeline.PRODUCT: timing.VECTOR_VALUE,
}
_SERIAL = _LATENCY | {Pipeline.RECURRENT: timing.SERIAL_CELL}


def latency(pipeline: Pipeline, config: Config) -> int:
    """Cycles from the last that presents an element's addresses to the one with its result."""
    return (_SERIAL if config.vector_gates == 1 else _LATENCY)[pipeline]


def interval(pipeline: Pipeline, config: Config) -> int:
    """Cycles from one element to the next, in which its addresses are presented."""
    serial = config.vector_gates == 1 and pipeline is Pipeline.RECURRENT
    return timing.SERIAL_UNIT if serial else 1


def lead(pipeline: Pipeline, config: Config) -> int:
    """Cycles before the first element."""
    if pipeline is not Pipeline.LOOKUP:
        return 0
    return timing.SERIAL_ROW if config.vector_gates == 1 else timing.EMBED_ROW


def vector_cycles(elements: int, pipeline: Pipeline, config: Config) -> int:
    """Cycles from the vector unit's start to done of so many elements.

    No element counts as one. Cycles in which an INPUT waits are not counted.
    """
    first = timing.FIRST_ELEMENT + lead(pipeline, config)
    last = first + max(1, elements) * interval(pipeline, config) - 1
    return last + latency(pipeline, config) + timing.DONE
