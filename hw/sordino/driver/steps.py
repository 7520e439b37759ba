"""A coroutine whose every step returns at once, run to its end."""

from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["at_once"]

T = TypeVar("T")


def at_once(coroutine: Coroutine[Any, Any, T], wanted: str) -> T:
    """What a coroutine returns that never waits for somebody else; TypeError where it does.

    `wanted` names what would make it one that does not wait.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise TypeError(f"wanted {wanted}, got one that waits for others; use AsyncHost")
