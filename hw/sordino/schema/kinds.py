"""Kinds of values in JSON: what fits, in words and as a check."""

import reprlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeGuard

__all__ = ["FINITE", "TEXT", "Choice", "FileName", "Kind", "Many", "Map", "Number", "Or", "Text"]
__all__ += ["Whole", "shown"]


def shown(value: object, most: int = 60) -> str:
    """Return a value for a message: one short line, whatever it is."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = most
    try:
        text = short.repr(value)
    except Exception:  # of a stranger's object, or a number of too many digits
        text = f"a {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


class Kind:
    """What values an entry may have."""

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        raise NotImplementedError

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        raise NotImplementedError

    def taken(self, value: Any) -> Any:
        """Return a value that fits in Python's own types, which nobody else changes."""
        return value

    def written(self, value: Any) -> Any:
        """Return what `taken` returned as JSON has it."""
        return value


@dataclass(frozen=True)
class Whole(Kind):
    """Whole numbers from `low` to `high`; 3.0 is one, as some write JSON, true is none."""

    low: int
    high: int

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return f"a whole number from {self.low} to {self.high}"

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        if not _is_number(value):
            return False
        return self.low <= value <= self.high and int(value) == value

    def taken(self, value: Any) -> int:
        """Return the number as an int."""
        return int(value)


@dataclass(frozen=True)
class Number(Kind):
    """Finite numbers from `low` to `high`."""

    low: float
    high: float

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return f"a number from {self.low:g} to {self.high:g}"

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return _is_number(value) and bool(self.low <= value <= self.high)

    def taken(self, value: Any) -> int | float:
        """Return the number as an int or a float, as it was given."""
        return int(value) if isinstance(value, Integral) else float(value)


@dataclass(frozen=True)
class Text(Kind):
    """Text that can be written as UTF-8."""

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return "text"

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


@dataclass(frozen=True)
class FileName(Text):
    """Text, also with the bytes of a file's name that are no UTF-8."""

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return isinstance(value, str)


@dataclass(frozen=True)
class Choice(Kind):
    """One of some texts."""

    values: tuple[str, ...]

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return " or ".join(repr(v) if " " in v else v for v in self.values)

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return isinstance(value, str) and value in self.values


@dataclass(frozen=True)
class Or(Kind):
    """Values of one of two kinds; None as second kind stands for null."""

    first: Kind
    second: Kind | None = None

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return f"{self.first.wanted} or {self.second.wanted if self.second else 'null'}"

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        other = value is None if self.second is None else self.second.fits(value)
        return other or self.first.fits(value)

    def taken(self, value: Any) -> Any:
        """Return the value as the kind takes it that it fits."""
        if self.first.fits(value):
            return self.first.taken(value)
        return value if self.second is None else self.second.taken(value)


@dataclass(frozen=True)
class Many(Kind):
    """A list of values of one kind, called `plural`; of exactly `count`, where that is given."""

    values: Kind
    plural: str
    count: int | None = None

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return f"a list of {'' if self.count is None else f'{self.count} '}{self.plural}"

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        if not isinstance(value, list | tuple) or self.count not in (None, len(value)):
            return False
        return all(map(self.values.fits, value))

    def taken(self, value: Any) -> tuple[Any, ...]:
        """Return the values as a tuple."""
        return tuple(map(self.values.taken, value))

    def written(self, value: Any) -> list[Any]:
        """Return the values as a list."""
        return list(map(self.values.written, value))


@dataclass(frozen=True)
class Map(Kind):
    """An object whose names are free and whose values are of one kind."""

    values: Kind

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return f"an object of names with {self.values.wanted} each"

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return isinstance(value, Mapping) and all(
            TEXT.fits(k) and self.values.fits(v) for k, v in value.items()
        )

    def taken(self, value: Any) -> dict[str, Any]:
        """Return a copy of the object as a dict."""
        return {name: self.values.taken(v) for name, v in value.items()}

    def written(self, value: Any) -> dict[str, Any]:
        """Return a copy of the object as JSON has it."""
        return {name: self.values.written(v) for name, v in value.items()}


TEXT = Text()
FINITE = Number(-sys.float_info.max, sys.float_info.max)
"""Any number that is finite."""


def _is_number(value: object) -> TypeGuard[int | float]:
    """Say whether a value is a number of Python or numpy, true and false being none."""
    return isinstance(value, Real) and not isinstance(value, bool)
