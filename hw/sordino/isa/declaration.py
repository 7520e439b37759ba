"""What the declaration of an operation must be; anything else is refused where it is written.

Everybody derives from an operation's table. A slip in it would show only in an image that happens
to use it, or not at all.
"""

import inspect
from collections.abc import Mapping
from typing import Any, NoReturn

from amaranth.hdl import Shape
from amaranth.lib import enum

from sordino.arch import PRESETS
from sordino.isa.fields import (
    CHOICE,
    FIRST_VERSION,
    Choice,
    Extent,
    Field,
    Kind,
    Meaning,
    Parameters,
    Store,
    Words,
    extent_of,
)
from sordino.isa.pipelines import Pipeline

__all__ = ["Declared", "check_elements", "check_fields", "check_operation", "table"]

_MEMORIES = (Store.ACTIVATION, Store.STATE, Store.BANK0, Store.BANK1)
_SINGLE = (Store.REGISTER, Store.VALUE_TABLE, Store.RUN_TABLE)
"""An instruction touches one of them by a field."""
_REGISTER_FIELD = 3
"""Bits of a register's number."""
_RESERVED = {"self", "operation"}
"""Arguments of functions that take fields by name."""
_WIDEST = {Kind.FLAG: 1, Kind.RIGHT_SHIFT: 6, Kind.ANY_SHIFT: 6}
_LAST_VERSION = (1 << 16) - 1
"""The register VERSION has 16 bits for it."""
_CONFIG = PRESETS["small"]


class _Body(dict[str, Any]):
    def __setitem__(self, name: str, value: Any) -> None:
        if isinstance(self.get(name), Meaning):
            raise TypeError(f"wanted every name once in an operation, got {name!r} again")
        super().__setitem__(name, value)


class Declared(type):
    """The type of operations: a field cannot be declared twice."""

    @classmethod
    def __prepare__(mcs, name: str, bases: tuple[type, ...], /, **options: Any) -> _Body:
        return _Body()


def _refuse(operation: type, text: str) -> NoReturn:
    raise TypeError(f"{operation.__name__}: {text}")


def table(operation: type) -> dict[str, tuple[Any, Meaning]]:
    """Shape and meaning of every field that the operation's body declares, by name."""
    _check_bases(operation)
    try:
        shapes = inspect.get_annotations(operation, eval_str=True)
    except (NameError, SyntaxError) as error:
        raise TypeError(f"{operation.__name__}: wanted shapes of fields, got {error}") from None
    found: dict[str, tuple[Any, Meaning]] = {}
    for name, shape in shapes.items():
        choices = isinstance(shape, type) and issubclass(shape, enum.Enum)
        meaning = operation.__dict__.get(name, CHOICE if choices else None)
        if not isinstance(meaning, Meaning):
            _refuse(
                operation,
                f"wanted a meaning for field {name!r}, got {meaning!r}; a number that addresses "
                "nothing is NUMBER",
            )
        else:
            _check_name(operation, name)
            _check_shape(operation, name, shape, meaning)
            found[name] = (shape, meaning)
    for name, value in operation.__dict__.items():
        if isinstance(value, Meaning) and name not in shapes:
            _refuse(operation, f"wanted a shape for field {name!r}, as in {name}: 16 = NUMBER")
    return found


def _check_bases(operation: type) -> None:
    for base in operation.__mro__[1:]:
        if getattr(base, "mnemonic", ""):
            _refuse(
                operation,
                f"wanted a subclass of Instruction itself, got one of {base.__name__}; an "
                "operation declares all its fields",
            )
        if not isinstance(base, Declared) and inspect.get_annotations(base):
            _refuse(
                operation,
                f"wanted all fields in its own body, got fields of {base.__name__} besides",
            )


def _check_name(operation: type, name: str) -> None:
    base = operation.__mro__[1:]
    taken = any(name in (*vars(b), *inspect.get_annotations(b)) for b in base if b is not object)
    if taken or name in _RESERVED or name.startswith("_"):
        _refuse(operation, f"wanted another name for field {name!r}, which instructions have")


def _check_shape(operation: type, name: str, shape: Any, meaning: Meaning) -> None:
    try:
        cast = Shape.cast(shape)
    except TypeError:
        raise TypeError(
            f"{operation.__name__}: wanted the bits of field {name!r} or a shape, got {shape!r}"
        ) from None
    if not cast.width:
        _refuse(operation, f"wanted at least one bit for field {name!r}, got 0")
    special = meaning.kind is not Kind.NUMBER or isinstance(meaning, Words | Parameters)
    if special and cast.signed and meaning.kind is not Kind.CHOICE:
        _refuse(operation, f"wanted an unsigned shape for field {name!r}, got {shape!r}")
    choices = isinstance(shape, type) and issubclass(shape, enum.Enum)
    if choices != (meaning.kind is Kind.CHOICE):
        _refuse(operation, f"wanted CHOICE for field {name!r} if it is an enumeration, else not")
    _check_version(operation, f"of field {name!r}", meaning.since)
    most = _WIDEST.get(meaning.kind, cast.width)
    if cast.width > most:
        _refuse(operation, f"wanted {most} bits at most for field {name!r}, got {cast.width}")


def _check_version(operation: type, where: str, version: Any) -> None:
    if type(version) is not int or not FIRST_VERSION <= version <= _LAST_VERSION:
        _refuse(
            operation,
            f"wanted {FIRST_VERSION} to {_LAST_VERSION} for the version {where}, got {version!r}",
        )


# What the fields say of each other.


def check_fields(operation: type, fields: Mapping[str, Field]) -> None:
    """TypeError if a field's meaning asks for what the operation does not have."""
    for field in fields.values():
        meaning = field.meaning
        if isinstance(meaning, Words):
            _check_words(operation, field, meaning, fields)
        elif isinstance(meaning, Parameters):
            _check_extent(operation, field.name, meaning.extent, fields)
            _check_row(operation, field.name, meaning, fields)


def _check_words(operation: type, field: Field, words: Words, fields: Mapping[str, Field]) -> None:
    where = f"of field {field.name!r}"
    stores: tuple[Any, ...] = (words.store,)
    if isinstance(words.store, Choice):
        _check_choice(operation, f"the memory {where}", words.store, fields)
        stores = words.store.options
    for store in stores:
        if store not in _MEMORIES and store not in _SINGLE:
            _refuse(operation, f"wanted a memory, table or register {where}, got {store!r}")
    _check_extent(operation, field.name, words.extent, fields)
    if any(store in _SINGLE for store in stores):
        if words.extent.text != "1" or words.base is not None:
            _refuse(operation, f"wanted one register or table {where}, got {words.extent.text}")
        if Store.REGISTER in stores and (len(stores) > 1 or field.width > _REGISTER_FIELD):
            _refuse(operation, f"wanted {_REGISTER_FIELD} bits {where} and REGISTER alone")
    if words.base:
        base = fields.get(words.base)
        if base is None or base.signed:
            _refuse(
                operation,
                f"wanted an unsigned field for the first word {where}, got {words.base!r}",
            )


def _check_choice(operation: type, what: str, choice: Choice, fields: Mapping[str, Field]) -> None:
    """Every value of the field that chooses has an option."""
    field = fields.get(choice.field)
    if field is None or field.signed:
        _refuse(operation, f"wanted an unsigned field that chooses {what}, got {choice.field!r}")
        return
    members = field.choices or ()
    highest = max((member.value for member in members), default=field.range[1])
    if highest >= len(choice.options):
        _refuse(
            operation,
            f"wanted {highest + 1} options for {what}, one for each value of {choice.field!r}, got "
            f"{len(choice.options)}",
        )


def _check_extent(operation: type, name: str, extent: Extent, fields: Mapping[str, Field]) -> None:
    where = f"of field {name!r}" if name else "that it takes"
    try:
        counts = [
            extent.count({n: f.range[high] if high else 1 for n, f in fields.items()}, _CONFIG)
            for high in (0, 1)
        ]
    except KeyError as error:
        raise TypeError(
            f"{operation.__name__}: wanted a field for the number of words {where}, got {error}"
        ) from None
    if any(not isinstance(count, int) or count < 0 for count in counts):
        _refuse(operation, f"wanted a whole number of words {where}, got {counts}")
    named = fields.get(extent.text)
    if named is not None and isinstance(named.meaning, Words | Parameters):
        _refuse(operation, f"wanted a COUNT for the words {where}, got {extent.text!r}")


def _check_row(
    operation: type, name: str, meaning: Parameters, fields: Mapping[str, Field]
) -> None:
    if meaning.row is None:
        return
    register, stride = (fields.get(field) for field in meaning.row)
    words = register.meaning if register is not None else None
    if not (isinstance(words, Words) and words.store is Store.REGISTER and words.reads):
        _refuse(
            operation,
            f"wanted a register that is read for the row of field {name!r}, got {meaning.row[0]!r}",
        )
    if stride is None or stride.signed:
        _refuse(
            operation,
            f"wanted an unsigned stride for the row of field {name!r}, got {meaning.row[1]!r}",
        )


# What the operation says as a whole.


def check_operation(operation: Any, unit: type[enum.Flag]) -> None:
    """TypeError for a name, a unit, a pipeline or a method that is none; `unit` is Unit."""
    name, own = operation.__name__, operation.unit
    if not name.isidentifier() or name.startswith("_") or name.upper() == "RAW":
        _refuse(operation, "wanted the name of a class that is public, other than RAW")
    if not isinstance(own, unit) or own not in (unit(0), *unit):
        _refuse(operation, f"wanted one Unit, got {own!r}")
    _check_version(operation, "that it came with", operation.since)
    if not isinstance(operation.awaits, unit):
        _refuse(operation, f"wanted awaits of Units, got {operation.awaits!r}")
    if operation.blocks not in (False, True) or (operation.blocks and not own):
        _refuse(operation, f"wanted blocks of a unit's operation alone, got {operation.blocks!r}")
    if operation.blocks and not {"count", "end"} <= set(operation.FIELDS):
        _refuse(operation, "wanted fields count and end of an operation that blocks, as INPUT has")
    if operation.emits not in (False, True):
        _refuse(operation, f"wanted emits to be True or False, got {operation.emits!r}")
    for method in ("ways", "wrong", "duration", "most"):
        if not callable(getattr(operation, method)):
            _refuse(operation, f"wanted a method {method}, got {getattr(operation, method)!r}")


def check_elements(operation: Any) -> None:
    """TypeError for elements or a pipeline of the vector unit that are none."""
    if not (hasattr(operation, "elements") and hasattr(operation, "pipeline")):
        _refuse(operation, "wanted elements and a pipeline of the vector unit")
    if not isinstance(operation.elements, str | Extent):
        _refuse(operation, f"wanted a field's name or an Extent, got {operation.elements!r}")
    _check_extent(operation, "", extent_of(operation.elements), operation.FIELDS)
    pipelines: tuple[Any, ...] = (operation.pipeline,)
    if isinstance(operation.pipeline, Choice):
        _check_choice(operation, "its pipeline", operation.pipeline, operation.FIELDS)
        pipelines = operation.pipeline.options
    for pipeline in pipelines:
        if not isinstance(pipeline, Pipeline):
            _refuse(operation, f"wanted a Pipeline, got {pipeline!r}")
