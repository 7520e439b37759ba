"""Which segment is open and which are checked, as a Python model."""

from sordino.isa.fields import SEGMENTS
from sordino.isa.registers import LoadTarget

__all__ = ["SegmentsModel"]


class SegmentsModel:
    """What `sordino.rtl.host.segments` keeps, event by event.

    chosen   the number of the open segment plus 1, or 0
    checked  numbers of the segments that are
    first    by target, the first word that segments may write; none where there is no number
    """

    def __init__(self) -> None:
        self.chosen = 0
        self.checked: set[int] = set()
        self.first: dict[LoadTarget, int] = {}

    @property
    def bits(self) -> int:
        """A bit for each segment that is checked."""
        return sum(1 << number for number in self.checked)

    def refuses(self, word: int, in_use: int) -> bool:
        """Whether SEGMENT must not be written so, with a bit of `in_use` for each segment."""
        return word > SEGMENTS or bool(word and in_use >> word - 1 & 1)

    def select(self, word: int) -> None:
        """Write SEGMENT."""
        self.chosen = word
        self.checked.discard(word - 1)

    def check(self) -> None:
        """The open segment is checked, and closed."""
        self.checked.add(self.chosen - 1)
        self.chosen = 0

    def forget(self) -> None:
        """Nothing is open or checked."""
        self.chosen, self.checked = 0, set()

    def fixed(self, target: LoadTarget, address: int) -> bool:
        """Whether segments may not write a word that the target has."""
        first = self.first.get(target)
        return target is LoadTarget.PROGRAM or first is None or address < first
