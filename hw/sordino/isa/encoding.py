"""Range-checked encoding of Structs and fields: refuse what the hardware would truncate."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data, enum

from sordino.isa.fields import Field

__all__ = ["EncodingError", "check_field", "encode", "field_bits"]


class EncodingError(ValueError):
    """A field value that does not fit; the message names the field."""


def check_field(name: str, value: int, width: int, signed: bool = False) -> None:
    """Raise EncodingError unless `value` fits in `width` bits."""
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    if not low <= value <= high:
        raise EncodingError(f"field {name!r}: {value} does not fit, wanted {low} to {high}")


def encode(layout: type[data.Struct], values: Mapping[str, int]) -> int:
    """The raw integer of `layout` with every field of `values` checked; absent fields are 0."""
    shape: Any = data.Layout.cast(layout)
    names = [name for name, _ in shape]
    for name, value in values.items():
        if name not in names:
            raise EncodingError(
                f"no field {name!r} in {layout.__name__}; it has {', '.join(names)}"
            )
        field = Shape.cast(shape[name].shape)
        check_field(name, int(value), field.width, field.signed)
        kind = shape[name].shape
        if isinstance(kind, enum.EnumMeta) and int(value) not in {m.value for m in kind}:
            raise EncodingError(f"field {name!r}: {value} is no member of {kind.__name__}")
    return int(layout.const(dict(values)).as_bits())


def field_bits(field: Field, value: Any) -> int:
    """The bits of a field of an instruction; EncodingError where the value does not fit."""
    if isinstance(value, str):
        raise EncodingError(f"field {field.name!r} is label {value!r}, wanted an address")
    check_field(field.name, value, field.width, field.signed)
    if field.choices is not None and value not in {member.value for member in field.choices}:
        raise EncodingError(
            f"field {field.name!r}: {value} is no member of {field.choices.__name__}"
        )
    return int(value) & ((1 << field.width) - 1)
