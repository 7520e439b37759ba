"""The vector unit against the exact machine: every memory, after every instruction."""

import random

import pytest

from sordino.arch import VECTOR_GATES
from sordino.isa.choices import Function, Space
from sordino.isa.operations import Add, Argmax, Cell, Copy, Drain, Embed, Fill, Gru, Input, Multiply
from sordino.testing.benches.vector_bench import (
    argmax_entries,
    check_vector,
    small_vector_bench,
)


@pytest.mark.parametrize("vector_gates", VECTOR_GATES)
def test_instructions_follow_without_a_gap(vector_gates: int) -> None:
    """What one leaves in the pipelines does not reach the next."""
    rng = random.Random(5)
    scale = {"multiplier": 40000, "shift": 31, "parameters": 2}
    pool = [
        Cell(bank=1, units=13, state=4, destination=30, **scale),
        Cell(bank=0, units=1, state=4, destination=30, **scale),
        Gru(bank=0, units=12, state=3, destination=31, **scale),
        Gru(bank=1, units=1, state=4, destination=30, **scale),
        Drain(bank=0, rows=1, destination=70, wide=1, **scale),
        Drain(bank=1, rows=3, destination=7, function=Function.TANH, **scale),
        Drain(bank=0, rows=2, destination=80, function=Function.SIGMOID, **scale),
        Add(a=9, b=60, destination=120, count=11, function=Function.SIGMOID),
        Argmax(bank=0, rows=2, parameters=50, register=1),
        Add(a=20, b=80, destination=50, count=25, function=Function.TANH),
        Add(a=21, b=8, destination=5, count=2, multiplier=33333, shift=20),
        Add(a=21, b=8, destination=5, count=30, wide=1, multiplier=33333, shift=15),
        Add(a=21, destination=90, count=30, from_activation=1, alone=1, multiplier=9, shift=1),
        Multiply(state=8, activation=5, destination=90, count=30, multiplier=33333, shift=20),
        Multiply(state=90, activation=5, destination=9, count=7, wide=1, multiplier=9, shift=9),
        Embed(parameters=6, stride=3, destination=88, count=20),
        Fill(space=Space.ACTIVATION, destination=6, count=1, value=-5),
        Fill(space=Space.BANK1, destination=1, count=3, value=77),
        Fill(space=Space.BANK0, count=7, value=-128),
        Copy(space=Space.STATE, source=4, destination=100, count=40),
    ]
    parameters = argmax_entries([(rng.randint(-9, 9), rng.randint(-2, 9)) for _ in range(140)], 50)
    check_vector(
        8,
        *rng.choices(pool, k=60),
        operand=4,
        parameters=parameters,
        vector_gates=vector_gates,
    )


def test_durations_are_what_the_documentation_says() -> None:
    config = small_vector_bench(8).config
    for operation, fields, cycles in (
        (Input, {"count": 5}, 5 + 2),
        (Fill, {"count": 5}, 5 + 2),
        (Copy, {"count": 5}, 5 + 3),
        (Embed, {"count": 5}, 5 + 5),
        (Argmax, {"rows": 5}, 40 + 5),
        (Drain, {"rows": 5}, 40 + 11),
        (Drain, {"rows": 5, "function": Function.TANH}, 40 + 15),
        (Drain, {"rows": 5, "function": Function.SIGMOID}, 40 + 15),
        (Add, {"count": 5}, 5 + 11),
        (Add, {"count": 5, "wide": 1, "from_activation": 1, "alone": 1}, 5 + 11),
        (Add, {"count": 5, "function": Function.TANH}, 5 + 15),
        (Add, {"count": 5, "function": Function.SIGMOID}, 5 + 15),
        (Multiply, {"count": 5}, 5 + 11),
        (Cell, {"units": 5}, 5 + 24),
        (Gru, {"units": 5}, 5 + 24),
    ):
        assert operation(**fields).duration(config) == cycles


def test_durations_of_a_serial_unit() -> None:
    config = small_vector_bench(8, vector_gates=1).config
    for operation, fields, cycles in (
        (Embed, {"count": 5}, 5 + 6),
        (Drain, {"rows": 5, "function": Function.TANH}, 40 + 15),
        (Multiply, {"count": 5}, 5 + 11),
        (Cell, {"units": 0}, 5 + 23),
        (Cell, {"units": 5}, 25 + 23),
        (Gru, {"units": 5}, 25 + 23),
    ):
        assert operation(**fields).duration(config) == cycles
