"""The contracts as the harness includes them: the machine's C header, and its trace port."""

from amaranth.hdl import Shape
from amaranth.lib import data

from sordino.isa.text.header import c_header
from sordino.rtl.shared.ports import RETIRES, Event, Trace

__all__ = ["headers", "trace_header"]


def headers() -> dict[str, str]:
    """Texts by file name."""
    return {"sordino.h": c_header(), "trace.h": trace_header()}


def trace_header() -> str:
    """Where the signals of `sordino.rtl.shared.ports.Trace` lie in its bits, and who retires."""
    trace, event = data.Layout.cast(Trace), data.Layout.cast(Event)
    numbers = {
        "ISSUE": trace["issue"].offset,
        "RETIRE": trace["retire"].offset,
        "NEXT": trace["next"].offset,
        "EVENT_BITS": event.size,
        "VALID": event["valid"].offset,
        "PC": event["pc"].offset,
        "PC_BITS": Shape.cast(event["pc"].shape).width,
    }
    who = ", ".join(name.upper() for name in RETIRES)
    return (
        "// Generated from sordino.rtl.shared.ports.\n\n#pragma once\n\n#include <cstddef>\n\n"
        f"enum Who {{ {who}, WHO }};\n"
        + "".join(f"constexpr size_t TRACE_{name} = {value};\n" for name, value in numbers.items())
    )
