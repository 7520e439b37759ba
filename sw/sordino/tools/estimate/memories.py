"""The memories of a machine, stated from its configuration; equal to the elaborated circuit's."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from amaranth.hdl import Shape

from sordino import arith
from sordino.arch import STREAM_WORD_BITS, Config
from sordino.image.external import EXTERNAL_BITS
from sordino.image.loading import WORD_BYTES
from sordino.image.tans import EntryLayout
from sordino.isa.instruction import INSTRUCTION_BITS
from sordino.rtl.lanes.decoder import stored_entry
from sordino.rtl.lanes.group import PLACES_BITS
from sordino.rtl.shared.crc import CRC_BITS
from sordino.rtl.shared.memories import PARAMETER_BITS

__all__ = ["MemoryShape", "bits_by_kind", "memories"]

_ACTIVATION_BITS = 8
_WORD_BITS = 8 * WORD_BYTES
_BOTH = (arith.TANH, arith.SIGMOID)
_CURVES = {1: ((_BOTH, 1),), 4: (((arith.SIGMOID,), 3), (_BOTH, 1), ((arith.TANH,), 1))}
"""The curves in each ROM of the cell, by `vector_gates`: of all gates and the state; or of the
gates i, f and o, of g, which DRAIN and ADD use too, and of the state."""


@dataclass(frozen=True)
class MemoryShape:
    """`count` memories alike of `depth` words of `width` bits.

    reads  read ports beside the one write port; a second one takes a second copy in most devices
    block  in block memory however small (attribute `ram_style`), else where it is worth it
    """

    kind: str
    count: int
    width: int
    depth: int
    reads: int = 1
    block: bool = False

    @property
    def bits(self) -> int:
        """The bits of all `count` memories, copies for second read ports not counted."""
        return self.count * self.width * self.depth


def memories(config: Config) -> Iterator[MemoryShape]:
    """All memories of the machine but the host's FIFOs; kinds are those of `memory_bits`."""
    lanes, groups, states = config.lanes, config.groups, config.states

    def start_bits(words: int) -> int:
        return (STREAM_WORD_BITS * words - 1).bit_length()

    def entry_bits(runs: bool) -> int:
        return int(stored_entry(config.state_bits, runs=runs).size)

    group_words, lane_words = config.group_words, config.lane_words
    yield MemoryShape("program", 1, INSTRUCTION_BITS, config.program_words)
    entry = Shape.cast(EntryLayout).width
    for width in (_WORD_BITS, entry - _WORD_BITS):  # as the host loads it
        yield MemoryShape("table memory", 1, width, config.tables * states)
    yield MemoryShape("directory", groups, PLACES_BITS, config.matrices)
    yield MemoryShape("directory", groups, start_bits(group_words), config.matrices)
    yield MemoryShape("directory", lanes, start_bits(lane_words), config.matrices)
    if config.stream_bus:
        yield from _fetching(config)
    yield MemoryShape("x FIFOs", groups, _ACTIVATION_BITS, config.x_fifo)
    yield MemoryShape("run tables", groups, entry_bits(True), config.run_slots * states)
    yield MemoryShape("position streams", groups, STREAM_WORD_BITS, group_words)
    yield MemoryShape("value tables", lanes, entry_bits(False), config.value_slots * states)
    yield MemoryShape("value streams", lanes, STREAM_WORD_BITS, lane_words)
    yield MemoryShape(
        "accumulator banks", 2 * lanes, config.accumulator_bits, config.rows_per_lane, block=True
    )
    for curves, count in _CURVES[config.vector_gates]:
        width = max(curve.knots[-1] for curve in curves).bit_length()
        width += max(max(curve.slopes) for curve in curves).bit_length()
        yield MemoryShape("curves", count, width, len(curves) * arith.CURVE_SEGMENTS)
    yield MemoryShape("activation memory", 1, _ACTIVATION_BITS, config.activation_words, 2)
    yield MemoryShape("state memory", 1, arith.CELL_STATE.bits, config.state_words, 2)
    yield MemoryShape("parameter memory", 1, PARAMETER_BITS, config.parameter_words)


def _fetching(config: Config) -> Iterator[MemoryShape]:
    """The memories that fetch streamed weights, without the rings in the stream memories."""
    streams, kind = config.streams, "external directory"
    number = (streams - 1).bit_length()
    yield MemoryShape("directory", config.groups, 1, config.matrices)
    yield MemoryShape("directory", streams, EXTERNAL_BITS, config.matrices)
    for width in (EXTERNAL_BITS, CRC_BITS):
        yield MemoryShape(kind, 1, width, config.matrices << number)
        yield MemoryShape(kind, 1, width, streams)
    yield MemoryShape(kind, 1, number + 2, config.stream_outstanding)


def bits_by_kind(config: Config) -> dict[str, int]:
    """The bits of all memories by their kind."""
    found: Counter[str] = Counter()
    for memory in memories(config):
        found[memory.kind] += memory.bits
    return dict(found)
