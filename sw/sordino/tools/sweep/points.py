"""Points of the design space, their order and their names on disk."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sordino.arch import Config

__all__ = ["Point", "grid", "point_key"]


@dataclass(frozen=True, kw_only=True)
class Point:
    """One machine and one way to compile the model for it.

    lanes, group  of the machine
    bits          of a weight
    zeros         share to prune, spread where least is lost; None keeps the zeros that are there
    memory        KiB for all weight streams; None: as much as they need
    """

    lanes: int
    group: int
    bits: int
    zeros: float | None
    memory: int | None

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


def grid(
    lanes: Sequence[int],
    group: Sequence[int],
    bits: Sequence[int],
    zeros: Sequence[float | None],
    memory: Sequence[int | None],
) -> list[Point]:
    """Every combination once, lanes slowest, memory fastest, in the order given."""
    return [
        Point(lanes=a, group=b, bits=c, zeros=d, memory=e)
        for a in dict.fromkeys(lanes)
        for b in dict.fromkeys(group)
        for c in dict.fromkeys(bits)
        for d in dict.fromkeys(zeros)
        for e in dict.fromkeys(memory)
    ]


def point_key(point: Point, base: Config, model: str, code: str, data: str | None = None) -> str:
    """The name of a point's result: all that it depends on, hashed.

    `model` is the hash of the model, `code` that of what computes the result, and `data` that of
    the recordings where word errors are counted.
    """
    depends = {
        "point": point.as_dict(),
        "base": {k: v for k, v in base.as_dict().items() if k not in ("name", "lanes", "group")},
        "model": model,
        "code": code,
        "data": data,
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:24]
