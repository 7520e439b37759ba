"""Sums and products of vectors in any two memories, to any memory: the rows of a table.

The table is in `docs/architecture.md`, "Sums and products of vectors".
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sordino.golden.machine import Golden
from sordino.isa.operations import Add, Multiply
from sordino.testing.images.by_hand import NO_FEATURES, program_image

A, B, MOVED, RESULT, COUNT = 0, 16, 32, 48, 9
"""Places of the operands, of what is moved and of the result, in either memory."""
STATE = [-32768, 32767, -3000, 2999, -16, 15, 1, 0, -1]
"""Of both signs and both ends."""
NARROW = [-128, 127, -100, 99, 100, -9, 1, 0, -1]
SAME = {"multiplier": 1 << 15, "shift": 15, "count": COUNT}
HALF = {"multiplier": 40000, "shift": 16, "count": COUNT}
"""The scale of the results: 40000 / 2^16."""
TO_STATE = (
    Add,
    {"a": A, "destination": MOVED, "from_activation": 1, "alone": 1, "wide": 1, **SAME},
)
TO_ACTIVATION = (Add, {"a": A, "destination": MOVED, "alone": 1, **SAME, "shift": 23})
"""An int8 becomes 16 times as much, an int16 its highest 8 bits."""

SUMS: dict[str, list[Any]] = {
    "state + state": [(Add, {"a": A, "b": B})],
    "activation + state": [(Add, {"a": A, "b": B, "from_activation": 1})],
    "activation + activation": [TO_STATE, (Add, {"a": B, "b": MOVED, "from_activation": 1})],
}
PRODUCTS: dict[str, list[Any]] = {
    "state * state": [TO_ACTIVATION, (Multiply, {"state": B, "activation": MOVED})],
    "state * activation": [(Multiply, {"state": A, "activation": B})],
    "activation * activation": [TO_STATE, (Multiply, {"state": MOVED, "activation": B})],
}


def nearest(value: Fraction) -> int:
    magnitude = math.floor(abs(value) + Fraction(1, 2))
    return magnitude if value >= 0 else -magnitude


def result(code: list[Any], names: list[str], wide: int) -> list[int]:
    """What the program leaves of the operands, which stand in the memories of these names."""
    *moves, (operation, fields) = code
    last = (operation, {**fields, **HALF, "destination": RESULT, "wide": wide})
    golden = Golden(program_image(*moves, last))
    memory = golden.state.memory
    for name, at, turned in zip(names, (A, B), (1, -1), strict=True):
        values = NARROW if name == "activation" else STATE
        getattr(memory, name)[at : at + COUNT] = values[::turned]
    golden.run(NO_FEATURES)
    store = memory.state if wide else memory.activation
    return [int(value) for value in store[RESULT : RESULT + COUNT]]


def clamped(values: list[Fraction], wide: int) -> list[int]:
    low, high = (-(1 << 15), (1 << 15) - 1) if wide else (-(1 << 7), (1 << 7) - 1)
    return [max(low, min(high, nearest(value * Fraction(40000, 1 << 16)))) for value in values]


@pytest.mark.parametrize("wide", [0, 1])
@pytest.mark.parametrize("name", SUMS)
def test_sums(name: str, wide: int) -> None:
    """Of what is in activation memory 16 times as much is added; the sum is within int16."""
    names = name.split(" + ")
    a, b = (np.array(NARROW) * 16 if n == "activation" else np.array(STATE) for n in names)
    sums = np.clip(a + b[::-1], -(1 << 15), (1 << 15) - 1).tolist()
    assert result(SUMS[name], names, wide) == clamped([Fraction(v) for v in sums], wide)


@pytest.mark.parametrize("wide", [0, 1])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name: str, wide: int) -> None:
    names = name.split(" * ")
    a, b = (NARROW if n == "activation" else STATE for n in names)
    first = [Fraction(v) for v in a]
    if name == "activation * activation":
        first = [16 * v for v in first]
    if name == "state * state":
        first = [Fraction(max(-128, min(127, nearest(v / 256)))) for v in first]
    products = [x * y for x, y in zip(first, b[::-1], strict=True)]
    assert result(PRODUCTS[name], names, wide) == clamped(products, wide)
