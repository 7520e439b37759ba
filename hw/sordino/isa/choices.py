"""Enumerations that fields of instructions choose from."""

from amaranth.lib import enum

__all__ = ["Condition", "Function", "Space"]


class Condition(enum.Enum, shape=2):
    """Comparison of a register with an immediate, both unsigned."""

    EQ = 0
    NE = 1
    LT = 2
    GE = 3

    def holds(self, a: int, b: int) -> bool:
        """Whether it holds for two unsigned numbers."""
        return {"EQ": a == b, "NE": a != b, "LT": a < b, "GE": a >= b}[self.name]


class Function(enum.Enum, shape=2):
    """What DRAIN and ADD do after requantising or adding."""

    NONE = 0
    RELU = 1
    TANH = 2


class Space(enum.Enum, shape=2):
    """Memories that vector instructions name."""

    ACTIVATION = 0
    STATE = 1
    BANK0 = 2
    BANK1 = 3
