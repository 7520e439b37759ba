"""A generous bound on a program's cycles, so that no run of a damaged machine goes on."""

from sordino.isa.image import Image
from sordino.isa.instructions import Instruction, Opcode

__all__ = ["cycle_bound"]

_OVERHEAD = 100


def _cost(image: Image, instruction: Instruction) -> int:
    config = image.config
    match instruction.opcode:
        case Opcode.MATVEC:
            places = max(image.matrices[instruction.matrix].places, default=0)
            return instruction.columns + places * 2 + _OVERHEAD
        case Opcode.DRAIN | Opcode.ARGMAX:
            return instruction.rows * config.lanes + _OVERHEAD
        case Opcode.TABLE:
            return config.states + _OVERHEAD
        case Opcode.CELL:
            return instruction.units + _OVERHEAD
        case _:
            return instruction.fields.get("count", 0) + _OVERHEAD


def cycle_bound(image: Image, frames: int) -> int:
    """More cycles than any run of `frames` input vectors takes.

    Every instruction of the program once for each symbol that a frame may have, and once more,
    doubled.
    """
    once = sum(_cost(image, instruction) for instruction in image.program)
    symbols = int(image.host.get("max_symbols", 1))
    return 2 * once * (symbols + 2) * (frames + 2)
