"""The page of frames on a serial line: what stands in them, and one of each kind as bytes."""

from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data

from sordino.frames import format
from sordino.frames.codec import encode, pack
from sordino.isa.registers import REGISTERS
from sordino.reference.markdown import NOTE, docstring, member_texts, members, table

__all__ = ["uart_page"]

_BYTES = ("FLAG", "ESCAPE", "FLIP")
_NUMBERS = ("VERSION", "MOST_WORDS", "OVERHEAD_WORDS")
_ENUMERATIONS = (format.Command, format.Outcome)
_EXAMPLES: tuple[tuple[str, type[data.Struct], dict[str, Any], tuple[int, ...]], ...] = (
    (
        "SYNC as number 1, with a word of the host's choice",
        format.Request,
        {"sequence": 1, "command": format.Command.SYNC},
        (0x600D_CAFE,),
    ),
    (
        "its answer",
        format.Answer,
        {"sequence": 1, "version": format.VERSION, "index": format.MOST_WORDS},
        (0x600D_CAFE,),
    ),
    (
        "write 5 to ENTRY",
        format.Request,
        {
            "sequence": 2,
            "command": format.Command.WRITE,
            "strobe": 15,
            "address": REGISTERS["ENTRY"].offset,
        },
        (5,),
    ),
    ("its answer", format.Answer, {"sequence": 2, "version": format.VERSION}, ()),
    (
        "read two words from LIMIT_LOW on",
        format.Request,
        {
            "sequence": 3,
            "command": format.Command.READ,
            "advance": 1,
            "address": REGISTERS["LIMIT_LOW"].offset,
        },
        (2,),
    ),
    ("its answer", format.Answer, {"sequence": 3, "version": format.VERSION}, (0x7D, 0)),
)


def uart_page() -> str:
    """docs/uart.md."""
    texts = member_texts(format, "")
    return "".join(
        (
            NOTE,
            "# UART frames\n\n",
            docstring(format) + "\n\n## Numbers\n\n",
            table(
                ("name", "value", "meaning"),
                [
                    *((f"`{n}`", f"0x{getattr(format, n):02x}", texts[n]) for n in _BYTES),
                    *((f"`{n}`", getattr(format, n), texts[n]) for n in _NUMBERS),
                ],
            ),
            *(
                f"\n## {layout.__name__}\n\n{docstring(layout)}\n\n{_fields(layout)}"
                for layout in (format.Request, format.Answer)
            ),
            *(
                f"\n## {enum.__name__}\n\n{docstring(enum)}\n\n{members(format, enum)}"
                for enum in _ENUMERATIONS
            ),
            "\n## Examples\n\nAll bytes on the line are shown, flags and CRC among them.\n\n",
            table(
                ("frame", "bytes"),
                [
                    (name, f"`{encode([pack(layout, **values), *words]).hex(' ')}`")
                    for name, layout, values, words in _EXAMPLES
                ],
            ),
        )
    )


def _fields(layout: type[data.Struct]) -> str:
    """A table of a header's fields, with the strings after them."""
    texts = member_texts(format, layout.__name__)
    rows = []
    for name, field in data.Layout.cast(layout):
        high = field.offset + Shape.cast(field.shape).width - 1
        bits = f"{high}" if high == field.offset else f"{high}:{field.offset}"
        rows.append((bits, f"`{name}`", texts[str(name)]))
    return table(("bits", "field", "meaning"), rows)
