"""The memories that programs write, as a host reads and writes them between runs."""

from dataclasses import dataclass

from sordino.arch import Config
from sordino.arith import ACTIVATION, CELL_STATE
from sordino.errors import InputError
from sordino.isa.fields import SETTINGS, Store

__all__ = ["MEMORIES", "MemoryShape", "check_words", "memory_shape"]

MEMORIES = (Store.ACTIVATION, Store.STATE, Store.BANK0, Store.BANK1)
"""What a host can read and write."""


@dataclass(frozen=True)
class MemoryShape:
    """The size of a memory: signed words of `bits` bits, in a bank one for each row and lane.

    words   words of the memory, or rows of a bank
    lanes   lanes of a bank; 1 where there are none
    """

    words: int
    lanes: int
    bits: int

    @property
    def lowest(self) -> int:
        """The lowest value of a word."""
        return -1 << self.bits - 1

    @property
    def highest(self) -> int:
        """The highest value of a word."""
        return (1 << self.bits - 1) - 1


def memory_shape(config: Config, store: Store) -> MemoryShape:
    """The shape of one of MEMORIES; InputError for anything else."""
    if store not in MEMORIES:
        names = ", ".join(each.name for each in MEMORIES)
        raise InputError(
            f"wanted one of the memories {names}, got {store.name}; choose one of them"
        )
    words = getattr(config, SETTINGS[store])
    if store is Store.ACTIVATION:
        return MemoryShape(words, 1, ACTIVATION.bits)
    if store is Store.STATE:
        return MemoryShape(words, 1, CELL_STATE.bits)
    return MemoryShape(words, config.lanes, config.accumulator_bits)


def check_words(config: Config, store: Store, first: int, count: int) -> MemoryShape:
    """The shape of a memory that has `count` words, or rows, from `first` on; else InputError."""
    shape = memory_shape(config, store)
    if first < 0 or count < 0 or first + count > shape.words:
        what = "words" if shape.lanes == 1 else "rows"
        raise InputError(
            f"wanted {what} 0 to {shape.words - 1} of {store.name}, got {count} from {first} on; "
            "take fewer"
        )
    return shape
