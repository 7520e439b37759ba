"""What the harness includes says where the trace port has its signals, and who retires."""

import re
from pathlib import Path
from typing import Any

import numpy as np

import sordino.engines.native.compiled as compiled
from sordino.engines.native.headers import headers
from sordino.rtl.shared.ports import RETIRES, Trace

NUMBERS = {
    name: int(value)
    for name, value in re.findall(r"size_t TRACE_(\w+) = (\d+);", headers()["trace.h"])
}


def bits(word: int, start: int, count: int) -> int:
    return word >> start & (1 << count) - 1


def event(word: int, start: int) -> int | None:
    """The address of an event, as the harness finds it."""
    if not bits(word, start + NUMBERS["VALID"], 1):
        return None
    return bits(word, start + NUMBERS["PC"], NUMBERS["PC_BITS"])


def test_events_are_found_in_the_bits_of_the_trace() -> None:
    rng = np.random.default_rng(5)
    layout: Any = Trace
    for _ in range(20):
        pcs = [int(pc) for pc in rng.integers(1 << 16, size=2 + len(RETIRES))]
        valid = [int(one) for one in rng.integers(2, size=1 + len(RETIRES))]
        events = [{"valid": v, "pc": pc} for v, pc in zip(valid, pcs, strict=False)]
        made = layout.const({"issue": events[0], "retire": events[1:], "next": pcs[-1]})
        word = int(made.as_bits())
        found = [event(word, NUMBERS["ISSUE"])]
        for k in range(len(RETIRES)):
            found.append(event(word, NUMBERS["RETIRE"] + k * NUMBERS["EVENT_BITS"]))
        assert found == [e["pc"] if e["valid"] else None for e in events]
        assert bits(word, NUMBERS["NEXT"], NUMBERS["PC_BITS"]) == pcs[-1]


def test_who_retires_is_numbered_as_in_the_trace() -> None:
    found = re.search(r"enum Who \{ (.+), WHO \};", headers()["trace.h"])
    assert found is not None
    assert found[1].lower().split(", ") == list(RETIRES)


def test_the_harness_declares_no_contract_itself() -> None:
    sources = sorted(Path(compiled.__file__).parent.glob("*.[ch]pp"))
    assert {path.name for path in sources} == {
        "external.hpp",
        "harness.cpp",
        "harness.hpp",
        "window.hpp",
    }
    text = "".join(path.read_text() for path in sources)
    assert all(f'#include "{name}"' in text for name in headers())
    assert not re.search(r"\benum\b", text)
