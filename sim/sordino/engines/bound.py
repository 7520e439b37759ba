"""A generous bound on a program's cycles, so that no run of a damaged machine goes on."""

from sordino.engines.memory_timing import BEAT, MemoryTiming
from sordino.image.external import external_bytes
from sordino.image.host import NetworkSection
from sordino.image.image import Image
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Matvec

__all__ = ["cycle_bound"]

_MARGIN = 100
"""Far more than any instruction takes besides its elements (`isa.timing`)."""


def _reading(image: Image, matrix: int, memory: MemoryTiming) -> int:
    """More cycles than a streamed matrix takes to come, one burst after the other."""
    config, entry = image.config, image.matrices[matrix]
    if not entry.streamed:
        return 0
    bursts = external_bytes([entry], config) // config.burst_bytes
    beat = 2 * -(-BEAT // memory.rate) + 2
    return bursts * (memory.latency + memory.jitter + beat * config.stream_burst + _MARGIN)


def _cost(image: Image, instruction: Instruction, memory: MemoryTiming) -> int:
    if isinstance(instruction, Matvec):
        places = max(image.matrices[instruction.matrix].places, default=0)
        reading = 0 if instruction.from_ring else _reading(image, instruction.matrix, memory)
        columns: int = instruction.columns
        return columns + places * 2 + reading + _MARGIN
    return (instruction.duration(image.config) or 0) + _MARGIN


def cycle_bound(image: Image, frames: int, memory: MemoryTiming | None = None) -> int:
    """More cycles than any run of `frames` input vectors takes.

    Every instruction of the program once for each symbol that a frame may have, and once more,
    doubled.
    """
    timing = memory or MemoryTiming()
    once = sum(_cost(image, instruction, timing) for instruction in image.program)
    host = image.host
    said = [one.tokens.most for one in host.networks.values() if one.tokens is not None]
    symbols = host.max_symbols if isinstance(host, NetworkSection) else max(said, default=1)
    return 2 * once * (symbols + 2) * (frames + 2)
