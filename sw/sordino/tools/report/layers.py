"""Where time goes, layer by layer, and what limits each."""

from dataclasses import dataclass
from typing import Any

from sordino.cycles.stalls import Stalls, layer_stalls
from sordino.cycles.trace import Profile

__all__ = ["LayerTime", "layer_times"]


@dataclass(frozen=True, kw_only=True)
class LayerTime:
    """One label of the program over a stretch of speech.

    share    of all cycles
    stalls   the cycles, what the groups did, what limits the layer
    """

    name: str
    share: float
    stalls: Stalls

    def as_dict(self) -> dict[str, Any]:
        """Fields by name, stalls among them."""
        return {**self.stalls.as_dict(), "share": self.share}


def layer_times(profile: Profile) -> list[LayerTime]:
    """One report a label that was executed, in the program's order; the last is of the whole."""
    found = layer_stalls(profile)
    whole = found[-1].cycles
    return [
        LayerTime(
            name=stalls.name,
            share=stalls.cycles / whole,
            stalls=stalls,
        )
        for stalls in found
    ]
