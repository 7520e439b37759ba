"""Where time goes, layer by layer, and what limits each."""

from dataclasses import asdict, dataclass
from typing import Any

from sordino.cycles.stalls import Stalls, layer_stalls
from sordino.cycles.trace import Profile

__all__ = ["LIMITERS", "LayerReport", "limiter", "report_layers"]

_WORK = ("places", "padding", "imbalance")
_WAITS = ("wait_broadcast", "wait_fifo")
LIMITERS = {
    "lanes": "the busiest group goes from place to place",
    "stream": "places wait for their column of x, which come one a cycle",
    "cell": "the vector unit is at work and the lanes are not",
    "table": "decoder tables are loaded and nothing else is done",
    "control": "instructions begin, decoders start, products settle",
    "hidden": "all of it is behind something else",
}
"""What may take most of a layer's cycles."""


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """One label of the program over a stretch of speech.

    share    of all cycles
    limiter  one of LIMITERS: what most of the cycles go to
    stalls   the cycles and what the groups did
    """

    name: str
    share: float
    limiter: str
    stalls: Stalls

    def as_dict(self) -> dict[str, Any]:
        """Fields by name, stalls among them."""
        values = asdict(self)
        return {**values.pop("stalls"), **values}


def _parts(stalls: Stalls) -> dict[str, float]:
    """Cycles by what they go to; those of MATVEC as the groups spend theirs."""
    work, waits = (sum(getattr(stalls, name) for name in names) for names in (_WORK, _WAITS))
    groups = work + waits + stalls.overhead
    each = stalls.matvec / groups if groups else 0.0
    return {
        "lanes": work * each,
        "stream": waits * each,
        "cell": float(stalls.vector),
        "table": float(stalls.table),
        "control": stalls.control + stalls.overhead * each,
    }


def limiter(stalls: Stalls) -> str:
    """What takes most of these cycles; the first of LIMITERS where two take as much."""
    parts = _parts(stalls)
    if not stalls.cycles:
        return "hidden"
    return max(parts, key=lambda name: parts[name])


def report_layers(profile: Profile) -> list[LayerReport]:
    """One entry a label that took its turn, in the order of the program, then the whole."""
    found = layer_stalls(profile)
    whole = found[-1].cycles
    return [
        LayerReport(
            name=stalls.name,
            share=stalls.cycles / whole,
            limiter=limiter(stalls),
            stalls=stalls,
        )
        for stalls in found
    ]
