"""What a host reads of a machine, as values with names."""

from dataclasses import dataclass

from sordino.isa.registers import (
    MAP_VERSION_BIT,
    STATUS_CODE,
    STATUS_ERROR,
    Error,
    Status,
)

__all__ = ["ADVICE", "Identity", "MachineError", "MachineStatus", "Run"]

_BYTE = 0xFF

ADVICE = {
    Error.ILLEGAL: "load the image again, or compile it for this machine",
    Error.STACK: "compile the model again: its program calls too deeply",
    Error.STREAM: "load the image again: weights in the machine are damaged",
    Error.LIMIT: "give it a higher cycle limit, or see why the program goes on",
    Error.INPUT: "feed whole vectors",
    Error.LOAD: "clear, and load the image again",
    Error.MEMORY: "put the image's external section where STREAM_BASE says, and load it again",
}
"""What to do about each error that stops a machine."""


@dataclass(frozen=True)
class Identity:
    """Which machine answers: registers ID and VERSION."""

    config_id: int
    isa_version: int
    map_version: int

    @classmethod
    def from_words(cls, config_id: int, version: int) -> "Identity":
        """The identity that the words of ID and VERSION say."""
        mask = (1 << MAP_VERSION_BIT) - 1
        return cls(config_id, version & mask, version >> MAP_VERSION_BIT)


@dataclass(frozen=True)
class MachineStatus:
    """Register STATUS.

    Attributes
    ----------
    flags
        The bits of `Status` that are set.
    code
        The code of the HALT that ended the last run.
    error
        Why the machine stopped; NONE after a HALT.
    """

    flags: Status
    code: int
    error: Error

    @classmethod
    def from_word(cls, word: int) -> "MachineStatus":
        """The status that a word of STATUS says."""
        known = sum(flag.value for flag in Status)
        return cls(
            Status(word & known),
            word >> STATUS_CODE & _BYTE,
            Error(word >> STATUS_ERROR & _BYTE),
        )

    @property
    def busy(self) -> bool:
        """Whether a program runs."""
        return Status.BUSY in self.flags

    @property
    def done(self) -> bool:
        """Whether a run has ended, and none was started since."""
        return Status.DONE in self.flags

    @property
    def failed(self) -> bool:
        """Whether an error is sticky."""
        return Status.FAILED in self.flags

    @property
    def waiting(self) -> bool:
        """Whether the program waits at a yield point, for features or a request."""
        return Status.WAITING in self.flags

    @property
    def loaded(self) -> bool:
        """Whether there is a checked program to start."""
        return Status.LOADED in self.flags

    def __str__(self) -> str:
        names = " ".join(str(flag.name) for flag in Status if flag in self.flags)
        return f"{names or 'no flag'}, code {self.code}, error {self.error.name}"


@dataclass(frozen=True)
class Run:
    """What came of a run: its tokens, and the code of the HALT or the error that ended it.

    A token has its channel in bits 23 to 16.
    """

    tokens: list[int]
    code: int
    error: Error


class MachineError(RuntimeError):
    """The machine cannot do what it was told, or has stopped with an error.

    Attributes
    ----------
    status
        What register STATUS said.
    run
        What came of the run until then, where it was one.
    """

    def __init__(self, message: str, status: MachineStatus, run: Run | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.run = run
