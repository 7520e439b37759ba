"""Which segments are in use, as a Python model, cycle for cycle."""

__all__ = ["UsageModel"]


class UsageModel:
    """The marks of `sordino.rtl.usage`, from a START on.

    `use` and `input` say what happens in a cycle, before `pass_cycle` lets it go by.
    """

    def __init__(self) -> None:
        self.marks: set[int] = set()
        self.leaving: set[int] = set()
        self.used: int | None = None
        self.input = False

    def use(self, segment: int) -> None:
        """A USE begins to use a segment that is checked."""
        self.used = segment

    def pass_cycle(self, *, reading: bool) -> int:
        """One cycle goes by, in which a TABLE is at work or not; a bit for each segment in use."""
        in_use = self.marks | self.leaving
        if self.used is not None:
            self.marks.add(self.used)
        if self.input:
            self.leaving |= self.marks
            self.marks = set()
        elif not reading:
            self.leaving = set()
        self.used, self.input = None, False
        return sum(1 << segment for segment in in_use)
