"""Enumerations that fields of instructions choose from."""

from typing import Any

from amaranth.lib import enum

__all__ = ["SINCE", "Condition", "Function", "Space"]


class Condition(enum.Enum, shape=2):
    """How BRANCH compares a register with a value, both unsigned: ==, !=, < and >=."""

    EQ = 0
    NE = 1
    LT = 2
    GE = 3

    def holds(self, a: int, b: int) -> bool:
        """Whether the comparison holds for two unsigned numbers."""
        return {"EQ": a == b, "NE": a != b, "LT": a < b, "GE": a >= b}[self.name]


class Function(enum.Enum, shape=2):
    """The function that DRAIN and ADD apply to a result: none, max(v, 0), tanh or sigmoid."""

    NONE = 0
    RELU = 1
    TANH = 2
    SIGMOID = 3


class Space(enum.Enum, shape=2):
    """Memories that FILL and COPY name: activation and state memory, and the accumulator banks."""

    ACTIVATION = 0
    STATE = 1
    BANK0 = 2
    BANK1 = 3


SINCE: dict[Any, int] = {Function.SIGMOID: 3}
"""The version of the instruction set that a member came with; of others it is the first."""
