"""Records: frozen dataclasses that are the declaration of a JSON object.

    @dataclass(frozen=True, kw_only=True)
    class Joint(Record):
        activation: str = declare(Choice(("tanh", "relu")), "function of the sum")
        dim: int | None = declare(Whole(1, 1 << 20), "width of the joint", None)

An entry without a default must be stated. A default of None stands for an entry that is not there.
Everything that is not declared is refused.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar, Self

from sordino.errors import InputError
from sordino.schema.kinds import TEXT, Kind, Map, shown

__all__ = ["Entry", "Nested", "Record", "Table", "declare"]

_CLOSE = 0.6
"""Likeness from which an unknown name is taken for a slip of a known one."""
_CLOSER = 0.8
"""The same for one that belongs elsewhere."""
_ENTRY = "entry"


@dataclass(frozen=True)
class Entry:
    """One entry of an object.

    text     what it means, for the reference page
    remedy   what to do about another value; None: what the reader says
    default  what holds where it is left out; None: nothing does
    """

    name: str
    kind: Kind
    text: str
    default: Any = None
    required: bool = False
    remedy: str | None = None

    def advice(self, value: object) -> str | None:
        """Return what to do about a value that does not fit; None: what the reader says."""
        return "leave it out" if value is None and not self.required else self.remedy


def declare(kind: Kind, text: str, default: Any = MISSING, *, remedy: str | None = None) -> Any:
    """Declare an entry of a Record; the arguments are those of `Entry`."""
    made = Entry("", kind, text, remedy=remedy)
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata={_ENTRY: made})
    return field(default=default, metadata={_ENTRY: made})


@dataclass(frozen=True)
class Table:
    """The entries of an object."""

    entries: tuple[Entry, ...]

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        *first, last = [one.name for one in self.entries if one.required] or ["names"]
        return f"an object with {', '.join(first)}{' and ' if first else ''}{last}"

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def rows(self, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield all entries by their dotted names, those of inner objects after them."""
        for one in self.entries:
            yield prefix + one.name, one
            if isinstance(one.kind, Nested):
                yield from one.kind.record.table().rows(f"{prefix}{one.name}.")
            elif isinstance(one.kind, Map) and isinstance(one.kind.values, Nested):
                yield from one.kind.values.record.table().rows(f"{prefix}{one.name}.NAME.")


class Record:
    """Base of frozen dataclasses whose fields are declared by `declare`.

    Construction checks every value and takes it in Python's own types. Raises InputError for a
    value of another kind.
    """

    STATED: ClassVar[frozenset[str]] = frozenset()
    """Entries that must be stated although they have a default."""
    _given: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for one in self.table():
            value = getattr(self, one.name)
            if value is None and one.default is None and not one.required:
                continue
            if not one.kind.fits(value):
                raise InputError(
                    f"wanted {one.name} as {one.kind.wanted}, got {shown(value)}; correct it"
                )
            object.__setattr__(self, one.name, one.kind.taken(value))

    @classmethod
    @cache
    def table(cls) -> Table:
        """Return the entries in the order of their declaration."""
        return Table(tuple(_declared(f, cls.STATED) for f in fields(cls) if _ENTRY in f.metadata))  # type: ignore[arg-type]

    @classmethod
    def read(
        cls,
        values: object,
        what: str = "meta",
        *,
        whole: str | None = None,
        at: str = "",
        remedy: str = "correct it",
    ) -> Self:
        """Return the record of an object in JSON.

        what    begins the name of an entry in messages
        whole   names the whole in messages, where that is not `what`
        at      dotted name of this object in the whole, with a dot at the end
        remedy  what to do about values of another kind and missing ones

        Raises InputError for these and for unknown entries.
        """
        names = [name for name, _ in cls.table().rows(at)]
        return cls._read(values, _Reading(what, whole or what, names), at, remedy)

    @classmethod
    def _read(cls, values: object, reading: "_Reading", at: str, remedy: str) -> Self:
        table, what = cls.table(), reading.what
        if not isinstance(values, Mapping):
            name = reading.place(at)
            raise InputError(f"wanted {name} as {table.wanted}, got {shown(values)}; {remedy}")
        known = {one.name: one for one in table}
        read: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise InputError(reading.unknown(name, at, known))
            one, advice = known[name], known[name].advice(value) or remedy
            if isinstance(one.kind, Nested):
                read[name] = one.kind.record._read(value, reading, f"{at}{name}.", advice)
                continue
            if isinstance(one.kind, Map) and isinstance(one.kind.values, Nested):
                read[name] = cls._named(one.kind.values, value, reading, f"{at}{name}.", advice)
                continue
            if not one.kind.fits(value):
                raise InputError(
                    f"wanted {what} {at}{name} as {one.kind.wanted}, got {shown(value)}; {advice}"
                )
            read[name] = value
        for name, one in known.items():
            if one.required and name not in values:
                raise InputError(
                    f"wanted {what} {at}{name} as {one.kind.wanted}, got none; {remedy}"
                )
        made = cls(**read)
        object.__setattr__(made, "_given", frozenset(read))
        return made

    @staticmethod
    def _named(
        kind: "Nested", values: object, reading: "_Reading", at: str, remedy: str
    ) -> dict[str, Any]:
        """Return the records of an object whose names are free."""
        if not isinstance(values, Mapping) or not all(map(TEXT.fits, values)):
            raise InputError(
                f"wanted {reading.place(at)} as an object of names with an object each, got "
                f"{shown(values)}; {remedy}"
            )
        return {
            name: kind.record._read(value, reading, f"{at}{name}.", remedy)
            for name, value in values.items()
        }

    @property
    def given(self) -> frozenset[str]:
        """Names of the entries that were stated where it was read, or changed since then."""
        return self._given

    def states(self, name: str) -> bool:
        """Say whether an entry was stated, or is none of the defaults."""
        return name in self._given or getattr(self, name) != self._default(name)

    @classmethod
    def _default(cls, name: str) -> Any:
        return {one.name: one.default for one in cls.table()}[name]

    def changed(self, **entries: Any) -> Self:
        """Return a copy with other values of some entries, which thereby are stated."""
        made = replace(self, **entries)  # type: ignore[type-var]
        object.__setattr__(made, "_given", self._given | frozenset(entries))
        return made

    def as_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it: what must be stated, was stated or is no default."""
        found = {}
        for one in self.table():
            value = getattr(self, one.name)
            stated = one.required or (one.name in self._given and value is not None)
            if stated or value != one.default:
                found[one.name] = one.kind.written(value)
        return found


@dataclass(frozen=True)
class Nested(Kind):
    """An object that is a record itself."""

    record: type[Record]

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return self.record.table().wanted

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return isinstance(value, self.record)

    def written(self, value: Any) -> Any:
        """Return the record as a dict."""
        return value.as_dict()


def _declared(one: "Field[Any]", stated: frozenset[str]) -> Entry:
    """The entry that a field of a Record declares."""
    default = one.default if one.default_factory is MISSING else one.default_factory()
    required = default is MISSING or one.name in stated
    declared: Entry = one.metadata[_ENTRY]
    return replace(
        declared,
        name=one.name,
        default=None if default is MISSING else default,
        required=required,
    )


@dataclass(frozen=True)
class _Reading:
    """What messages of one reading say: see `Record.read`."""

    what: str
    whole: str
    names: list[str]

    def place(self, at: str) -> str:
        """Name an object inside the whole."""
        return f"{self.what} {at.rstrip('.')}" if at else self.whole

    def unknown(self, name: object, at: str, known: Mapping[str, Entry]) -> str:
        """Return the message about an unknown entry."""
        near = _nearest(at, name, self.names)
        hint = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
        return f"wanted known entries of {self.place(at)} alone, got {shown(name)}; {hint}"


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
