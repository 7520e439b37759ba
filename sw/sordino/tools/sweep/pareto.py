"""Which results no other beats in everything."""

from collections.abc import Sequence
from typing import Any

__all__ = ["mark_pareto"]

_OBJECTIVES = ("bytes", "frame_best")


def _objectives(result: dict[str, Any], names: Sequence[str]) -> tuple[float, ...] | None:
    values = [result[name] for name in names]
    return None if None in values else tuple(values)


def mark_pareto(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results with a `pareto` flag: no other is as good in bytes and cycles and better in one.

    Word errors are the third objective where every point that can be built has them.
    """
    built = [result for result in results if result["error"] is None]
    with_errors = bool(built) and all(result["wer"] is not None for result in built)
    names = (*_OBJECTIVES, "wer") if with_errors else _OBJECTIVES
    values = [_objectives(result, names) for result in results]

    def beaten(one: tuple[float, ...]) -> bool:
        return any(
            other != one and all(a <= b for a, b in zip(other, one, strict=True))
            for other in values
            if other is not None
        )

    return [
        {**result, "pareto": own is not None and not beaten(own)}
        for result, own in zip(results, values, strict=True)
    ]
