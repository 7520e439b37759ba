"""What the compiler refuses."""

from collections.abc import Mapping

from sordino.errors import CompileError

__all__ = ["CompileError", "DoesNotFit"]


class DoesNotFit(CompileError):
    """A model that is too large for this machine.

    needed  what settings of the machine must be at least, by name, so that it fits
    """

    def __init__(self, message: str, needed: Mapping[str, int]) -> None:
        super().__init__(message)
        self.needed = dict(needed)
