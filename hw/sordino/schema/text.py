"""JSON text, read strictly: a name stands in an object once, and numbers are numbers."""

import json
from typing import Any

from sordino.schema.kinds import shown

__all__ = ["parse_json"]


def parse_json(text: str) -> Any:
    """Return the value of JSON text.

    Raises ValueError for anything but JSON, also for names that stand twice in an object and for
    NaN and infinity, which JSON does not have; RecursionError where it is too deep.
    """
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = ""
        for name, _ in pairs:
            if name in seen:
                twice = name
                break
            seen.add(name)
        raise ValueError(f"the name {shown(twice)} twice in an object")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text}, which is no number")
