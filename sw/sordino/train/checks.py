"""What values a recipe's fields may have."""

from sordino.errors import InputError

__all__ = ["one_of", "within"]


def within(recipe: object, name: str, low: float, high: float) -> None:
    """Raise InputError unless field `name` is a number from `low` to `high`."""
    value = getattr(recipe, name)
    if not low <= value <= high:
        raise InputError(f"wanted {name} from {low:g} to {high:g} in the recipe, got {value:g}")


def one_of(recipe: object, name: str, allowed: tuple[str, ...]) -> None:
    """Raise InputError unless field `name` is one of the allowed texts."""
    if (value := getattr(recipe, name)) not in allowed:
        raise InputError(f"wanted {name} as one of {', '.join(allowed)}, got {value!r}")
