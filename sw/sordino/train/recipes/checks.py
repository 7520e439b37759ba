"""What values a recipe's fields may have."""

from sordino.errors import InputError

__all__ = ["one_of", "plain_name", "shown", "within"]

_MOST = 60
"""Characters of a value in a message."""
_LARGE = 1 << 63


def shown(value: object) -> str:
    """A value as a message shows it: in one line, and not for pages."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"a whole number of {value.bit_length()} bits"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # of endless numbers inside, of endless tables
        return f"a {type(value).__name__}"
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"


def within(recipe: object, name: str, low: float, high: float) -> None:
    """Raise InputError unless field `name` is a number from `low` to `high`."""
    value = getattr(recipe, name)
    if not low <= value <= high:
        got = f"{value:g}" if abs(value) < _LARGE else shown(value)
        raise InputError(f"wanted {name} from {low:g} to {high:g} in the recipe, got {got}")


def plain_name(what: str, name: str) -> None:
    """Raise InputError unless `name` can be that of a file or folder in a given folder."""
    if name != name.strip() or name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise InputError(
            f"wanted {what} as the name of one in the folder of the runs, without a path, got "
            f"{shown(name)}"
        )


def one_of(recipe: object, name: str, allowed: tuple[str, ...]) -> None:
    """Raise InputError unless field `name` is one of the allowed texts."""
    if (value := getattr(recipe, name)) not in allowed:
        raise InputError(f"wanted {name} as one of {', '.join(allowed)}, got {shown(value)}")
