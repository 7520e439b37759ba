"""The memory map: how much of each memory of the machine the image uses."""

from dataclasses import asdict, dataclass
from typing import Any

from sordino.image.image import Image
from sordino.image.sizes import used_words
from sordino.tools.estimate.memories import bits_by_kind

__all__ = ["MemoryUse", "memory_map"]


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
