"""The memory map: how much of each memory of the machine the image uses."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sordino.estimate.memories import bits_by_kind
from sordino.golden.vector import PARAMETER_BYTES
from sordino.isa.effects import Store, claims
from sordino.isa.image import Image
from sordino.isa.instructions import Opcode

__all__ = ["MemoryUse", "memory_map", "used_words"]

_STREAM_BYTES = 2


@dataclass(frozen=True, kw_only=True)
class MemoryUse:
    """One kind of memory.

    kind       as in `sordino info --config`
    setting    field of the configuration that gives its words (tables and entries: of them)
    words      used, one number a unit (lane, group or the machine)
    available  words a unit
    bits       of all units in the machine
    """

    kind: str
    setting: str
    words: tuple[int, ...]
    available: int
    bits: int

    @property
    def used(self) -> float:
        """Share of all words that are used."""
        return sum(self.words) / (self.available * len(self.words))

    @property
    def fullest(self) -> int:
        """Words of the unit that uses most."""
        return max(self.words)

    @property
    def imbalance(self) -> float:
        """What the fullest unit has above the mean, as a share of it; 0 without words."""
        total = sum(self.words)
        return self.fullest * len(self.words) / total - 1 if total else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Fields and properties by name."""
        more = {name: getattr(self, name) for name in ("used", "fullest", "imbalance")}
        return {**asdict(self), **more}


def _words(memories: Iterable[bytes], width: int) -> tuple[int, ...]:
    return tuple(-(-len(memory) // width) for memory in memories)


def _highest(image: Image, store: Store) -> int:
    """Words of a memory up to the last that the program touches."""
    ends = [0]
    for instruction in image.program:
        for regions in claims(instruction, image.config):
            ends += [region.base + region.count for region in regions if region.store is store]
    return max(ends)


def used_words(image: Image) -> dict[str, tuple[int, ...]]:
    """Words used by field of the configuration, one number a lane, a group or the machine."""
    config = image.config
    rows = [0]
    for i in image.program:
        if i.opcode in (Opcode.MATVEC, Opcode.DRAIN, Opcode.ARGMAX):
            rows.append(i.rows)
        elif i.opcode is Opcode.CELL:
            rows.append(-(-i.units // config.quads))
    return {
        "lane_words": _words(image.values, _STREAM_BYTES),
        "group_words": _words(image.positions, _STREAM_BYTES),
        "tables": (len(image.tables),),
        "matrices": (len(image.matrices),),
        "rows_per_lane": (max(rows),),
        "activation_words": (_highest(image, Store.ACTIVATION),),
        "state_words": (_highest(image, Store.STATE),),
        "parameter_words": (len(image.parameters) // PARAMETER_BYTES,),
        "program_words": (len(image.program),),
    }


_KINDS = {
    "lane_words": "value streams",
    "group_words": "position streams",
    "tables": "table memory",
    "matrices": "directory",
    "rows_per_lane": "accumulator banks",
    "activation_words": "activation memory",
    "state_words": "state memory",
    "parameter_words": "parameter memory",
    "program_words": "program",
}


def memory_map(image: Image) -> list[MemoryUse]:
    """Every memory whose size the configuration gives."""
    bits, used = bits_by_kind(image.config), used_words(image)
    return [
        MemoryUse(
            kind=kind,
            setting=setting,
            words=used[setting],
            available=getattr(image.config, setting),
            bits=bits[kind],
        )
        for setting, kind in _KINDS.items()
    ]
