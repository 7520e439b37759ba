"""Tables of named entries as JSON holds them: what is known of which kind, and the rest refused."""

import difflib
import reprlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from sordino.errors import InputError

__all__ = ["Choice", "Entry", "Kind", "Map", "Number", "Numbers", "Table", "Text", "Texts"]
__all__ += ["Whole", "shown"]

_CLOSE = 0.6
"""Likeness from which an unknown name is taken for a slip of a known one."""
_CLOSER = 0.8
"""The same for one that belongs elsewhere."""


def shown(value: object, most: int = 60) -> str:
    """A value for a message: one short line, whatever it is."""
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
        """A copy of a value that fits, in Python's own types."""
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
        """The number as an int."""
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
        """The number as an int or a float, as it was given."""
        return int(value) if isinstance(value, int | np.integer) else float(value)


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
class Texts(Kind):
    """A list of texts."""

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return "a list of strings"

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return isinstance(value, list | tuple) and all(map(Text().fits, value))

    def taken(self, value: Any) -> list[str]:
        """The texts as a list."""
        return list(value)


@dataclass(frozen=True)
class Numbers(Kind):
    """A list of finite numbers."""

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return "a list of finite numbers"

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        one = Number(-sys.float_info.max, sys.float_info.max)
        return isinstance(value, list | tuple) and all(map(one.fits, value))

    def taken(self, value: Any) -> list[float]:
        """The numbers as a list."""
        return list(value)


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
            Text().fits(k) and self.values.fits(v) for k, v in value.items()
        )

    def taken(self, value: Any) -> dict[str, Any]:
        """The object as a dict."""
        return {name: self.values.taken(v) for name, v in value.items()}


@dataclass(frozen=True)
class Entry:
    """One entry of a table.

    text     what it means, for the reference page
    remedy   what to do about another value; None: what the reader says
    default  what holds where it is left out; None: nothing does
    """

    name: str
    kind: "Kind | Table"
    text: str
    default: Any = None
    required: bool = False
    remedy: str | None = None

    def advice(self, value: object) -> str | None:
        """What to do about a value that does not fit; None: what the reader says."""
        return "leave it out" if value is None and not self.required else self.remedy


@dataclass(frozen=True)
class Table:
    """Entries by name; an object in JSON."""

    entries: tuple[Entry, ...]

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        required = [entry.name for entry in self.entries if entry.required]
        return f"an object with {' and '.join(required) or 'names'}"

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def rows(self, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """All entries by their dotted names, those of inner tables after them."""
        for entry in self.entries:
            yield prefix + entry.name, entry
            if isinstance(entry.kind, Table):
                yield from entry.kind.rows(f"{prefix}{entry.name}.")

    def default(self, name: str) -> Any:
        """What holds where the entry with this dotted name is left out."""
        return dict(self.rows())[name].default

    def read(
        self, values: object, what: str = "meta", *, at: str = "", remedy: str = "correct it"
    ) -> Any:
        """A copy of the values, the defaults not among them.

        what    names the whole in messages
        at      dotted name of this table in it, with a dot at the end
        remedy  what to do about values of another kind and missing ones

        Raises InputError for these and for unknown entries.
        """
        return self._read(values, what, at, remedy, [name for name, _ in self.rows(at)])

    def _read(
        self, values: object, what: str, at: str, remedy: str, all_names: list[str]
    ) -> dict[str, Any]:
        if not isinstance(values, Mapping):
            name = f"{what} {at.rstrip('.')}".strip()
            raise InputError(f"wanted {name} as {self.wanted}, got {shown(values)}; {remedy}")
        known, read = {entry.name: entry for entry in self.entries}, {}
        for name, value in values.items():
            if name not in known:
                near = _nearest(at, name, all_names)
                hint = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
                place = f"{what} {at.rstrip('.')}".strip()
                raise InputError(
                    f"wanted known entries of {place} alone, got {shown(name)}; {hint}"
                )
            kind, advice = known[name].kind, known[name].advice(value) or remedy
            if isinstance(kind, Table):
                read[name] = kind._read(value, what, f"{at}{name}.", advice, all_names)
                continue
            if not kind.fits(value):
                raise InputError(
                    f"wanted {what} {at}{name} as {kind.wanted}, got {shown(value)}; {advice}"
                )
            read[name] = kind.taken(value)
        for name, entry in known.items():
            if entry.required and name not in values:
                raise InputError(
                    f"wanted {what} {at}{name} as {entry.kind.wanted}, got none; {remedy}"
                )
        return read


def _is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float | np.integer | np.floating)


def _nearest(at: str, name: object, known: list[str]) -> str | None:
    """The known dotted name that an unknown one, in table `at`, most likely stands for."""
    if not isinstance(name, str):
        return None
    name = name.lower()
    here = {n.removeprefix(at): n for n in known if n.startswith(at)}
    here = {n: full for n, full in here.items() if "." not in n}
    inner = [full for full in known if full.rpartition(".")[2] == name]
    if inner:
        return max(inner, key=lambda full: full.startswith(at))
    starts = [full for n, full in here.items() if n.startswith(name) or name.startswith(n)]
    if starts:
        return starts[0]
    elsewhere = {full.rpartition(".")[2]: full for full in reversed(known)}
    for names, likeness in ((here, _CLOSE), (elsewhere, _CLOSER)):
        if close := difflib.get_close_matches(name, names, 1, likeness):
            return names[close[0]]
    return None
