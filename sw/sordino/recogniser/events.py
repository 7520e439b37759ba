"""What a recogniser says while it hears."""

from base64 import b64encode
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

__all__ = ["Confirm", "Ended", "Event", "Final", "Partial", "Revised", "Speculative"]


@dataclass(frozen=True, kw_only=True)
class _Heard:
    """What was understood up to a place in the recording.

    samples  of the recording from its beginning up to that place, at the model's rate; None where
             the image does not say what its input is
    seconds  the same in seconds
    text     the words
    tokens   what they are made of
    """

    kind: ClassVar[str]
    final: ClassVar[bool]

    samples: int | None
    seconds: float | None
    text: str
    tokens: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with `kind` and `final`; the bytes of a lattice in base 64."""
        found = {"kind": self.kind, **asdict(self), "final": self.final}
        if isinstance(lattice := found.get("lattice"), bytes):
            found["lattice"] = b64encode(lattice).decode()
        return found


@dataclass(frozen=True, kw_only=True)
class Partial(_Heard):
    """The words so far, whenever they have become others; the last ones may still change."""

    kind = "partial"
    final = False


@dataclass(frozen=True, kw_only=True)
class _Likely(_Heard):
    """The words of an utterance whose end is likely.

    revision  number of the lattice of this utterance, from 0 on
    lattice   its bytes, where the recogniser makes lattices
    """

    final = False

    revision: int
    lattice: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Speculative(_Likely):
    """The end is likely, for the first time in the utterance: what comes downstream may start."""

    kind = "speculative"


@dataclass(frozen=True, kw_only=True)
class Revised(_Likely):
    """The words that were sent before were wrong: what was started with them is undone.

    It comes with the first word that follows them, where the end is likely again, or at the end,
    and has the words so far.

    reset  true: whoever has started begins anew with this revision
    """

    kind = "revised"

    reset: bool = True


@dataclass(frozen=True, kw_only=True)
class Confirm(_Heard):
    """The utterance ends with the words of a revision that was sent before."""

    kind = "confirm"
    final = False

    revision: int


@dataclass(frozen=True, kw_only=True)
class Final(_Heard):
    """The words of an utterance, at its end; nothing follows.

    error  the name of the error that stopped the machine, or None
    """

    kind = "final"
    final = True

    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ended(Final):
    """The same where the recogniser looks for ends; the next utterance may follow.

    reason     why it ends: `endpoint`, `blanks`, `longest`, or `end` of what is pushed
    utterance  its number in what is pushed, from 0 on
    begin      seconds from the beginning of what is pushed to the beginning of the utterance
    revision   the one that has its words, in an event before or in this one; None for no words
    lattice    the bytes of that revision's lattice, where none with its words was sent before and
               the recogniser makes lattices
    """

    reason: str
    utterance: int
    begin: float | None
    revision: int | None = None
    lattice: bytes | None = None


Event = Partial | Speculative | Revised | Confirm | Final
