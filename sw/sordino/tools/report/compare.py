"""Two reports side by side."""

from dataclasses import asdict, dataclass
from typing import Any

from sordino.tools.report.build import Report

__all__ = ["Difference", "compare"]

_MATRIX = ("zeros", "bits_per_weight", "bytes", "places", "cycles", "utilisation", "useful")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A figure of both images; None where one of them has it not.

    of    the matrix, or nothing for the whole image
    ratio theirs over ours; None where that has no meaning
    """

    of: str
    figure: str
    ours: float | None
    theirs: float | None

    @property
    def ratio(self) -> float | None:
        """The figure of `theirs` over that of `ours`; None where there is no such quotient."""
        if self.ours is None or self.theirs is None or not self.ours:
            return None
        return self.theirs / self.ours

    def as_dict(self) -> dict[str, Any]:
        """Fields and ratio by name."""
        return {**asdict(self), "ratio": self.ratio}


def compare(ours: Report, theirs: Report) -> list[Difference]:
    """The figures of the whole images, then of every matrix that either has, in `ours`' order."""
    a, b = ours.summary(), theirs.summary()
    found = [Difference(of="", figure=name, ours=a[name], theirs=b[name]) for name in a]
    mine, other = _matrices(ours), _matrices(theirs)
    for name in (*mine, *(name for name in other if name not in mine)):
        found += [
            Difference(
                of=name,
                figure=figure,
                ours=mine.get(name, {}).get(figure),
                theirs=other.get(name, {}).get(figure),
            )
            for figure in _MATRIX
        ]
    return found


def _matrices(report: Report) -> dict[str, dict[str, Any]]:
    return {m.name: {**m.as_dict(), "bytes": m.bytes} for m in report.matrices}
