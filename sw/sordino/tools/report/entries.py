"""Best and worst cycles of every entry point, as rows of a table and as JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sordino.cycles.spans import Bounds, Span
from sordino.image.section.networks import ImageNetwork

__all__ = ["Entries", "entries_json", "entry_rows"]

Entries = Mapping[str, Bounds | Span | None]
"""The bounds of every entry point, as `entry_bounds` gives them."""


def entries_json(found: Entries) -> dict[str, Any]:
    """Each entry point's bounds; of one that reads no input `run`, from START to HALT."""
    return {
        name: {"run": asdict(one)} if isinstance(one, Span) else one and one.as_dict()
        for name, one in found.items()
    }


def entry_rows(
    found: Entries, networks: Mapping[str, ImageNetwork]
) -> Iterator[tuple[str, str, Span]]:
    """Yield entry point, what is done, and its cycles."""
    asked = {one.request: name for name, one in networks.items() if one.request is not None}
    for name, one in found.items():
        if isinstance(one, Span):
            yield name, "START to HALT", one
        elif one is not None:
            yield name, "START to the first vector", one.start
            yield name, "a vector", one.frame
            for network, span in one.networks.items():
                yield name, f"{network} alone", span
            for number, span in one.requests.items():
                what = f" ({asked[number]})" if number in asked else ""
                yield name, f"request {number}{what}", span
            yield name, "end of input to HALT", one.end
