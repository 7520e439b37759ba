"""What a recogniser says while it hears."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

__all__ = ["Event", "Final", "Partial"]


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
        """Plain values for JSON, with `kind` and `final`."""
        return {"kind": self.kind, **asdict(self), "final": self.final}


@dataclass(frozen=True, kw_only=True)
class Partial(_Heard):
    """The words so far, whenever they have become others; the last ones may still change."""

    kind = "partial"
    final = False


@dataclass(frozen=True, kw_only=True)
class Final(_Heard):
    """The words of an utterance, at its end; nothing follows.

    error  the name of the error that stopped the machine, or None
    """

    kind = "final"
    final = True

    error: str | None = None


Event = Partial | Final
