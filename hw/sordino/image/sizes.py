"""How large a machine's memories must be for an image."""

from collections.abc import Iterable

from sordino.image.external import ring_bursts
from sordino.image.image import Image
from sordino.isa.fields import Kind, Store
from sordino.isa.hazards import claims, writes
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Matvec

__all__ = ["needed", "used_words"]

_STREAM_BYTES = 2
_BANKS = (Store.BANK0, Store.BANK1)


def _words(memories: Iterable[bytes], width: int) -> tuple[int, ...]:
    return tuple(-(-len(memory) // width) for memory in memories)


def _highest(image: Image, store: Store) -> int:
    """Words of a memory up to the last that the program touches."""
    ends = [0]
    for instruction in image.program:
        for regions in claims(instruction, image.config):
            ends += [region.base + region.count for region in regions if region.store is store]
    return max(ends)


def _rows(image: Image) -> int:
    """Rows of an accumulator bank up to the last that the program touches."""
    regions = (r for i in image.program for r in writes(i, image.config) if r.store in _BANKS)
    return max((region.base + region.count for region in regions), default=0)


def used_words(image: Image) -> dict[str, tuple[int, ...]]:
    """Words used by field of the configuration, one number a lane, a group or the machine.

    Rings, which are a part of the stream memories, are left out.
    """
    return {
        "lane_words": _words(image.values, _STREAM_BYTES),
        "group_words": _words(image.positions, _STREAM_BYTES),
        "tables": (len(image.tables),),
        "matrices": (len(image.matrices),),
        "rows_per_lane": (_rows(image),),
        "activation_words": (_highest(image, Store.ACTIVATION),),
        "state_words": (_highest(image, Store.STATE),),
        "parameter_words": (-(-len(image.parameters) // Instruction.BYTES),),
        "program_words": (len(image.program),),
    }


def _ring(image: Image) -> int:
    """Bursts of a ring that holds every stream which a MATVEC takes from there once more."""
    again = {i.matrix for i in image.program if isinstance(i, Matvec) and i.from_ring}
    return max((ring_bursts(image.matrices[matrix], image.config) for matrix in again), default=0)


def _channels(image: Image) -> int:
    """Input channels up to the last that the program reads, and channel 0."""
    named = (i.fields[name] for i in image.program for name in i.meant(Kind.CHANNEL))
    return 1 + max(named, default=0)


def needed(image: Image) -> dict[str, int]:
    """The least capacities of a machine with the image's ID that runs it, by name.

    What only costs time when it is small is left out: FIFOs, bursts on their way. Stream memories
    hold the machine's rings beside what is said here. For the accumulators it is what the image
    was compiled for, since that is what the compiler proved to suffice.
    """
    return {
        **{name: max(words) for name, words in used_words(image).items()},
        "value_slots": _highest(image, Store.VALUE_TABLE),
        "run_slots": _highest(image, Store.RUN_TABLE),
        "accumulator_bits": image.config.accumulator_bits,
        "stream_ring": _ring(image),
        "channels": _channels(image),
    }
